package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
)

func TestOrchestrationIsFollowedFromStartToEnd(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		s.prints("order-7\n", "start", "greet", "--id", "order-7", "--input", ` "Ana" `, "--tag", "b=2", "--tag", "a=1=1", "--version", "3")
		s.prints(`
id             order-7
orchestrator   greet
version        3
status         Completed
custom status  "greeting"
created        2000-01-01 00:00:00Z
updated        2000-01-01 00:00:00Z
completed      2000-01-01 00:00:00Z, after 0s
tags           a=1=1 b=2
input          "Ana"
output         "Hello Ana"
`, "wait", "order-7")
		s.prints(s.done("wait", "order-7"), "get", "order-7")
		s.prints(`
TIME                      EVENT                OF     DETAIL
2000-01-01 00:00:00.000Z  OrchestratorStarted
2000-01-01 00:00:00.000Z  ExecutionStarted     greet  "Ana"
2000-01-01 00:00:00.000Z  TaskScheduled        hello  "Ana"
2000-01-01 00:00:00.000Z  OrchestratorStarted
2000-01-01 00:00:00.000Z  TaskCompleted        hello  "Hello Ana"
2000-01-01 00:00:00.000Z  ExecutionCompleted          Completed "Hello Ana"
`, "history", "order-7")
	})
}

func TestInstanceIsPrintedForPrograms(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		s.prints("{\n  \"id\": \"order-7\"\n}\n", "start", "greet", "--id", "order-7", "--input", `"<Ana>"`, "--tag", "a=b", "--output", "json")
		text := s.done("wait", "order-7", "--output", "json")
		var execution struct{ ExecutionID string }
		if err := json.Unmarshal([]byte(text), &execution); err != nil || execution.ExecutionID == "" {
			t.Fatalf("%v, got %s, want JSON with an execution", err, text)
		}
		want := strings.Replace(`{
  "id": "order-7",
  "name": "greet",
  "status": "Completed",
  "executionId": "EXECUTION",
  "created": "2000-01-01T00:00:00Z",
  "updated": "2000-01-01T00:00:00Z",
  "completed": "2000-01-01T00:00:00Z",
  "input": "<Ana>",
  "output": "Hello <Ana>",
  "customStatus": "greeting",
  "tags": {
    "a": "b"
  }
}
`, "EXECUTION", execution.ExecutionID, 1)
		if diff := cmp.Diff(want, text); diff != "" {
			t.Errorf("wait (-want +got):\n%s", diff)
		}

		var history struct {
			ID     string
			Events []map[string]any
		}
		if err := json.Unmarshal([]byte(s.done("history", "order-7", "--output", "json")), &history); err != nil {
			t.Fatal(err)
		}
		if history.ID != "order-7" || len(history.Events) != 6 {
			t.Fatalf("history = %+v, want 6 entries of order-7", history)
		}
		wantEntry := map[string]any{
			"eventId": -1.0, "timestamp": "2000-01-01T00:00:00Z", "kind": "TaskCompleted",
			"taskId": history.Events[2]["eventId"], "result": "Hello <Ana>",
		}
		if diff := cmp.Diff(wantEntry, history.Events[4]); diff != "" {
			t.Errorf("entry (-want +got):\n%s", diff)
		}
	})
}

func TestFailureIsShownAndSetsTheExitCodeOfWait(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		s.done("start", "fail", "--id", "order-7")
		code, stdout, stderr := s.call("wait", "order-7")
		// What the failure says must not turn the terminal red.
		want := "funchost: instance \"order-7\" ended as Failed: Refused: card\\x1b[31m declined\n"
		if code != 1 || stderr != want || !strings.Contains(stdout, "failure       Refused: card\\x1b[31m declined\ncaused by     no money\n") {
			t.Errorf("wait ended with %d, %q and %s, want 1 and %q", code, stderr, stdout, want)
		}
		var got struct {
			Failure struct {
				Type, Message string
				Inner         struct{ Message string }
			}
		}
		if err := json.Unmarshal([]byte(s.done("get", "order-7", "--output", "json")), &got); err != nil {
			t.Fatal(err)
		}
		if f := got.Failure; f.Type != "Refused" || f.Message != "card\x1b[31m declined" || f.Inner.Message != "no money" {
			t.Errorf("failure = %+v, want it as it was raised", f)
		}
	})
}

func TestWaitGivesUpWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		s.done("start", "wait", "--id", "order-7")
		began := time.Now()
		s.refuses(1, `instance "order-7" has not ended after 1h30m0s`, "wait", "order-7", "--timeout", "90m")
		if took := time.Since(began); took != 90*time.Minute {
			t.Errorf("waited for %v, want 90m", took)
		}
		s.refuses(2, "cannot be below zero", "wait", "order-7", "--timeout", "-1s")

		ctx, interrupt := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, interrupt)
		var stdout, stderr strings.Builder
		if code := run(ctx, s.surroundings, []string{"wait", "order-7"}, &stdout, &stderr); code != 1 || stderr.String() != "funchost: interrupted\n" {
			t.Errorf("interrupted wait ended with %d and says %q", code, stderr.String())
		}

		go func() {
			time.Sleep(time.Minute)
			s.done("raise", "order-7", "go", "--input", "true")
		}()
		if got := s.done("wait", "order-7"); !strings.Contains(got, "output        true\n") {
			t.Errorf("wait prints %s, want the payload of the event", got)
		}
	})
}

func TestOrchestrationIsSteered(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		s.done("start", "wait", "--id", "order-7")
		synctest.Wait()
		s.prints("order-7 holds still\n", "suspend", "order-7", "--reason", "stocktaking")
		s.prints("order-7 has event \"go\"\n", "raise", "order-7", "go", "--input", "[1]")
		synctest.Wait()
		s.status("Suspended", "order-7")
		s.prints("order-7 goes on\n", "resume", "order-7")
		synctest.Wait()
		s.status("Completed", "order-7")

		s.prints("order-7\n", "restart", "order-7")
		synctest.Wait()
		s.status("Running", "order-7")
		s.refuses(1, "not possible in this state", "restart", "order-7")
		other := strings.TrimSpace(s.done("restart", "order-7", "--new-id"))
		synctest.Wait()
		s.status("Running", other)

		s.prints("{\n  \"id\": \"order-7\"\n}\n", "terminate", "order-7", "--reason", "by mistake", "--output", "json")
		synctest.Wait()
		s.refuses(1, `instance "order-7" ended as Terminated`, "wait", "order-7")
		if got := s.done("get", "order-7"); !strings.Contains(got, `output        "by mistake"`) {
			t.Errorf("get prints %s, want the reason", got)
		}
		for _, args := range [][]string{{"raise", "order-7", "go"}, {"suspend", "order-7"}, {"resume", "order-7"}, {"terminate", "order-7"}} {
			s.refuses(1, `instance "order-7": it is Terminated already`, args...)
		}
	})
}

func TestTerminateSaysWhetherItHasEnded(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		s.done("start", "wait", "--id", "order-7")
		s.done("start", "hang", "--id", "order-8")
		synctest.Wait()
		s.prints("order-7 is terminated\n", "terminate", "order-7")
		s.prints("order-8 will be terminated: it ends with its next turn, and a worker has to be free for that\n", "terminate", "order-8")
		time.Sleep(20 * time.Second) // the turn, and the next, which begins anew
		synctest.Wait()
		s.status("Terminated", "order-8")
	})
}

func TestOrchestrationIsAskedToEnd(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		s.done("start", "wait", "--id", "order-7")
		synctest.Wait()
		s.prints("order-7 is asked to end\n", "cancel", "order-7", "--reason", "the customer has left")
		synctest.Wait()
		if got := s.done("history", "order-7"); !strings.Contains(got, "funchost.cancel") || !strings.Contains(got, "the customer has left") {
			t.Errorf("history prints %s, want the request and its reason", got)
		}
		s.refuses(1, "not found", "cancel", "order-9")
	})
}

func TestFailedOrchestrationIsRewound(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		s.done("start", "fail", "--id", "order-7")
		synctest.Wait()
		s.status("Failed", "order-7")
		s.prints("order-7 goes on from what failed\n", "rewind", "order-7", "--reason", "the bank is back")
		synctest.Wait()
		if got := s.done("history", "order-7"); !strings.Contains(got, "the bank is back") {
			t.Errorf("history prints %s, want the reason", got)
		}
		s.done("start", "wait", "--id", "order-8")
		synctest.Wait()
		s.refuses(1, `instance "order-8" is running, which does not allow a rewind`, "rewind", "order-8")
		s.refuses(1, "not found", "rewind", "order-9")
	})
}

func (s session) status(want, id string) {
	s.t.Helper()
	var got struct{ Status string }
	if err := json.Unmarshal([]byte(s.done("get", id, "--output", "json")), &got); err != nil || got.Status != want {
		s.t.Errorf("status of %s = %q, %v; want %s", id, got.Status, err, want)
	}
}

func TestHubIsListedAndPurged(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		for _, id := range []string{"a-1", "a-2", "b-1"} {
			s.done("start", "echo", "--id", id, "--input", "1")
			time.Sleep(time.Hour)
		}
		s.done("start", "wait", "--id", "b-\x1b[2J")
		synctest.Wait()
		s.prints(`
ID         ORCHESTRATOR  STATUS     CREATED               UPDATED
a-1        echo          Completed  2000-01-01 00:00:00Z  2000-01-01 00:00:00Z
a-2        echo          Completed  2000-01-01 01:00:00Z  2000-01-01 01:00:00Z
b-1        echo          Completed  2000-01-01 02:00:00Z  2000-01-01 02:00:00Z
b-\x1b[2J  wait          Running    2000-01-01 03:00:00Z  2000-01-01 03:00:00Z
`, "list")

		for name, tc := range map[string]struct {
			args []string
			want string
			more bool
		}{
			"by status":         {[]string{"--status", "completed,failed", "--status=terminated"}, "a-1 a-2 b-1", false},
			"by prefix":         {[]string{"--prefix", "b"}, "b-1 b-\x1b[2J", false},
			"by time":           {[]string{"--since", "2000-01-01T01:00:00Z", "--until", "2000-01-01T03:00:00+01:00"}, "a-2", false},
			"by time ago":       {[]string{"--since", "2h", "--until=30m"}, "a-2 b-1", false},
			"limited":           {[]string{"--limit", "2"}, "a-1 a-2", true},
			"limited enough":    {[]string{"--limit", "4"}, "a-1 a-2 b-1 b-\x1b[2J", false},
			"without a limit":   {[]string{"--limit", "0"}, "a-1 a-2 b-1 b-\x1b[2J", false},
			"of an empty hub":   {[]string{"--hub", "other"}, "", false},
			"with no such name": {[]string{"--prefix", "c"}, "", false},
		} {
			var got struct {
				Instances []struct{ ID string }
				More      bool
			}
			text := s.done(append([]string{"list", "--output", "json"}, tc.args...)...)
			if err := json.Unmarshal([]byte(text), &got); err != nil || got.Instances == nil {
				t.Fatalf("%s: %v in %s", name, err, text)
			}
			var ids []string
			for _, in := range got.Instances {
				ids = append(ids, in.ID)
			}
			if strings.Join(ids, " ") != tc.want || got.More != tc.more {
				t.Errorf("%s: got %q, more %t; want %q, more %t", name, ids, got.More, tc.want, tc.more)
			}
		}
		if _, _, stderr := s.call("list", "--limit", "1"); !strings.Contains(stderr, "--limit 0 lists all") {
			t.Errorf("a list that was cut says %q, want how to see all", stderr)
		}

		s.prints("1 orchestration purged\n", "purge", "a-1")
		s.refuses(1, "not found", "purge", "a-1")
		s.refuses(1, "it is Running, only what has ended can be purged", "purge", "b-\x1b[2J")
		s.prints("{\n  \"purged\": 1\n}\n", "purge", "--until", "2000-01-01T02:00:00Z", "--output", "json")
		s.prints("1 orchestration purged\n", "purge", "--prefix", "b")
		s.prints("0 orchestrations purged\n", "purge", "--status", "completed")
	})
}

func TestDelayedStartBeginsInTime(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		s.done("start", "echo", "--id", "soon", "--at", "10m")
		s.done("start", "echo", "--id", "later", "--at", "2000-01-01T02:00:00Z")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		s.status("Completed", "soon")
		s.status("Pending", "later")
		if got := s.done("get", "later"); !strings.Contains(got, "starts        2000-01-01 02:00:00Z\n") {
			t.Errorf("get prints %s, want when it starts", got)
		}
	})
}

func TestInputIsReadFromFiles(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		file := filepath.Join(t.TempDir(), "order.json")
		if err := os.WriteFile(file, []byte("{\"cents\": 12345678901234567890}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.done("start", "echo", "--id", "order-7", "--input", "@"+file)
		if got := s.done("wait", "order-7"); !strings.Contains(got, `output        {"cents": 12345678901234567890}`) {
			t.Errorf("wait prints %s, want the file's content untouched", got)
		}
		s.refuses(2, "no such file", "start", "echo", "--input", "@"+file+"x")
		root := rootCommand(s.surroundings)
		root.SetArgs([]string{"start", "echo", "--id", "order-8", "--input", "@-"})
		root.SetIn(strings.NewReader(" [1] "))
		root.SetOut(t.Output())
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.done("wait", "order-8"); !strings.Contains(got, "output        [1]\n") {
			t.Errorf("wait prints %s, want what was on standard input", got)
		}
	})
}

func TestWrongCallsAreRefusedAndExplained(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		for _, tc := range []struct {
			code int
			says string
			args string
		}{
			{1, `get instance "nobody": not found`, "get nobody"},
			{1, "not found", "wait nobody"},
			{1, "not found", "history nobody"},
			{1, "not found", "raise nobody go"},
			{1, "not found", "suspend nobody"},
			{1, "not found", "resume nobody"},
			{1, "not found", "terminate nobody"},
			{1, "not found", "restart nobody"},
			{2, "this command is written: funchost get ID\n  see funchost get --help", "get"},
			{2, "this command is written: funchost raise ID EVENT", "raise order-7"},
			{2, "unknown flag: --colour", "list --colour"},
			{2, `--output "xml": want table or json`, "list --output xml"},
			{2, `--status: status "happy"`, "list --status happy"},
			{2, `--since "yesterday": want a time`, "list --since yesterday"},
			{2, `--until "-1h": want a time`, "list --until=-1h"},
			{2, "--until is not after --since", "list --since 1h --until 2h"},
			{2, "--limit -1", "list --limit -1"},
			{2, "name an id, or select with --status", "purge"},
			{2, "use one of them", "purge order-7 --status completed"},
			{2, "--recursive needs an id", "purge --status completed --recursive"},
			{2, "--status Running: only what has ended", "purge --status running"},
			{2, `--input is not JSON: invalid character 'A'`, "start echo --input Ana"},
			{2, "--input is not JSON", "raise order-7 go --input {"},
			{2, `--at "soon"`, "start echo --at soon"},
			{2, `--tag "colour": want key=value`, "start echo --tag colour"},
			{2, `--tag "a=2": "a" has a value already`, "start echo --tag a=1 --tag a=2"},
			{2, "instance id has 101 characters", "start echo --id " + strings.Repeat("x", 101)},
			{2, "1048577 bytes, the limit is 1048576", "start echo --input " + strings.Repeat("1", 1<<20+1)},
			{2, "--connection: connection string: invalid: Endpoint is missing", "list --connection Authentication=None"},
			{2, "--connection: this command cannot obtain tokens for Authentication=DefaultAzure", "list --connection Endpoint=https://example.com;Authentication=DefaultAzure"},
			{
				2, `two task hubs are named: "a" (--connection) and "b" (--hub)`,
				"list --connection Endpoint=http://127.0.0.1;Authentication=None;TaskHub=a --hub b",
			},
		} {
			s.refuses(tc.code, tc.says, strings.Split(tc.args, " ")...)
		}
		s.done("start", "wait", "--id", "order-7")
		s.refuses(1, `start instance "order-7" of orchestrator "echo": already exists`, "start", "echo", "--id", "order-7")
		if _, stdout, _ := s.call("start", "echo", "--id", "order-7", "--output", "json"); stdout != "" {
			t.Errorf("a refused start prints %q, want nothing", stdout)
		}
	})
}

func TestAbsentSchedulerIsExplained(t *testing.T) {
	t.Parallel()
	away := session{surroundings{
		getenv: func(string) string { return "" },
		dial: func(dts.ConnectionString) (*dts.Client, error) {
			return nil, errors.Join(dts.ErrUnavailable)
		},
	}, t}
	away.refuses(1, "no scheduler answers at http://127.0.0.1:8080", "list")
	away.refuses(1, "scheduler unavailable", "list", "--connection", "Endpoint=http://127.0.0.1:1;Authentication=None")
}

func TestKeyThatIsNotKnownIsPointedOut(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		code, _, stderr := s.call("list", "--connection", "Endpoint=http://127.0.0.1;Authentication=None;Colour=red")
		if want := "funchost: --connection: the key \"Colour\" is not known and has no effect\n"; code != 0 || stderr != want {
			t.Errorf("ended with %d and says %q, want %q", code, stderr, want)
		}
	})
}

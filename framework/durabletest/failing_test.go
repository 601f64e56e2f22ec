package durabletest_test

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
)

// failing are tests that must fail, and a part of what they must say. They run in
// another process.
var failing = map[string]struct {
	says []string
	test func(e *durabletest.Env)
}{
	"an event that nobody raises": {
		[]string{
			`orchestrator "trip" (t-1) is running and waits at durabletest_test.go:`, `for event "go"`,
			`for 24h0m0s nobody has raised "go": raise it before the wait`,
		},
		func(e *durabletest.Env) {
			e.Serve(functions()...)
			durabletest.Start(e, trip, "Rome", durable.ID("t-1")).Result()
		},
	},
	"an event that a child waits for": {
		[]string{`orchestrator "parent" (p-1) is running and waits at failing_test.go:`, `for sub-orchestration "trip": orchestrator "trip" (c-1) is running and waits`, `nobody has raised "go"`},
		func(e *durabletest.Env) {
			parent := durable.NewOrchestrator("parent", func(ctx *durable.Context, to string) (string, error) {
				return trip.Call(ctx, to, durable.ID("c-1"))
			})
			e.Serve(append(functions(), parent)...)
			durabletest.Start(e, parent, "Rome", durable.ID("p-1")).Result()
		},
	},
	"an activity of nobody": {
		[]string{`for activity "elsewhere", which nothing that was served has`, `serve or replace what it waits for`},
		func(e *durabletest.Env) {
			elsewhere := durable.ActivityNamed[int, int]("elsewhere")
			ask := durable.NewOrchestrator("ask", func(ctx *durable.Context, n int) (int, error) { return elsewhere.Call(ctx, n) })
			e.Serve(ask)
			durabletest.Start(e, ask, 1).Result()
		},
	},
	"an orchestrator of nobody": {
		[]string{`orchestrator "trip" (t-1) is pending: nothing that was served has it`},
		func(e *durabletest.Env) { durabletest.Start(e, trip, "Rome", durable.ID("t-1")).Result() },
	},
	"an activity that takes too long": {
		[]string{`for activity "slow"`, `for 1h0m0s nothing has happened`},
		func(e *durabletest.Env) {
			slow := durable.NewActivity("slow", func(ctx context.Context, _ durable.None) (durable.None, error) {
				select {
				case <-ctx.Done():
				case <-time.After(1000 * time.Hour):
				}
				return durable.None{}, nil
			})
			main := durable.NewOrchestrator("main", func(ctx *durable.Context, n durable.None) (durable.None, error) { return slow.Call(ctx, n) })
			e.Patience = time.Hour
			e.Serve(slow, main)
			durabletest.Start(e, main, durable.None{}).Result()
		},
	},
	"an orchestration that never ends": {
		[]string{"has made more than 10000 turns", "look at its State"},
		func(e *durabletest.Env) {
			forever := durable.NewOrchestrator("forever", func(ctx *durable.Context, n int) (int, error) {
				ctx.Sleep(time.Second)
				return 0, durable.ContinueAsNew(ctx, n+1)
			})
			e.Serve(forever)
			durabletest.Start(e, forever, 0).Result()
		},
	},
	"an orchestration that fails": {
		[]string{`orchestrator "trip" (t-1): activity "book": made to fail by the test`},
		func(e *durabletest.Env) {
			durabletest.Fail(e, book, nil)
			e.Serve(functions()...)
			durabletest.Start(e, trip, "Rome", durable.ID("t-1")).Result()
		},
	},
	"an orchestrator that does not repeat itself": {
		[]string{`orchestrator "dice" (d-1) does not repeat itself: event 3 (TaskScheduled): history has activity "roll`, `, the code has activity "roll`, "at failing_test.go:", "no random numbers"},
		func(e *durabletest.Env) {
			dice := durable.NewOrchestrator("dice", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
				name := "roll " + string('a'+rand.N[rune](26)) + string('a'+rand.N[rune](26)) + string('a'+rand.N[rune](26))
				durable.ActivityNamed[durable.None, durable.None](name).Start(ctx, durable.None{})
				return durable.None{}, nil
			})
			e.Serve(dice)
			durabletest.Start(e, dice, durable.None{}, durable.ID("d-1")).Result()
		},
	},
	"a replacement that comes too late": {
		[]string{"Replace comes too late", "before Serve or ServeApp"},
		func(e *durabletest.Env) {
			e.Serve(functions()...)
			durabletest.Replace(e, book, func(context.Context, string) (string, error) { return "", nil })
		},
	},
	"an app that does not start": {
		[]string{"the app does not start: ", `orchestrator "trip" is added twice`},
		func(e *durabletest.Env) { e.Serve(append(functions(), functions()[2])...) },
	},
	"a request to nobody": {
		[]string{"nothing serves requests yet", "call ServeApp before"},
		func(e *durabletest.Env) { e.Get("/") },
	},
	"a time that has passed": {
		[]string{"begin with SleepUntil"},
		func(e *durabletest.Env) { e.SleepUntil(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)) },
	},
	"a history of other code": {
		[]string{
			`orchestrator "trip" takes another way: event 3 (TaskScheduled): history has activity "book", the code has activity "reserve" at failing_test.go:`,
			`testdata/broken.json`, `testdata/nowhere*: file does not exist`,
		},
		func(e *durabletest.Env) {
			reserve := durable.ActivityNamed[string, string]("reserve")
			app := framework.New("trips").Add(trip.With(func(ctx *durable.Context, to string) (string, error) { return reserve.Call(ctx, to) }))
			durabletest.Replay(e, app, "testdata/*.json")
			durabletest.Replay(e, app, "testdata/nowhere*")
		},
	},
}

const failingEnv = "DURABLETEST_FAILING"

// TestToFail runs one of the failing tests, in the process that TestFailuresSaySo has
// started for it.
func TestToFail(t *testing.T) {
	t.Parallel()
	name := os.Getenv(failingEnv)
	if name == "" {
		t.Skip("it is for another process")
	}
	durabletest.Run(t, failing[name].test)
}

func TestFailuresSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range failing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestToFail$", "-test.timeout=1m")
			cmd.Env = append(os.Environ(), failingEnv+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("it did not fail:\n%s", out)
			}
			for _, want := range tt.says {
				if !strings.Contains(string(out), want) {
					t.Errorf("%q is not in:\n%s", want, out)
				}
			}
			if strings.Contains(string(out), "panic") {
				t.Errorf("it panicked:\n%s", out)
			}
		})
	}
}

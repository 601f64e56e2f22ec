//go:build unix

package framework

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/internal/lifecycle"
)

var nothing = durable.NewOrchestrator("nothing", func(*durable.Context, durable.None) (durable.None, error) { return durable.None{}, nil })

func quietApp(t *testing.T) *App {
	return New("test", WithClient(dtstest.Start(t).Client()), WithLogger(quiet), Set("listen", "127.0.0.1:0"), Set("admin-listen", "127.0.0.1:0")).Add(nothing)
}

func TestExitCodesAndMessages(t *testing.T) {
	t.Parallel()
	taken, _ := serve(t, nil, quiet, 0)
	taken = strings.TrimPrefix(taken, "http://")
	for _, tc := range []struct {
		name    string
		args    []string
		environ []string
		code    int
		stderr  []string // lines, in order; the text of each begins so
	}{
		{name: "unknown flag", args: []string{"--lisen=x"}, code: 2, stderr: []string{"funchost: flag --lisen is not known", "  did you mean --listen?"}},
		{
			name: "two mistakes", args: []string{"--role=al", "--shutdown-timeout=x"}, code: 2,
			stderr: []string{"funchost: setting role (flag --role): ", "  did you mean all?", "funchost: setting shutdown-timeout (flag --shutdown-timeout): "},
		},
		{name: "unknown variable", environ: []string{"FUNCHOST_LISSEN=x"}, code: 2, stderr: []string{"funchost: environment variable FUNCHOST_LISSEN", "  did you mean FUNCHOST_LISTEN?"}},
		{name: "public management", args: []string{"--management-api", "--listen=0.0.0.0:0"}, code: 2, stderr: []string{"funchost: management-api is on", "  listen on 127.0.0.1"}},
		{name: "taken port", args: []string{"--listen=" + taken}, code: 1, stderr: []string{"funchost: listen on " + taken + ": the port is in use", "  choose another with --listen"}},
		{name: "taken admin port", args: []string{"--admin-listen=" + taken}, code: 1, stderr: []string{"funchost: listen on " + taken + ": the port is in use", "  choose another with --admin-listen"}},
		{name: "pipe that is none", environ: []string{envReport + "=x"}, code: 2, stderr: []string{"funchost: FUNCHOST_REPORT_FD=\"x\" is not a pipe", "  unset it"}},
		{name: "pipe that is a standard stream", environ: []string{envLifeline + "=1"}, code: 2, stderr: []string{"funchost: FUNCHOST_LIFELINE_FD=\"1\" is not a pipe", "  unset it"}},
		{name: "pipe that is closed", environ: []string{envLifeline + "=99999"}, code: 2, stderr: []string{"funchost: FUNCHOST_LIFELINE_FD=\"99999\" is not a pipe", "  unset it"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr strings.Builder
			if code := quietApp(t).main(t.Context(), tc.args, tc.environ, &stdout, &stderr); code != tc.code {
				t.Errorf("code %d, want %d", code, tc.code)
			}
			lines := strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")
			if len(lines) != len(tc.stderr) {
				t.Fatalf("standard error:\n%s", stderr.String())
			}
			for i, want := range tc.stderr {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("line %q, want it to begin with %q", lines[i], want)
				}
			}
			if stdout.Len() > 0 {
				t.Errorf("standard output %q, want nothing", stdout.String())
			}
		})
	}
}

func TestConnectionsThatCannotBeAreWrongCalls(t *testing.T) {
	t.Parallel()
	for _, scheduler := range []string{
		"", // none is linked into this test
		"Endpoint=http://127.0.0.1:1;Authentication=Magic",
		"Endpoint=https://example.com;Authentication=DefaultAzure", // no token source yet
	} {
		var stdout, stderr strings.Builder
		app := New("test", WithLogger(quiet)).Add(nothing)
		if code := app.main(t.Context(), []string{"--scheduler=" + scheduler}, nil, &stdout, &stderr); code != exitUsage {
			t.Errorf("%q: code %d, want %d\n%s", scheduler, code, exitUsage, stderr.String())
		}
		if !strings.HasPrefix(stderr.String(), "funchost: ") {
			t.Errorf("%q: standard error %q", scheduler, stderr.String())
		}
	}
}

func TestHelpListsTheSettings(t *testing.T) {
	t.Parallel()
	var stdout, stderr strings.Builder
	if code := quietApp(t).main(t.Context(), []string{"--help"}, nil, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Errorf("code %d, standard error %q", code, stderr.String())
	}
	for _, key := range keys {
		if !strings.Contains(stdout.String(), "--"+key.Name) {
			t.Errorf("help does not name %s", key.Name)
		}
	}
}

// pipe returns both ends of a pipe; the child's end is a number that main may
// take over.
func pipe(t *testing.T, childReads bool) (ours *os.File, child int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := r, w
	if childReads {
		ours, theirs = w, r
	}
	defer theirs.Close()
	if child, err = syscall.Dup(int(theirs.Fd())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	return ours, child
}

func TestChildReportsAndEndsWithItsParent(t *testing.T) {
	t.Parallel()
	lifeline, lifelineFD := pipe(t, true)
	report, reportFD := pipe(t, false)
	environ := []string{fmt.Sprintf("%s=%d", envLifeline, lifelineFD), fmt.Sprintf("%s=%d", envReport, reportFD), "FUNCHOST_MANAGEMENT_API=true"}
	var stdout, stderr strings.Builder
	code := make(chan int, 1)
	app := quietApp(t).On(route{"POST /api/nothing"})
	go func() { code <- app.main(t.Context(), nil, environ, &stdout, &stderr) }()

	line, err := bufio.NewReader(report).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var got state
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got.Listen, "127.0.0.1:") || !strings.HasPrefix(got.Admin, "127.0.0.1:") {
		t.Errorf("report %s, want both addresses", line)
	}
	got.Listen, got.Admin = "", ""
	want := state{
		State:     "ready",
		Routes:    []Route{{Method: "POST", Pattern: "/api/nothing", Orchestrator: "nothing"}},
		Schedules: []Schedule{{Trigger: "POST /api/nothing", Spec: "@never", Orchestrator: "nothing", Next: []time.Time{noon}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := lifeline.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != exitDone {
		t.Errorf("code %d, want %d\n%s", got, exitDone, stderr.String())
	}
}

func TestChildWithoutItsParentDrainsNothing(t *testing.T) {
	t.Parallel()
	lifeline, lifelineFD := pipe(t, true)
	p, err := openParent([]string{fmt.Sprintf("%s=%d", envLifeline, lifelineFD)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, unwatch := p.watch(t.Context())
	defer unwatch()
	if err := lifeline.Close(); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	hurry, ok := errors.AsType[*lifecycle.HurryError](context.Cause(ctx))
	if !ok || hurry.Budget != 0 {
		t.Errorf("the context ended with %+v, want a stop without a budget", context.Cause(ctx))
	}
}

func TestChildReportsWhyItDidNotStart(t *testing.T) {
	t.Parallel()
	report, reportFD := pipe(t, false)
	var stdout, stderr strings.Builder
	code := quietApp(t).On(route{"POST nowhere"}).main(t.Context(), nil, []string{fmt.Sprintf("%s=%d", envReport, reportFD)}, &stdout, &stderr)
	if code != exitFailed {
		t.Errorf("code %d, want %d", code, exitFailed)
	}
	var got state
	if err := json.NewDecoder(report).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.State != "failed" || !strings.Contains(got.Error, `trigger "POST nowhere"`) {
		t.Errorf("report %+v", got)
	}
}

func TestStopThatWasAskedForIsNoFailure(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	app := quietApp(t)
	OnReady(func(Ready) { cancel() })(app)
	var stdout, stderr strings.Builder
	if code := app.main(ctx, nil, nil, &stdout, &stderr); code != exitDone || stderr.Len() > 0 {
		t.Errorf("code %d, standard error %q", code, stderr.String())
	}
}

// route is a trigger with a pattern and nothing behind it.
type route struct{ pattern string }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func (r route) Describe() TriggerInfo {
	return TriggerInfo{Kind: "http", Name: r.pattern, Starts: []durable.Definition{nothing}}
}
func (r route) Definitions() []durable.Definition { return nil }
func (r route) Bind(b *Binder) error {
	b.Handle(r.pattern, nil)
	b.Schedule("@never", []time.Time{noon})
	return nil
}

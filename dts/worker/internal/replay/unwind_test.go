package replay

import (
	"bytes"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestParkedTurnIsUnwoundAndDeferredFunctionsRun(t *testing.T) {
	t.Parallel()
	var log []string
	run := returns(func(t *Turn, _ string) string {
		defer func() { log = append(log, "main unwound") }()
		t.Go("other", func() {
			defer func() { log = append(log, "other unwound") }()
			await(t.Event("never"))
			log = append(log, "BUG: other went on")
		})
		for range 3 { // a recover in a loop must not swallow the end
			func() {
				defer func() { _ = recover() }()
				await(t.Event("never"))
				log = append(log, "BUG: main went on")
			}()
		}
		return ""
	})
	cold(t, run, nil, history{turn(0), begun("")})
	if diff := cmp.Diff([]string{"main unwound", "other unwound"}, log); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestDeferredFunctionsMayUseTheContextWhileUnwinding(t *testing.T) {
	t.Parallel()
	var log []string
	run := returns(func(t *Turn, _ string) string {
		defer func() { log = append(log, "outer") }()
		defer func() { panic("a panic while unwinding stays here") }()
		defer func() {
			t.SetStatus([]byte("late"))
			t.Go("late", func() { log = append(log, "BUG: started") })
			k := t.Activity("undo", nil, nil, nil)
			log = append(log, "inner")
			await(k)
			log = append(log, "BUG: went on")
		}()
		defer t.Until(func() bool { return false })
		return await(t.Event("never"))
	})
	actions, status := coldTurn(run, nil, history{turn(0), begun("")})
	if len(actions) != 0 || status != "" {
		t.Errorf("turn answered %q with status %q, want nothing: it was over", show(actions), status)
	}
	if diff := cmp.Diff([]string{"inner", "outer"}, log); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestOrchestratorThatPanicsCanStillCleanUpWithActivities(t *testing.T) {
	t.Parallel()
	run := func(t *Turn, _ []byte) (result []byte, failure *dtspb.TaskFailureDetails) {
		defer func() {
			if recover() != nil {
				result = []byte(await(t.Activity("undo", nil, nil, nil)))
			}
		}()
		panic("oh")
	}
	got := cold(t, run, history{turn(0), begun(""), taskScheduled(0, "undo")}, history{turn(1), taskCompleted(0, "undone")})
	if diff := cmp.Diff([]string{"1 end COMPLETED <undone>"}, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
}

func TestGoexitOfTheAuthorIsAFailure(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		run  func(t *Turn)
		want string
	}{
		{"of the orchestrator", func(*Turn) { runtime.Goexit() }, "0 end FAILED (Goexit: the function ended its goroutine"},
		{"of a coroutine", func(t *Turn) {
			t.Go("side", runtime.Goexit)
			await(t.Event("never"))
		}, `0 end FAILED (Goexit: coroutine "side": the function ended its goroutine`},
		{"with a deferred wait", func(t *Turn) {
			defer func() { await(t.Event("go")) }()
			runtime.Goexit()
		}, "0 end FAILED (Goexit: the function ended its goroutine"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			run := returns(func(t *Turn, _ string) string { test.run(t); return "" })
			got := cold(t, run, nil, history{turn(0), begun(""), raised("go", "")})
			if len(got) != 1 || !strings.HasPrefix(got[0], test.want) {
				t.Errorf("got actions %q, want one that begins with %q", got, test.want)
			}
		})
	}
}

func TestForeignGoroutineFailsTheInstanceAndEnds(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("goroutines cannot be told apart here")
	}
	var by nobody
	var log bytes.Buffer
	config := only(returns(func(t *Turn, _ string) string {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				t.Activity("a", nil, nil, nil)
				panic("BUG: the goroutine went on")
			})
		}
		wg.Wait()
		return "done"
	}))
	config.Logger = slog.New(slog.NewTextHandler(&log, nil))
	x := New(config, &by, "i", "e")
	defer x.Close()
	x.Apply(history{turn(0), begun("")}, false)
	want := "0 end FAILED (ForeignGoroutine: Context.Activity was called from a goroutine that is not the orchestrator's"
	if got := show(x.Actions()); len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("got actions %q, want one that begins with %q", got, want)
	}
	if by.failure == nil {
		t.Error("the owner was not told")
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("got %d log records, want 1", n)
	}
}

func TestContextIsUselessAfterItsTurn(t *testing.T) {
	t.Parallel()
	var leaked *Turn
	var task *Task
	cold(t, returns(func(t *Turn, _ string) string {
		leaked, task = t, t.Activity("a", nil, nil, nil)
		return ""
	}), nil, history{turn(0), begun("")})
	for name, use := range map[string]func(){
		"Now": func() { leaked.Now() }, "Go": func() { leaked.Go("x", nil) }, "Logger": func() { leaked.Logger() },
		"Until": func() { leaked.Until(nil) }, "Await": func() { task.Await() }, "Done": func() { task.Done() },
		"Cancel": func() { task.Cancel() }, "NewID": func() { leaked.NewID() }, "Event": func() { leaked.Event("e") },
		"SetStatus": func() { leaked.SetStatus(nil) }, "SendEvent": func() { leaked.SendEvent("", "", nil) },
	} {
		ended := make(chan bool, 1)
		go func() {
			defer func() { ended <- true }()
			use()
			ended <- false
		}()
		if !<-ended {
			t.Errorf("%s went on after the turn", name)
		}
	}
}

func TestLoggerIsSilentWhileReplaying(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	config := only(returns(func(t *Turn, _ string) string {
		defer func() { t.Logger().Info("unwinding") }()
		l := t.Logger().With("k", "v").WithGroup("g")
		l.Info("first")
		await(t.Activity("a", nil, nil, nil))
		l.Info("second", "x", 1)
		return await(t.Event("never"))
	}))
	config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	x := New(config, &nobody{}, "i", "e")
	x.Apply(history{turn(0), begun(""), taskScheduled(0, "a"), turn(1), taskCompleted(77, "")}, true)
	x.Apply(history{turn(1), taskCompleted(0, ""), taskCompleted(0, "")}, false)
	x.Close()
	want := "level=INFO msg=second instance=i orchestrator=main k=v g.x=1\n" +
		"level=WARN msg=\"outcome without an open task is ignored\" instance=i orchestrator=main kind=activity id=0\n"
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
)

// functions are what a worker of a test runs.
type functions struct {
	orchestrators map[string]worker.Orchestrator
	activities    map[string]worker.Activity
}

// work runs a worker until the returned function is called, or the test ends.
func work(t *testing.T, s *dtstest.Scheduler, f functions, opts ...worker.Option) (stop func()) {
	t.Helper()
	r := worker.NewRegistry()
	for name, fn := range f.orchestrators {
		if err := r.Orchestrator(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	for name, fn := range f.activities {
		if err := r.Activity(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	w := worker.New(s.Client(), r, opts...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	<-w.Ready()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("worker: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// begin starts an instance of "main".
func begin(t *testing.T, c *dts.Client, input string) string {
	t.Helper()
	id, err := c.Start(t.Context(), dts.StartRequest{Name: "main", Input: []byte(input)})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// end waits for the instance and returns how it ended.
func end(t *testing.T, c *dts.Client, id string) string {
	t.Helper()
	i, err := c.Wait(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if i.Failure != nil {
		return fmt.Sprintf("%s %s: %s", i.Status, i.Failure.Type, i.Failure.Message)
	}
	return fmt.Sprintf("%s %s", i.Status, i.Output)
}

func main(run worker.Orchestrator) map[string]worker.Orchestrator {
	return map[string]worker.Orchestrator{"main": run}
}

func greet(_ context.Context, in []byte) ([]byte, error) {
	return append([]byte("Hello, "), in...), nil
}

// cities greets three cities one after the other.
func cities(ctx *worker.Context, _ []byte) ([]byte, error) {
	var greetings []string
	for _, city := range []string{"Tokyo", "Seattle", "London"} {
		greeting, err := ctx.Activity("greet", []byte(city), worker.ActivityOptions{}).Await()
		if err != nil {
			return nil, err
		}
		greetings = append(greetings, string(greeting))
	}
	return []byte(strings.Join(greetings, "; ")), nil
}

const greetings = "Completed Hello, Tokyo; Hello, Seattle; Hello, London"

func TestHelloCities(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		work(t, s, functions{main(cities), map[string]worker.Activity{"greet": greet}})
		id := begin(t, s.Client(), "")
		if got := end(t, s.Client(), id); got != greetings {
			t.Errorf("instance ended %q, want %q", got, greetings)
		}
		var kinds []string
		for e, err := range s.Client().History(t.Context(), id) {
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, e.Kind)
		}
		want := []string{
			"OrchestratorStarted", "ExecutionStarted", "TaskScheduled", "OrchestratorStarted", "TaskCompleted", "TaskScheduled",
			"OrchestratorStarted", "TaskCompleted", "TaskScheduled", "OrchestratorStarted", "TaskCompleted", "ExecutionCompleted",
		}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
	})
}

func TestOrchestratorsUseEverything(t *testing.T) {
	t.Parallel()
	child := func(_ *worker.Context, in []byte) ([]byte, error) {
		if string(in) == "bad" {
			return nil, &dts.Failure{Type: "Bad", Message: "child", Properties: map[string]any{"n": 1.0}}
		}
		return append([]byte("child of "), in...), nil
	}
	for _, test := range []struct {
		name  string
		run   worker.Orchestrator
		steps func(t *testing.T, c *dts.Client, id string) // after the start
		want  string
		after time.Duration
	}{
		{
			name: "fan-out in call order",
			run: func(ctx *worker.Context, _ []byte) ([]byte, error) {
				tasks := make([]*worker.Task, 50)
				for i := range tasks {
					tasks[i] = ctx.Activity("greet", fmt.Append(nil, i), worker.ActivityOptions{})
				}
				for i, task := range tasks {
					if got, err := task.Await(); err != nil || string(got) != fmt.Sprintf("Hello, %d", i) {
						return nil, fmt.Errorf("task %d: %q, %w", i, got, err)
					}
				}
				return []byte("ok"), nil
			},
			want: "Completed ok",
		}, {
			name: "timer of a day is not early",
			run: func(ctx *worker.Context, _ []byte) ([]byte, error) {
				due := ctx.Now().Add(24 * time.Hour)
				_, err := ctx.Timer(due).Await()
				return fmt.Append(nil, !ctx.Now().Before(due)), err
			},
			want: "Completed true", after: 24 * time.Hour,
		}, {
			name: "event in time",
			run:  approval,
			steps: func(t *testing.T, c *dts.Client, id string) {
				time.Sleep(time.Hour)
				if err := c.Raise(t.Context(), id, "APPROVED", []byte("yes")); err != nil {
					t.Fatal(err)
				}
			},
			want: "Completed yes", after: time.Hour,
		}, {
			name: "event too late", run: approval, want: "Completed timed out", after: 2 * time.Hour,
		}, {
			name: "sub-orchestrations, one fails",
			run: func(ctx *worker.Context, _ []byte) ([]byte, error) {
				good := ctx.Orchestration("child", []byte("main"), worker.OrchestrationOptions{})
				bad := ctx.Orchestration("child", []byte("bad"), worker.OrchestrationOptions{ID: "my-child"})
				result, err := good.Await()
				if err != nil {
					return nil, err
				}
				_, err = bad.Await()
				f, _ := errors.AsType[*dts.Failure](err)
				return fmt.Appendf(nil, "%s, %s %s %v", result, f.Type, f.Message, f.Properties["n"]), nil
			},
			want: "Completed child of main, Bad child 1",
		}, {
			name: "events between instances",
			run: func(ctx *worker.Context, in []byte) ([]byte, error) {
				if string(in) == "answer" {
					id, _ := ctx.Parent()
					ctx.SendEvent(id, "pong", []byte("from "+ctx.Name()))
					return nil, nil
				}
				pong := ctx.Event("pong")
				ctx.Orchestration("main", []byte("answer"), worker.OrchestrationOptions{})
				return pong.Await()
			},
			want: "Completed from main",
		}, {
			name: "continue-as-new keeps what nobody has read",
			run: func(ctx *worker.Context, in []byte) ([]byte, error) {
				if len(in) == 0 {
					_, err := ctx.Event("go").Await()
					if err != nil {
						return nil, err
					}
					return nil, ctx.ContinueAsNew([]byte("second"), worker.ContinueOptions{})
				}
				kept, err := ctx.Event("kept").Await()
				return fmt.Appendf(nil, "%s %s", in, kept), err
			},
			steps: func(t *testing.T, c *dts.Client, id string) {
				for _, event := range []string{"kept", "go"} {
					if err := c.Raise(t.Context(), id, event, []byte(event)); err != nil {
						t.Fatal(err)
					}
				}
			},
			want: "Completed second kept",
		}, {
			name: "suspended instance waits, also with its timer",
			run: func(ctx *worker.Context, _ []byte) ([]byte, error) {
				return ctx.Timer(ctx.Now().Add(time.Hour)).Await()
			},
			steps: func(t *testing.T, c *dts.Client, id string) {
				time.Sleep(time.Minute)
				if err := c.Suspend(t.Context(), id, ""); err != nil {
					t.Fatal(err)
				}
				time.Sleep(3 * time.Hour)
				if err := c.Resume(t.Context(), id, ""); err != nil {
					t.Fatal(err)
				}
			},
			want: "Completed ", after: 3*time.Hour + time.Minute,
		}, {
			name: "terminated instance ends with the output",
			run:  approval,
			steps: func(t *testing.T, c *dts.Client, id string) {
				time.Sleep(time.Minute)
				if err := c.Terminate(t.Context(), id, "enough"); err != nil {
					t.Fatal(err)
				}
			},
			want: `Terminated "enough"`, after: time.Minute,
		}, {
			name: "coroutines side by side",
			run: func(ctx *worker.Context, _ []byte) ([]byte, error) {
				var log []string
				for _, name := range []string{"slow", "fast"} {
					ctx.Go(name, func() {
						d := map[string]time.Duration{"slow": 2 * time.Hour, "fast": time.Hour}[name]
						_, _ = ctx.Timer(ctx.Now().Add(d)).Await()
						log = append(log, name)
					})
				}
				ctx.Until(func() bool { return len(log) == 2 })
				return fmt.Append(nil, log), nil
			},
			want: "Completed [fast slow]", after: 2 * time.Hour,
		}, {
			name: "panic",
			run:  func(*worker.Context, []byte) ([]byte, error) { panic("oh") },
			want: "Failed panic: oh",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dtstest.Start(t)
				orchestrators := main(test.run)
				orchestrators["child"] = child
				work(t, s, functions{orchestrators, map[string]worker.Activity{"greet": greet}})
				before := time.Now()
				id := begin(t, s.Client(), "")
				if test.steps != nil {
					test.steps(t, s.Client(), id)
				}
				if got := end(t, s.Client(), id); got != test.want {
					t.Errorf("instance ended %q, want %q", got, test.want)
				}
				if got := time.Since(before).Truncate(time.Minute); got != test.after {
					t.Errorf("instance ended after %s, want %s", got, test.after)
				}
			})
		})
	}
}

// approval waits two hours for an event.
func approval(ctx *worker.Context, _ []byte) ([]byte, error) {
	timeout, event := ctx.Timer(ctx.Now().Add(2*time.Hour)), ctx.Event("approved")
	ctx.Until(func() bool { return timeout.Done() || event.Done() })
	if !event.Done() {
		return []byte("timed out"), nil
	}
	timeout.Cancel()
	return event.Result()
}

// An answer of 20 MiB goes in five parts and is one decision.
func TestLargeFanOutGoesInParts(t *testing.T) {
	t.Parallel()
	s := dtstest.Start(t) // too much data for a bubble to gain anything
	work(t, s, functions{
		main(func(ctx *worker.Context, _ []byte) ([]byte, error) {
			var tasks []*worker.Task
			for range 20 {
				tasks = append(tasks, ctx.Activity("size", []byte(strings.Repeat("x", 1<<20)), worker.ActivityOptions{}))
			}
			for _, task := range tasks {
				if got, err := task.Await(); err != nil || string(got) != "1048576" {
					return nil, fmt.Errorf("size %q, %w", got, err)
				}
			}
			return []byte("ok"), nil
		}),
		map[string]worker.Activity{"size": func(_ context.Context, in []byte) ([]byte, error) { return fmt.Append(nil, len(in)), nil }},
	})
	if got := end(t, s.Client(), begin(t, s.Client(), "")); got != "Completed ok" {
		t.Errorf("instance ended %q, want Completed ok", got)
	}
}

// TestStoppingWorkerFinishesWhatNobodyElseRuns is a scale-in: one of two workers
// stops in the middle of its activities. It failed when the stream was ended first.
func TestStoppingWorkerFinishesWhatNobodyElseRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		var runs, stopped atomic.Int32
		f := func(ran *atomic.Int32) functions {
			return functions{main(cities), map[string]worker.Activity{"greet": func(ctx context.Context, in []byte) ([]byte, error) {
				ran.Add(1)
				time.Sleep(10 * time.Second)
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				return greet(ctx, in)
			}}}
		}
		stop := work(t, s, f(&stopped), worker.WithDrain(time.Minute))
		var ids []string
		for range 20 {
			ids = append(ids, begin(t, s.Client(), ""))
		}
		time.Sleep(5 * time.Second) // all are at the first worker
		work(t, s, f(&runs))
		stop()
		for _, id := range ids {
			if got := end(t, s.Client(), id); got != greetings {
				t.Errorf("instance ended %q, want %q", got, greetings)
			}
		}
		if got := []int32{stopped.Load(), runs.Load()}; got[0] != 20 || got[1] != 40 {
			t.Errorf("the workers ran %d activities, want 20 by the one that stopped and 40 by the other", got)
		}
	})
}

func TestAnotherWorkerTakesOverWhatAStoppedOneHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		var runs atomic.Int32
		f := functions{main(cities), map[string]worker.Activity{"greet": func(ctx context.Context, in []byte) ([]byte, error) {
			if runs.Add(1) == 1 {
				<-ctx.Done() // does not finish in time
			}
			return greet(ctx, in)
		}}}
		stop := work(t, s, f, worker.WithDrain(time.Second))
		id := begin(t, s.Client(), "")
		time.Sleep(time.Minute)
		stop()
		work(t, s, f)
		if got := end(t, s.Client(), id); got != greetings {
			t.Errorf("instance ended %q, want %q", got, greetings)
		}
		if got := runs.Load(); got != 4 {
			t.Errorf("activities ran %d times, want 4", got)
		}
	})
}

func TestWorkerSurvivesAPowerCutOfTheScheduler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		work(t, s, functions{main(func(ctx *worker.Context, _ []byte) ([]byte, error) {
			if _, err := ctx.Timer(ctx.Now().Add(time.Hour)).Await(); err != nil {
				return nil, err
			}
			return cities(ctx, nil)
		}), map[string]worker.Activity{"greet": greet}})
		id := begin(t, s.Client(), "")
		time.Sleep(time.Minute)
		s.Crash()
		if got := end(t, s.Client(), id); got != greetings {
			t.Errorf("instance ended %q, want %q", got, greetings)
		}
	})
}

func TestChangedCodeIsNoticedAndNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		activities := map[string]worker.Activity{"greet": greet, "other": greet}
		run := func(name string) worker.Orchestrator {
			return func(ctx *worker.Context, _ []byte) ([]byte, error) {
				if _, err := ctx.Activity(name, nil, worker.ActivityOptions{}).Await(); err != nil {
					return nil, err
				}
				return ctx.Event("go").Await()
			}
		}
		stop := work(t, s, functions{main(run("greet")), activities})
		id := begin(t, s.Client(), "")
		time.Sleep(time.Second)
		stop()
		work(t, s, functions{main(run("other")), activities})
		if err := s.Client().Raise(t.Context(), id, "go", nil); err != nil {
			t.Fatal(err)
		}
		want := `Failed NonDeterminismError: the orchestrator does not repeat its history: with sequence id 0 history has activity "greet", the code has activity "other"`
		if got := end(t, s.Client(), id); !strings.HasPrefix(got, want) {
			t.Errorf("instance ended %q, want %q", got, want)
		}
	})
}

func TestWorkThatNobodyCanDoWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		work(t, s, functions{orchestrators: main(cities)}) // has no activities
		id := begin(t, s.Client(), "")
		time.Sleep(time.Hour)
		i, err := s.Client().Instance(t.Context(), id)
		if err != nil || i.Status != dts.StatusRunning {
			t.Fatalf("instance is %v with error %v, want Running", i.Status, err)
		}
		work(t, s, functions{activities: map[string]worker.Activity{"greet": greet}})
		if got := end(t, s.Client(), id); got != greetings {
			t.Errorf("instance ended %q, want %q", got, greetings)
		}
	})
}

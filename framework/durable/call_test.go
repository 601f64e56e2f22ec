package durable_test

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
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
)

var greet = durable.NewActivity("greet", func(_ context.Context, city string) (string, error) {
	return "Hello " + city + "!", nil
})

func TestCallsReturnInTheOrderTheyWereMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// Later ones answer sooner.
		slow := durable.NewActivity("slow", func(_ context.Context, n int) (int, error) {
			time.Sleep(time.Duration(10-n) * time.Second)
			return n * n, nil
		})
		fanout := durable.NewOrchestrator("fanout", func(ctx *durable.Context, n int) ([]int, error) {
			var squares []durable.Future[int]
			for i := range n {
				squares = append(squares, slow.Start(ctx, i))
			}
			return durable.All(ctx, squares...)
		})
		began := time.Now()
		got, err := run(t, serve(t, []durable.Definition{slow, fanout}), fanout, 5)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{0, 1, 4, 9, 16}, got); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		if took := time.Since(began).Round(time.Second); took != 10*time.Second {
			t.Errorf("took %v, want 10s: the time of the slowest", took)
		}
	})
}

func TestFailureReadsWellAndKeepsItsDetails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		charge := durable.NewActivity("charge", func(context.Context, durable.None) (durable.None, error) {
			return durable.None{}, errors.New("card declined")
		})
		var seen error
		buy := durable.NewOrchestrator("buy", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			_, seen = charge.Call(ctx, durable.None{})
			return durable.None{}, fmt.Errorf("buy a hat: %w", seen)
		})
		_, err := run(t, serve(t, []durable.Definition{charge, buy}), buy, durable.None{}, durable.ID("o-7"))
		if got, want := fmt.Sprint(seen), `activity "charge": card declined`; got != want {
			t.Errorf("in the orchestrator the failure reads %q, want %q", got, want)
		}
		if f, ok := errors.AsType[*dts.Failure](seen); !ok || f.Message != "card declined" {
			t.Errorf("in the orchestrator the failure is %#v, want a *dts.Failure", seen)
		}
		if got, want := fmt.Sprint(err), `orchestrator "buy" (o-7): buy a hat: activity "charge": card declined`; got != want {
			t.Errorf("outside the failure reads %q, want %q", got, want)
		}
		if _, ok := errors.AsType[*dts.Failure](err); !ok {
			t.Errorf("outside the failure is %#v, want a *dts.Failure", err)
		}
	})
}

func TestAllWaitsForEveryoneAndJoinsFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		odd := durable.NewActivity("odd", func(_ context.Context, n int) (int, error) {
			time.Sleep(time.Duration(n) * time.Second)
			if n%2 == 0 {
				return 0, fmt.Errorf("%d is even", n)
			}
			return n, nil
		})
		var got []int
		all := durable.NewOrchestrator("all", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			var err error
			got, err = durable.All(ctx, odd.Start(ctx, 2), odd.Start(ctx, 3), odd.Start(ctx, 4), odd.Start(ctx, 5))
			return durable.None{}, err
		})
		_, err := run(t, serve(t, []durable.Definition{odd, all}), all, durable.None{})
		if diff := cmp.Diff([]int{0, 3, 0, 5}, got); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		for _, want := range []string{"2 is even", "4 is even"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error = %v, want %q in it", err, want)
			}
		}
	})
}

func TestFirstIsTheOneThatIsDoneFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop := durable.NewEvent[string]("stop")
		race := durable.NewOrchestrator("race", func(ctx *durable.Context, _ durable.None) ([]int, error) {
			long, short, stopped := ctx.After(time.Hour), ctx.After(time.Minute), stop.Listen(ctx)
			first, err := durable.First(ctx, long, short, stopped)
			if err != nil {
				return nil, err
			}
			second, err := durable.First(ctx, long, stopped)
			if err != nil {
				return nil, err
			}
			long.Cancel()
			_, err = long.Get(ctx)
			if !errors.Is(err, durable.ErrCanceled) {
				return nil, fmt.Errorf("canceled timer gave %w, want ErrCanceled", err)
			}
			return []int{first, second}, nil
		})
		c := serve(t, []durable.Definition{race})
		i, err := race.StartNew(t.Context(), c, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if err := stop.Raise(t.Context(), c, i.ID, "now"); err != nil {
			t.Fatal(err)
		}
		got, err := i.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{1, 1}, got); diff != "" {
			t.Errorf("indexes (-want +got):\n%s", diff)
		}
	})
}

func TestFirstOfNothingIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		empty := durable.NewOrchestrator("empty", func(ctx *durable.Context, _ durable.None) (int, error) {
			return durable.First(ctx)
		})
		if _, err := run(t, serve(t, []durable.Definition{empty}), empty, durable.None{}); err == nil {
			t.Error("First() without futures succeeded, want an error")
		}
	})
}

func TestRetriesFollowThePolicy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		flaky := durable.NewActivity("flaky", func(context.Context, durable.None) (string, error) {
			at = append(at, time.Since(began).Round(time.Second))
			if len(at) < 4 {
				return "", errors.New("not yet")
			}
			return "done", nil
		})
		patient := durable.NewOrchestrator("patient", func(ctx *durable.Context, _ durable.None) (string, error) {
			return flaky.Call(ctx, durable.None{}, durable.Retry(durable.RetryPolicy{Attempts: 5, First: 10 * time.Second, Factor: 2}))
		})
		got, err := run(t, serve(t, []durable.Definition{flaky, patient}), patient, durable.None{})
		if got != "done" || err != nil {
			t.Errorf("got %q, %v, want done", got, err)
		}
		if diff := cmp.Diff([]time.Duration{0, 10 * time.Second, 30 * time.Second, 70 * time.Second}, at); diff != "" {
			t.Errorf("attempts after (-want +got):\n%s", diff)
		}
	})
}

// TestRewindRepeatsTheLastAttempt: what came between the attempts is history.
func TestRewindRepeatsTheLastAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var attempts atomic.Int32
		flaky := durable.NewActivity("flaky", func(context.Context, durable.None) (string, error) {
			if attempts.Add(1) < 4 {
				return "", errors.New("not yet")
			}
			return "done", nil
		})
		patient := durable.NewOrchestrator("patient", func(ctx *durable.Context, _ durable.None) (string, error) {
			return flaky.Call(ctx, durable.None{}, durable.Retry(durable.RetryPolicy{Attempts: 3, First: time.Second}))
		})
		c := serve(t, []durable.Definition{flaky, patient})
		if _, err := run(t, c, patient, durable.None{}, durable.ID("i")); err == nil {
			t.Fatal("three attempts were enough, want a failure")
		}
		if err := c.Rewind(t.Context(), "i", "once more"); err != nil {
			t.Fatal(err)
		}
		end, err := c.Wait(t.Context(), "i")
		if err != nil || end.Status != dts.StatusCompleted || attempts.Load() != 4 {
			t.Errorf("ended %v after %d attempts, %v, want it completed after 4", end, attempts.Load(), err)
		}
	})
}

func TestRetriesEndWithTheTotalTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var attempts atomic.Int32
		broken := durable.NewActivity("broken", func(context.Context, durable.None) (durable.None, error) {
			attempts.Add(1)
			return durable.None{}, errors.New("still broken")
		})
		hopeful := durable.NewOrchestrator("hopeful", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			return broken.Call(ctx, durable.None{}, durable.Retry(durable.RetryPolicy{Attempts: -1, First: time.Minute, Total: 3*time.Minute + 30*time.Second}))
		})
		if _, err := run(t, serve(t, []durable.Definition{broken, hopeful}), hopeful, durable.None{}); err == nil || !strings.Contains(err.Error(), "still broken") {
			t.Errorf("error = %v, want the last failure", err)
		}
		if got := attempts.Load(); got != 4 {
			t.Errorf("%d attempts, want 4: at 0, 1, 2 and 3 minutes", got)
		}
	})
}

func TestPermanentFailureIsNotRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var attempts atomic.Int32
		refused := durable.NewActivity("refused", func(context.Context, durable.None) (durable.None, error) {
			attempts.Add(1)
			return durable.None{}, fmt.Errorf("charge: %w", durable.Permanent(errors.New("no such card")))
		})
		pay := durable.NewOrchestrator("pay", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			return refused.Call(ctx, durable.None{}, durable.Retry(durable.RetryPolicy{Attempts: 5}))
		})
		if _, err := run(t, serve(t, []durable.Definition{refused, pay}), pay, durable.None{}); err == nil || !strings.Contains(err.Error(), "charge: no such card") {
			t.Errorf("error = %v, want the failure", err)
		}
		if got := attempts.Load(); got != 1 {
			t.Errorf("%d attempts, want 1", got)
		}
	})
}

func TestChildHasTheIDAndTagsItWasGiven(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		child := durable.NewOrchestrator("child", func(ctx *durable.Context, in string) ([]string, error) {
			parent, _ := ctx.Parent()
			return []string{in, ctx.ID(), ctx.Name(), ctx.Version(), ctx.Tag("team"), parent}, nil
		})
		parent := durable.NewOrchestrator("parent", func(ctx *durable.Context, _ durable.None) ([]string, error) {
			if _, ok := ctx.Parent(); ok {
				return nil, errors.New("started from outside, but has a parent")
			}
			return child.Call(ctx, "in", durable.ID("child-1"), durable.Version("2"), durable.Tag("team", "sales"))
		})
		got, err := run(t, serve(t, []durable.Definition{child, parent}), parent, durable.None{}, durable.ID("parent-1"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"in", "child-1", "child", "2", "sales", "parent-1"}, got); diff != "" {
			t.Errorf("what the child sees (-want +got):\n%s", diff)
		}
	})
}

func TestChildThatFailedIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		opts []durable.CallOption
	}{
		{"under another id", nil},
		{"under the id it was given", []durable.CallOption{durable.ID("child-1")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var ids []string
				child := durable.NewOrchestrator("child", func(ctx *durable.Context, _ durable.None) (string, error) {
					ids = append(ids, ctx.ID())
					if len(ids) < 3 {
						return "", errors.New("not yet")
					}
					return ctx.ID(), nil
				})
				parent := durable.NewOrchestrator("parent", func(ctx *durable.Context, _ durable.None) (string, error) {
					return child.Call(ctx, durable.None{}, append(tt.opts, durable.Retry(durable.RetryPolicy{}))...)
				})
				got, err := run(t, serve(t, []durable.Definition{child, parent}), parent, durable.None{})
				if err != nil || got != ids[len(ids)-1] {
					t.Errorf("got %q, %v, want the id of the last of %q", got, err, ids)
				}
				if same := ids[0] == got; same != (tt.opts != nil) || len(ids) != 3 {
					t.Errorf("ids %q, want 3, the same: %v", ids, tt.opts != nil)
				}
			})
		})
	}
}

func TestCallsThatCannotWorkFailAtOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		call func(ctx *durable.Context) error
		want string
	}{
		{"an activity that was not added", func(ctx *durable.Context) error {
			_, err := greet.Call(ctx, "Tokyo")
			return err
		}, "app.Add"},
		{"an activity with an instance id", func(ctx *durable.Context) error {
			_, err := durable.ActivityNamed[string, string]("elsewhere").Call(ctx, "Tokyo", durable.ID("o-7"))
			return err
		}, "durable.ID"},
		{"a policy that makes no sense", func(ctx *durable.Context) error {
			_, err := durable.ActivityNamed[string, string]("elsewhere").Call(ctx, "Tokyo", durable.Retry(durable.RetryPolicy{Factor: 0.5}))
			return err
		}, "Factor"},
		{"an input that cannot be encoded", func(ctx *durable.Context) error {
			_, err := durable.ActivityNamed[func(), string]("elsewhere").Call(ctx, func() {})
			return err
		}, "func()"},
		{"an event that cannot be encoded", func(ctx *durable.Context) error {
			return durable.NewEvent[func()]("odd").Send(ctx, "o-7", func() {})
		}, "func()"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := durable.NewOrchestrator("call", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
					return durable.None{}, tt.call(ctx)
				})
				if _, err := run(t, serve(t, []durable.Definition{o}), o, durable.None{}); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error = %v, want %q in it", err, tt.want)
				}
			})
		})
	}
}

func TestPayloadOfTheWrongShapeNamesFunctionAndType(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		number := durable.NewOrchestrator("number", func(_ *durable.Context, n int) (int, error) { return n, nil })
		texts := durable.NewOrchestrator("texts", func(ctx *durable.Context, in string) (string, error) {
			return durable.ActivityNamed[[]int, string]("greet").Call(ctx, []int{1, 2})
		})
		c := serve(t, []durable.Definition{greet, number, texts})

		_, err := run(t, c, durable.OrchestratorNamed[string, int]("number"), "seven")
		for _, want := range []string{`orchestrator "number": input`, "int", "string"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("input of an orchestrator: error = %v, want %q in it", err, want)
			}
		}
		_, err = run(t, c, texts, "")
		for _, want := range []string{`activity "greet": input`, "string", "array"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("input of an activity: error = %v, want %q in it", err, want)
			}
		}
		_, err = run(t, c, durable.OrchestratorNamed[int, string]("number"), 7, durable.ID("o-7"))
		for _, want := range []string{`orchestrator "number" (o-7)`, "string", "number"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("result: error = %v, want %q in it", err, want)
			}
		}
	})
}

func TestRawPeersMayCallAndBeCalled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		var none []byte
		if err := h.registry.Orchestrator("raw", func(ctx *worker.Context, input []byte) ([]byte, error) {
			none = input
			return ctx.Activity("greet", []byte(`["Tokyo"]`), worker.ActivityOptions{}).Await()
		}); err != nil {
			t.Fatal(err)
		}
		h.serve(greet)
		got, err := run(t, h.client, durable.OrchestratorNamed[durable.None, string]("raw"), durable.None{})
		if got != "Hello Tokyo!" || err != nil {
			t.Errorf("got %q, %v, want the greeting", got, err)
		}
		if none != nil {
			t.Errorf("None arrived as %q, want no payload", none)
		}
	})
}

func TestResultThatCannotBeEncodedNamesItsFunction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		odd := durable.NewActivity("odd", func(context.Context, durable.None) (any, error) { return func() {}, nil })
		calls := durable.NewOrchestrator("calls", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			_, err := odd.Call(ctx, durable.None{})
			return durable.None{}, err
		})
		returns := durable.NewOrchestrator("returns", func(*durable.Context, durable.None) (any, error) { return func() {}, nil })
		c := serve(t, []durable.Definition{odd, calls, returns})
		if _, err := run(t, c, calls, durable.None{}); err == nil || !strings.Contains(err.Error(), `activity "odd": result: `) {
			t.Errorf("activity: error = %v, want its name in it", err)
		}
		if _, err := run(t, c, returns, durable.None{}); err == nil || !strings.Contains(err.Error(), `orchestrator "returns": result: `) {
			t.Errorf("orchestrator: error = %v, want its name in it", err)
		}
	})
}

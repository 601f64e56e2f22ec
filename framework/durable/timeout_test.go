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
	"github.com/funchost/funchost/framework/durable"
)

// calls returns an orchestrator that calls a and says what came of it, and when.
func calls[O any](name string, a durable.Activity[durable.None, O], opts ...durable.CallOption) durable.Orchestrator[durable.None, string] {
	return durable.NewOrchestrator(name, func(ctx *durable.Context, _ durable.None) (string, error) {
		began := ctx.Now()
		got, err := a.Call(ctx, durable.None{}, opts...)
		took := ctx.Now().Sub(began).Round(time.Second)
		if err != nil {
			return fmt.Sprintf("%v after %v, timeout %v", err, took, errors.Is(err, durable.ErrTimeout)), nil
		}
		return fmt.Sprintf("%v after %v", got, took), nil
	})
}

func TestTimeoutEndsTheContextOfTheActivity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var limit time.Duration
		polite := durable.NewActivity("polite", func(ctx context.Context, _ durable.None) (int, error) {
			deadline, _ := ctx.Deadline()
			limit = time.Until(deadline)
			<-ctx.Done()
			return 0, fmt.Errorf("ask the bank: %w", ctx.Err())
		})
		o := calls("o", polite, durable.Timeout(time.Minute), durable.Tag("team", "sales"))
		got, err := run(t, serve(t, []durable.Definition{polite, o}), o, durable.None{})
		if want := `activity "polite": timed out after 1m0s after 1m0s, timeout true`; got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		if limit != time.Minute {
			t.Errorf("the activity had %v, want 1m", limit)
		}
	})
}

func TestTimeoutDoesNotWaitForAnActivityThatIsDeaf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deaf := durable.NewActivity("deaf", func(context.Context, durable.None) (int, error) {
			time.Sleep(time.Hour)
			return 7, nil
		})
		o := durable.NewOrchestrator("o", func(ctx *durable.Context, _ durable.None) ([]string, error) {
			call := deaf.Start(ctx, durable.None{}, durable.Timeout(time.Minute))
			_, early := call.Get(ctx)
			ctx.Sleep(2 * time.Hour) // in the middle of it the result comes
			_, late := call.Get(ctx)
			return []string{fmt.Sprint(early), fmt.Sprint(late)}, nil
		})
		got, err := run(t, serve(t, []durable.Definition{deaf, o}), o, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{`activity "deaf": timed out after 1m0s`, `activity "deaf": timed out after 1m0s`}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
	})
}

func TestTimeoutIsNotInTheWayOfAResult(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		quick := durable.NewActivity("quick", func(context.Context, durable.None) (int, error) {
			time.Sleep(time.Second)
			return 7, nil
		})
		broken := durable.NewActivity("broken", func(context.Context, durable.None) (int, error) { return 0, errors.New("no") })
		o, p := calls("o", quick, durable.Timeout(time.Minute)), calls("p", broken, durable.Timeout(time.Minute))
		c := serve(t, []durable.Definition{quick, broken, o, p})
		if got, err := run(t, c, o, durable.None{}); got != "7 after 1s" || err != nil {
			t.Errorf("got %q, %v, want the result", got, err)
		}
		if got, err := run(t, c, p, durable.None{}); got != `activity "broken": no after 0s, timeout false` || err != nil {
			t.Errorf("got %q, %v, want the failure", got, err)
		}
	})
}

func TestTimeoutHoldsWhereNobodyTakesTheActivity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := calls("o", durable.ActivityNamed[durable.None, int]("elsewhere"), durable.Timeout(time.Minute))
		got, err := run(t, serve(t, []durable.Definition{o}), o, durable.None{})
		if want := `activity "elsewhere": timed out after 1m0s after 1m0s, timeout true`; got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	})
}

func TestTimeoutIsOfEachAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var attempts atomic.Int32
		third := durable.NewActivity("third", func(ctx context.Context, _ durable.None) (int, error) {
			n := int(attempts.Add(1))
			if n < 3 {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return n, nil
		})
		var asked []bool
		o := calls("o", third, durable.Timeout(time.Minute), durable.Retry(durable.RetryPolicy{
			First: time.Second,
			Handle: func(err error) bool {
				asked = append(asked, errors.Is(err, durable.ErrTimeout) && strings.HasPrefix(err.Error(), `activity "third"`))
				return true
			},
		}))
		got, err := run(t, serve(t, []durable.Definition{third, o}), o, durable.None{})
		if want := "3 after 2m2s"; got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		if len(asked) < 2 || !asked[0] || !asked[1] {
			t.Errorf("Handle saw %v, want the error of the call, an ErrTimeout", asked)
		}
	})
}

func TestTimeoutIsFoundInTheFailureOfAChild(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		elsewhere := durable.ActivityNamed[durable.None, int]("elsewhere")
		child := durable.NewOrchestrator("child", func(ctx *durable.Context, _ durable.None) (int, error) {
			n, err := elsewhere.Call(ctx, durable.None{}, durable.Timeout(time.Second))
			if err != nil {
				return 0, fmt.Errorf("the child gives up: %w", err)
			}
			return n, nil
		})
		c := serve(t, []durable.Definition{child, durable.NewOrchestrator("parent", func(ctx *durable.Context, _ durable.None) (bool, error) {
			_, err := child.Call(ctx, durable.None{})
			return errors.Is(err, durable.ErrTimeout) && !errors.Is(err, durable.ErrTerminated), nil
		})})
		got, err := run(t, c, durable.OrchestratorNamed[durable.None, bool]("parent"), durable.None{})
		if !got || err != nil {
			t.Errorf("the parent finds ErrTimeout: %v, %v, want true", got, err)
		}
		_, err = run(t, c, child, durable.None{})
		if f, ok := errors.AsType[*dts.Failure](err); !ok || !errors.Is(err, durable.ErrTimeout) {
			t.Errorf("outside the error is %v (%v), want an ErrTimeout", err, f)
		}
	})
}

func TestTimeoutIsRefusedWhereItCannotBeKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("o", func(ctx *durable.Context, _ durable.None) ([]string, error) {
			_, zero := greet.Call(ctx, "", durable.Timeout(0))
			_, child := durable.OrchestratorNamed[durable.None, int]("child").Call(ctx, durable.None{}, durable.Timeout(time.Second))
			return []string{fmt.Sprint(zero), fmt.Sprint(child)}, nil
		})
		got, err := run(t, serve(t, []durable.Definition{greet, o}), o, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			`call activity "greet": durable.Timeout is 0s, want more than zero`,
			`call orchestrator "child": durable.Timeout is for activities: wait for an orchestrator with durable.First and a timer`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
	})
}

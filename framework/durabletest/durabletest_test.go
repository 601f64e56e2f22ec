package durabletest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A trip is booked step by step: an activity with retries, a child that sleeps for
// a month, an entity that counts.
var (
	book   = durable.ActivityNamed[string, string]("book")
	travel = durable.OrchestratorNamed[string, string]("travel")
	trip   = durable.OrchestratorNamed[string, string]("trip")
	leave  = durable.NewEvent[string]("go")
	trips  = durable.NewEntity[int]("trips")
	count  = durable.OperationNamed[string, int](trips, "count")
	reset  = durable.OperationNamed[durable.None, durable.None](trips, "clear")
)

func functions() []durable.Definition {
	return []durable.Definition{
		book.With(func(_ context.Context, to string) (string, error) { return "ticket to " + to, nil }),
		travel.With(func(ctx *durable.Context, ticket string) (string, error) {
			ctx.Sleep(30 * 24 * time.Hour)
			return "there with " + ticket, nil
		}),
		trip.With(func(ctx *durable.Context, to string) (string, error) {
			ticket, err := book.Call(ctx, to, durable.Retry(durable.RetryPolicy{Attempts: 3}))
			if err != nil {
				return "", err
			}
			ctx.SetStatus("packed")
			when, err := leave.Wait(ctx, 0)
			if err != nil {
				return "", err
			}
			if _, err := count.Call(ctx, "all", to); err != nil {
				return "", err
			}
			result, err := travel.Call(ctx, ticket)
			return result + ", " + when, err
		}),
		trips.With(
			count.With(func(n *int, _ *durable.EntityContext, _ string) (int, error) { *n++; return *n, nil }),
			reset.With(func(n *int, _ *durable.EntityContext, _ durable.None) (durable.None, error) {
				*n = 0
				return durable.None{}, nil
			}),
		),
	}
}

func TestMonthPassesAtOnce(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(functions()...)
		began := time.Now()
		run := durabletest.Start(e, trip, "Rome", durable.ID("t-1"))
		var status string
		if run.CustomStatus(&status); status != "packed" || run.State().Status != dts.StatusRunning {
			e.Errorf("status %q, %v, want it packed and running", status, run.State().Status)
		}
		durabletest.Raise(e, leave, run.ID, "today")
		if got, want := run.Result(), "there with ticket to Rome, today"; got != want {
			e.Errorf("got %q, want %q", got, want)
		}
		if took := time.Since(began).Round(time.Hour); took != 30*24*time.Hour {
			e.Errorf("took %v, want 30 days", took)
		}
		if n, ok := durabletest.State(e, trips, "all"); n != 1 || !ok {
			e.Errorf("counted %d, %v, want 1", n, ok)
		}
		if _, ok := durabletest.State(e, trips, "none"); ok {
			e.Error("an entity that nobody has called exists")
		}
	})
}

func TestReplacedFunctionsOfEachKindTakeThePlaces(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Replace(e, book, func(_ context.Context, to string) (string, error) { return "no ticket to " + to, nil })
		durabletest.Replace(e, travel, func(_ *durable.Context, ticket string) (string, error) { return "home with " + ticket, nil })
		durabletest.Replace(e, count, func(n *int, _ *durable.EntityContext, _ string) (int, error) { *n += 10; return *n, nil })
		e.Serve(functions()...)
		began := time.Now()
		for _, to := range []string{"Rome", "Oslo"} {
			run := durabletest.Start(e, trip, to)
			durabletest.Raise(e, leave, run.ID, "never")
			if got, want := run.Result(), "home with no ticket to "+to+", never"; got != want {
				e.Errorf("got %q, want %q", got, want)
			}
		}
		if took := time.Since(began); took > time.Minute {
			e.Errorf("took %v, want no month", took)
		}
		if n, _ := durabletest.State(e, trips, "all"); n != 20 {
			e.Errorf("counted %d, want 20", n)
		}
		durabletest.Signal(e, reset, "all", durable.None{}) // the other operation has stayed
		if n, _ := durabletest.State(e, trips, "all"); n != 0 {
			e.Errorf("counted %d, want 0", n)
		}
		want := map[string][]string{"book": {"Rome", "Oslo"}, "travel": {"no ticket to Rome", "no ticket to Oslo"}, "count": {"Rome", "Oslo"}, "of nobody": {}}
		got := map[string][]string{
			"book": durabletest.Calls(e, book), "travel": durabletest.Calls(e, travel),
			"count": durabletest.Operations(e, count, "all"), "of nobody": durabletest.Operations(e, count, "nobody"),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			e.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestAttemptsFailByTheirNumber(t *testing.T) {
	t.Parallel()
	away := errors.New("provider is away")
	for name, tt := range map[string]struct {
		attempts []int
		want     string // of the error
		calls    int
	}{
		"twice, then succeed": {[]int{1, 2}, "", 3},
		"the last":            {[]int{3}, "", 1},
		"every one":           {nil, `activity "book": provider is away`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			durabletest.Run(t, func(e *durabletest.Env) {
				durabletest.Fail(e, book, away, tt.attempts...)
				e.Serve(functions()...)
				run := durabletest.Start(e, trip, "Rome")
				durabletest.Raise(e, leave, run.ID, "")
				_, err := run.Wait()
				if got := fmt.Sprint(err); (err == nil) != (tt.want == "") || !strings.Contains(got, tt.want) {
					e.Errorf("error = %v, want %q in it", err, tt.want)
				}
				if got := len(durabletest.Calls(e, book)); got != tt.calls {
					e.Errorf("called %d times, want %d", got, tt.calls)
				}
			})
		})
	}
}

func TestChildrenAndOperationsFailToo(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Fail(e, count, errors.New("cannot count"), 1)
		durabletest.Fail(e, travel, errors.New("lost"), 1)
		e.Serve(functions()...)
		for _, want := range []string{"cannot count", "lost", "<nil>"} {
			run := durabletest.Start(e, trip, "Rome")
			durabletest.Raise(e, leave, run.ID, "")
			if _, err := run.Wait(); !strings.Contains(fmt.Sprint(err), want) {
				e.Errorf("got %v, want %s", err, want)
			}
		}
		if n, _ := durabletest.State(e, trips, "all"); n != 2 {
			e.Errorf("counted %d, want 2", n)
		}
	})
}

func TestFunctionOfAnotherAppIsReplaced(t *testing.T) {
	t.Parallel()
	elsewhere := durable.ActivityNamed[int, int]("elsewhere")
	ask := durable.NewOrchestrator("ask", func(ctx *durable.Context, n int) (int, error) { return elsewhere.Call(ctx, n) })
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Replace(e, elsewhere, func(_ context.Context, n int) (int, error) { return 2 * n, nil })
		e.Serve(ask)
		if got := durabletest.Start(e, ask, 21).Result(); got != 42 {
			e.Errorf("got %d, want 42", got)
		}
		if got := durabletest.Instances(e, ask); len(got) != 1 || got[0].Result() != 42 {
			e.Errorf("found %v, want the one", got)
		}
	})
}

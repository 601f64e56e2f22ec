package worker_test

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
)

// sell is an orchestrator with an activity, a timer, a child, an entity and an event
// that it waits for.
func sell(ctx *worker.Context, _ []byte) ([]byte, error) {
	if err := prepare(ctx); err != nil {
		return nil, err
	}
	return ctx.Event("approved").Await()
}

func prepare(ctx *worker.Context) error {
	if _, err := ctx.Activity("reserve", nil, worker.ActivityOptions{}).Await(); err != nil {
		return err
	}
	if _, err := ctx.Timer(ctx.Now().Add(time.Hour)).Await(); err != nil {
		return err
	}
	if _, err := ctx.Orchestration("child", nil, worker.OrchestrationOptions{}).Await(); err != nil {
		return err
	}
	if err := ctx.SignalEntity(stock, "take", nil, time.Time{}); err != nil {
		return err
	}
	ctx.SendEvent("nobody", "sold", nil)
	return nil
}

var stock = dts.EntityID{Name: "stock", Key: "desk"}

// historyOf runs main until it waits, or does what then asks for, and returns the
// history.
func historyOf(t *testing.T, main worker.Orchestrator, then func(ctx context.Context, c *dts.Client, id string) error) (history []dts.HistoryEvent) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		work(t, s, functions{
			orchestrators: map[string]worker.Orchestrator{
				"main":  main,
				"child": func(*worker.Context, []byte) ([]byte, error) { return nil, nil },
			},
			activities: map[string]worker.Activity{
				"reserve": func(context.Context, []byte) ([]byte, error) { return []byte("1"), nil },
				"refuse":  func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no") },
			},
		})
		id := begin(t, s.Client(), "")
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if then != nil {
			if err := then(t.Context(), s.Client(), id); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		for e, err := range s.Client().History(t.Context(), id) {
			if err != nil {
				t.Fatal(err)
			}
			history = append(history, e)
		}
	})
	return history
}

func replay(t *testing.T, main worker.Orchestrator, history []dts.HistoryEvent) *worker.Replayed {
	t.Helper()
	r := worker.NewRegistry()
	if err := r.Orchestrator("main", main); err != nil {
		t.Fatal(err)
	}
	got, err := worker.Replay(r, history)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// fileOf leaves the name of the file and cuts the number of the line.
func fileOf(at string) string {
	name, _, _ := strings.Cut(path.Base(at), ":")
	return name
}

func TestReplayOfTheSameCodeSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	got := replay(t, sell, historyOf(t, sell, nil))
	if got.Difference != nil || got.Ended || got.Name != "main" || fileOf(got.At) != "replay_test.go" {
		t.Errorf("got %+v, difference %v, want none and the line of the wait", got, got.Difference)
	}
	if len(got.Waits) != 1 || got.Waits[0].What != `event "approved"` || got.Waits[0].Event != "approved" || got.Waits[0].At != got.At {
		t.Errorf("waits for %+v, want the event", got.Waits)
	}
}

func TestReplayOfAnInstanceThatHasEndedHasNoDifference(t *testing.T) {
	t.Parallel()
	approve := func(ctx context.Context, c *dts.Client, id string) error { return c.Raise(ctx, id, "approved", nil) }
	stop := func(ctx context.Context, c *dts.Client, id string) error { return c.Terminate(ctx, id, "enough") }
	rewind := func(ctx context.Context, c *dts.Client, id string) error { return c.Rewind(ctx, id, "again") }
	again := func(ctx context.Context, c *dts.Client, id string) error {
		err := rewind(ctx, c, id)
		if err == nil {
			_, err = c.Wait(ctx, id)
		}
		return err
	}
	hold := func(ctx context.Context, c *dts.Client, id string) error { return c.Suspend(ctx, id, "hold") }
	fails := func(ctx *worker.Context, _ []byte) ([]byte, error) {
		return ctx.Activity("refuse", nil, worker.ActivityOptions{}).Await()
	}
	leaves := func(ctx *worker.Context, _ []byte) ([]byte, error) {
		ctx.Activity("unknown", nil, worker.ActivityOptions{})
		return nil, nil
	}
	for name, tt := range map[string]struct {
		main worker.Orchestrator
		then func(context.Context, *dts.Client, string) error
	}{
		"completed":              {sell, approve},
		"terminated":             {sell, stop},
		"suspended":              {sell, hold},
		"failed":                 {fails, nil},
		"with an open activity":  {leaves, nil},
		"rewound, failed again":  {fails, again},
		"rewound":                {fails, rewind},
		"continued as new":       {continues, nil},
		"with coroutines, locks": {branches, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := replay(t, tt.main, historyOf(t, tt.main, tt.then)); got.Difference != nil {
				t.Errorf("difference: %v", got.Difference)
			}
		})
	}
}

func continues(ctx *worker.Context, in []byte) ([]byte, error) {
	if string(in) == "next" {
		return ctx.Event("never").Await()
	}
	return nil, ctx.ContinueAsNew([]byte("next"), worker.ContinueOptions{})
}

func branches(ctx *worker.Context, _ []byte) ([]byte, error) {
	var done int
	for i := range 3 {
		ctx.Go(fmt.Sprint(i), func() {
			ctx.NewID()
			_, _ = ctx.Activity("refuse", nil, worker.ActivityOptions{}).Await()
			done++
		})
	}
	ctx.Until(func() bool { return done == 3 })
	locked, release := ctx.Lock(stock)
	_, err := locked.Await()
	release()
	return nil, err
}

func TestReplayNamesTheFirstDifference(t *testing.T) {
	t.Parallel()
	history := historyOf(t, sell, nil)
	act := func(ctx *worker.Context, name string) {
		_, _ = ctx.Activity(name, nil, worker.ActivityOptions{}).Await()
	}
	for _, tt := range []struct {
		name, want string
		line       bool // it has one
		main       worker.Orchestrator
	}{
		{
			"another activity", `event 3 (TaskScheduled): history has activity "reserve", the code has activity "book"`, true,
			func(ctx *worker.Context, _ []byte) ([]byte, error) { act(ctx, "book"); return nil, nil },
		},
		{
			"another kind", `event 3 (TaskScheduled): history has activity "reserve", the code has sub-orchestration "reserve"`, true,
			func(ctx *worker.Context, _ []byte) ([]byte, error) {
				return ctx.Orchestration("reserve", nil, worker.OrchestrationOptions{}).Await()
			},
		},
		{
			"a step less", `event 6 (TimerCreated): history has timer, the code has event "approved"`, true,
			func(ctx *worker.Context, _ []byte) ([]byte, error) {
				act(ctx, "reserve")
				ctx.SendEvent("nobody", "approved", nil)
				return ctx.Event("approved").Await()
			},
		},
		{
			"a wait instead", `event 3 (TaskScheduled): history has activity "reserve", the code has nothing`, true,
			func(ctx *worker.Context, _ []byte) ([]byte, error) { return ctx.Event("approved").Await() },
		},
		{
			"a step more at the same time", `event 4 (OrchestratorStarted): history has nothing more in this turn, the code has activity "audit"`, true,
			func(ctx *worker.Context, _ []byte) ([]byte, error) {
				first := ctx.Activity("reserve", nil, worker.ActivityOptions{})
				ctx.Activity("audit", nil, worker.ActivityOptions{})
				_, err := first.Await()
				return nil, err
			},
		},
		{
			"a step more at the end", `after the last event: history has nothing more, the code has activity "audit"`, true,
			func(ctx *worker.Context, _ []byte) ([]byte, error) {
				err := prepare(ctx)
				act(ctx, "audit")
				return nil, err
			},
		},
		{
			"an early end", `event 6 (TimerCreated): history has timer, the code has an end as completed`, false,
			func(ctx *worker.Context, _ []byte) ([]byte, error) { act(ctx, "reserve"); return nil, nil },
		},
		{
			"a failure", `event 6 (TimerCreated): history has timer, the code has an end as failed: not my type`, false,
			func(ctx *worker.Context, _ []byte) ([]byte, error) {
				act(ctx, "reserve")
				return nil, errors.New("not my type")
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := replay(t, tt.main, history).Difference
			if d == nil {
				t.Fatal("no difference was found")
			}
			if tt.line != (fileOf(d.At) == "replay_test.go") {
				t.Errorf("the line is %q", d.At)
			}
			d.At = ""
			if diff := cmp.Diff(tt.want, d.String()); diff != "" {
				t.Errorf("difference (-want +got):\n%s", diff)
			}
		})
	}
}

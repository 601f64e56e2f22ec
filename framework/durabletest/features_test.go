package durabletest_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
)

// What the library offers to orchestrators must not look like a difference at the end
// of a test, when each is replayed.
func TestWhatOrchestratorsMayDoRepeatsItself(t *testing.T) {
	t.Parallel()
	echo := durable.NewActivity("echo", func(_ context.Context, s string) (string, error) { return s, nil })
	refuse := durable.NewActivity("refuse", func(context.Context, durable.None) (durable.None, error) {
		return durable.None{}, durable.Permanent(errors.New("no"))
	})
	answer := durable.NewEvent[string]("answer")
	leaf := durable.NewOrchestrator("leaf", func(*durable.Context, durable.None) (durable.None, error) { return durable.None{}, nil })
	counter := durable.NewEntity[int]("counter")
	add := durable.NewOperation(counter, "add", func(n *int, _ *durable.EntityContext, by int) (int, error) { *n += by; return *n, nil })
	orchestrators := map[string]func(ctx *durable.Context, _ durable.None) (durable.None, error){
		"patched and random": func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			if ctx.Patched("once more") {
				_, _ = echo.Call(ctx, ctx.NewID())
			}
			for range ctx.Rand().IntN(5) + 1 {
				_, _ = echo.Call(ctx, ctx.Now().String())
			}
			return answerOf(ctx, answer)
		},
		"side by side": func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			for i := range 3 {
				ctx.Go("worker", func() error {
					ctx.Sleep(time.Duration(3-i) * time.Second)
					_, err := echo.Call(ctx, "x", durable.Retry(durable.RetryPolicy{}))
					return err
				})
			}
			_, _ = refuse.Start(ctx, durable.None{}, durable.Retry(durable.RetryPolicy{Attempts: 5})).Get(ctx)
			return answerOf(ctx, answer)
		},
		"entities": func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			unlock, err := counter.Lock(ctx, "b", "a")
			if err != nil {
				return durable.None{}, err
			}
			_, err = add.Call(ctx, "a", 1)
			unlock()
			_ = add.Signal(ctx, "c", 2)
			return durable.None{}, err
		},
		"saga": func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			return durable.RunSaga(ctx, func(s *durable.Saga) (durable.None, error) {
				echo.Compensate(ctx, s, "undo")
				return refuse.Call(ctx, durable.None{})
			})
		},
		"children": func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			_, _ = leaf.StartDetached(ctx, durable.None{})
			leaf.Start(ctx, durable.None{}) // nobody waits for it
			return leaf.Call(ctx, durable.None{})
		},
		"canceled": func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			_, _ = durable.First(ctx, ctx.Canceled(), ctx.After(time.Hour))
			return durable.None{}, ctx.Err()
		},
	}
	durabletest.Run(t, func(e *durabletest.Env) {
		functions := []durable.Definition{echo, refuse, leaf, counter}
		handles := make(map[string]durable.Orchestrator[durable.None, durable.None])
		for name, fn := range orchestrators {
			handles[name] = durable.NewOrchestrator(name, fn)
			functions = append(functions, handles[name])
		}
		e.Serve(functions...)
		var waiting []string
		for _, name := range slices.Sorted(maps.Keys(handles)) {
			waiting = append(waiting, durabletest.Start(e, handles[name], durable.None{}, durable.ID(name)).ID)
		}
		e.Sleep(time.Minute)
		if err := e.Client().Cancel(e.Context(), "canceled", "enough"); err != nil {
			e.Fatal(err)
		}
		for _, id := range waiting {
			if n := len(durabletest.Instance(e, leaf, id).History()); n < 3 {
				e.Errorf("%s has a history of %d events", id, n)
			}
		}
	})
}

func answerOf(ctx *durable.Context, answer durable.Event[string]) (durable.None, error) {
	_, err := answer.Wait(ctx, time.Hour)
	if errors.Is(err, durable.ErrTimeout) {
		err = nil
	}
	return durable.None{}, err
}

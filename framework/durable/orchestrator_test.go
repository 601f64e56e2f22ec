package durable_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
)

func TestContextIsTheSameInEachReplay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type view struct {
			ID   string
			Rand uint64
			Now  time.Time
		}
		var views []view // of the first line, once for each time it runs
		o := durable.NewOrchestrator("look", func(ctx *durable.Context, _ durable.None) (time.Duration, error) {
			began := ctx.Now()
			views = append(views, view{ctx.NewID(), ctx.Rand().Uint64(), began})
			if ctx.NewID() == views[0].ID {
				return 0, errors.New("two ids are equal")
			}
			ctx.Sleep(time.Hour)
			ctx.Sleep(0)
			ctx.Sleep(-time.Hour)
			return ctx.Now().Sub(began).Round(time.Minute), nil
		})
		s := newHub(t)
		s.serve(o)
		i, err := o.StartNew(t.Context(), s.client, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.restart() // a new worker knows nothing and has to replay
		slept, err := i.Wait(t.Context())
		if slept != time.Hour || err != nil {
			t.Errorf("slept %v, %v, want 1h", slept, err)
		}
		if len(views) < 2 {
			t.Fatalf("the orchestrator ran %d times, want a replay", len(views))
		}
		for _, v := range views[1:] {
			if diff := cmp.Diff(views[0], v); diff != "" {
				t.Errorf("replay sees something else (-first +replay):\n%s", diff)
			}
		}
	})
}

func TestGoRunsBesideTheOrchestrator(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("beside", func(ctx *durable.Context, _ durable.None) ([]string, error) {
			var log []string
			step := func(name string, d time.Duration) durable.Future[durable.None] {
				return ctx.Go(name, func() error {
					ctx.Sleep(d)
					log = append(log, name)
					if name == "slow" {
						return errors.New("too slow")
					}
					return nil
				})
			}
			_, err := durable.All(ctx, step("slow", 2*time.Hour), step("quick", time.Hour))
			if err == nil || err.Error() != "too slow" {
				return nil, fmt.Errorf("All gave %w, want the error of slow", err)
			}
			return log, nil
		})
		got, err := run(t, serve(t, []durable.Definition{o}), o, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"quick", "slow"}, got); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestContinueAsNewStartsAfreshWithTheNextInput(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		count := durable.NewOrchestrator("count", func(ctx *durable.Context, n int) (int, error) {
			if n == 5 {
				return n, nil
			}
			ctx.Sleep(time.Hour)
			return 0, durable.ContinueAsNew(ctx, n+1)
		})
		c := serve(t, []durable.Definition{count})
		began := time.Now()
		got, err := run(t, c, count, 1, durable.ID("count"))
		if got != 5 || err != nil {
			t.Errorf("got %d, %v, want 5", got, err)
		}
		if took := time.Since(began).Round(time.Hour); took != 4*time.Hour {
			t.Errorf("took %v, want 4h", took)
		}
		for e, err := range c.History(t.Context(), "count") {
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(e.Kind, "Timer") {
				t.Errorf("history of the last run has %s, want none of the runs before", e.Kind)
			}
		}
	})
}

func TestContinueAsNewKeepsEventsNobodyReceived(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		collect := durable.NewOrchestrator("collect", func(ctx *durable.Context, got []string) ([]string, error) {
			if len(got) == 3 {
				return got, nil
			}
			next, err := word.Wait(ctx, 0)
			if err != nil {
				return nil, err
			}
			ctx.Sleep(time.Hour)
			return nil, durable.ContinueAsNew(ctx, append(got, next))
		})
		c := serve(t, []durable.Definition{collect})
		i, err := collect.StartNew(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []string{"a", "b", "c"} {
			if err := word.Raise(t.Context(), c, i.ID, v); err != nil {
				t.Fatal(err)
			}
		}
		got, err := i.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestContinueAsNewRefusesAnotherType(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("monitor", func(ctx *durable.Context, _ []string) (durable.None, error) {
			return durable.None{}, durable.ContinueAsNew(ctx, 7)
		})
		_, err := run(t, serve(t, []durable.Definition{o}), o, nil)
		for _, want := range []string{"monitor", "int", "[]string"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error = %v, want %q in it", err, want)
			}
		}
	})
}

func TestStatusIsSeenFromOutside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("status", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			ctx.SetStatus(map[string]int{"done": 3})
			ctx.SetStatus(func() {}) // cannot be encoded
			ctx.Sleep(time.Hour)
			return durable.None{}, nil
		})
		c := serve(t, []durable.Definition{o})
		i, err := o.StartNew(t.Context(), c, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		seen, err := c.Instance(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(seen.CustomStatus), `{"done":3}`; got != want {
			t.Errorf("status = %s, want %s", got, want)
		}
		if _, err := i.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestStartOptionsReachTheInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("options", func(ctx *durable.Context, _ durable.None) (time.Time, error) {
			return ctx.Now(), nil
		})
		c := serve(t, []durable.Definition{o})
		due := time.Now().Add(36 * time.Hour).UTC()
		began, err := run(t, c, o, durable.None{}, durable.ID("o-7"), durable.Version("2.1"),
			durable.Tag("team", "sales"), durable.Tag("shop", "north"), durable.At(due))
		if err != nil {
			t.Fatal(err)
		}
		if late := began.Sub(due); late < 0 || late > time.Second {
			t.Errorf("began %v after it was due, want about 0", late)
		}
		seen, err := c.Instance(t.Context(), "o-7")
		if err != nil {
			t.Fatal(err)
		}
		if seen.Version != "2.1" {
			t.Errorf("version = %q, want 2.1", seen.Version)
		}
		if diff := cmp.Diff(map[string]string{"team": "sales", "shop": "north"}, seen.Tags); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
	})
}

func TestOnceNeverReplacesAnInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		echo := durable.NewOrchestrator("echo", func(_ *durable.Context, in string) (string, error) { return in, nil })
		c := serve(t, []durable.Definition{echo})
		for _, in := range []string{"one", "two"} { // the second replaces the first, which has ended
			if got, err := run(t, c, echo, in, durable.ID("o-7")); got != in || err != nil {
				t.Fatalf("got %q, %v, want %q", got, err, in)
			}
		}
		if _, err := echo.StartNew(t.Context(), c, "three", durable.ID("o-7"), durable.Once()); !errors.Is(err, dts.ErrExists) {
			t.Errorf("start = %v, want dts.ErrExists", err)
		}
		if got, err := echo.Instance(c, "o-7").Wait(t.Context()); got != "two" || err != nil {
			t.Errorf("got %q, %v, want two", got, err)
		}
	})
}

func TestWaitTellsHowItEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("idle", func(ctx *durable.Context, _ durable.None) (int, error) {
			ctx.Sleep(time.Hour)
			return 1, nil
		})
		c := serve(t, []durable.Definition{o})
		i, err := o.StartNew(t.Context(), c, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := i.Wait(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait for a minute = %v, want context.DeadlineExceeded", err)
		}
		if err := c.Terminate(t.Context(), i.ID, "no longer wanted"); err != nil {
			t.Fatal(err)
		}
		if _, err := i.Wait(t.Context()); !errors.Is(err, durable.ErrTerminated) {
			t.Errorf("wait after terminate = %v, want durable.ErrTerminated", err)
		}
		if _, err := o.Instance(c, "o-8").Wait(t.Context()); !errors.Is(err, dts.ErrNotFound) {
			t.Errorf("wait for nobody = %v, want dts.ErrNotFound", err)
		}
	})
}

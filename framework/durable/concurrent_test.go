package durable_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/framework/durable"
)

func TestWaitGroupRunsAtMostItsLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			limit int
			want  time.Duration
		}{{0, time.Minute}, {2, 3 * time.Minute}, {4, 2 * time.Minute}} {
			o := durable.NewOrchestrator("group", func(ctx *durable.Context, limit int) (time.Duration, error) {
				began := ctx.Now()
				wg := durable.WaitGroup{Limit: limit}
				for i := range 6 {
					wg.Go(ctx, fmt.Sprint("part ", i), func() error {
						ctx.Sleep(time.Minute)
						return nil
					})
				}
				err := wg.Wait(ctx)
				return ctx.Now().Sub(began).Round(time.Second), err
			})
			got, err := run(t, serve(t, []durable.Definition{o}), o, tt.limit)
			if got != tt.want || err != nil {
				t.Errorf("six parts of a minute, %d at once, took %v, %v, want %v", tt.limit, got, err, tt.want)
			}
		}
	})
}

func TestWaitGroupJoinsErrorsInTheOrderOfItsCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var finished []int
		o := durable.NewOrchestrator("group", func(ctx *durable.Context, _ durable.None) (string, error) {
			finished = nil
			var wg durable.WaitGroup
			for i := range 3 {
				wg.Go(ctx, "part", func() error {
					ctx.Sleep(time.Duration(3-i) * time.Minute)
					finished = append(finished, i)
					if i == 1 {
						return nil
					}
					return fmt.Errorf("part %d is broken", i)
				})
			}
			err := wg.Wait(ctx)
			return err.Error(), nil
		})
		got, err := run(t, serve(t, []durable.Definition{o}), o, durable.None{})
		if want := "part 0 is broken\npart 2 is broken"; got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		if diff := cmp.Diff([]int{2, 1, 0}, finished); diff != "" {
			t.Errorf("order of the ends (-want +got):\n%s", diff)
		}
	})
}

func TestChanHandsEachValueToOneReceiverInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		double := durable.NewActivity("double", func(_ context.Context, n int) (int, error) {
			time.Sleep(time.Minute + time.Duration(n)*time.Second) // so that no two are done at once
			return 2 * n, nil
		})
		o := durable.NewOrchestrator("pipeline", func(ctx *durable.Context, capacity int) ([]string, error) {
			var log []string
			jobs, results := durable.NewChan[int](capacity), durable.NewChan[string](0)
			ctx.Go("producer", func() error {
				for n := range 5 {
					jobs.Send(ctx, n)
				}
				jobs.Close()
				jobs.Close()
				return nil
			})
			var workers durable.WaitGroup
			for _, name := range []string{"a", "b"} {
				workers.Go(ctx, name, func() error {
					for n := range jobs.All(ctx) {
						twice, err := double.Call(ctx, n)
						if err != nil {
							return err
						}
						results.Send(ctx, fmt.Sprintf("%s: %d", name, twice))
					}
					return nil
				})
			}
			ctx.Go("closer", func() error {
				defer results.Close()
				return workers.Wait(ctx)
			})
			for line := range results.All(ctx) {
				log = append(log, line)
			}
			if _, ok := results.Receive(ctx); ok {
				return nil, errors.New("a closed channel had a value")
			}
			return log, nil
		})
		h := newHub(t)
		h.serve(double, o)
		want := []string{"a: 0", "b: 2", "a: 4", "b: 6", "a: 8"}
		for _, capacity := range []int{-1, 0, 1, 10} {
			got, err := run(t, h.client, o, capacity)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("capacity %d (-want +got):\n%s", capacity, diff)
			}
		}
	})
}

func TestChanMakesSendersWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("slow", func(ctx *durable.Context, capacity int) ([]int, error) {
			var sent []int // minutes after the beginning
			began := ctx.Now()
			c := durable.NewChan[int](capacity)
			ctx.Go("sender", func() error {
				for n := range 4 {
					c.Send(ctx, n)
					sent = append(sent, int(ctx.Now().Sub(began).Round(time.Second)/time.Minute))
				}
				c.Close()
				return nil
			})
			for ctx.Sleep(time.Minute); ; ctx.Sleep(time.Minute) {
				if _, ok := c.Receive(ctx); !ok {
					return sent, nil
				}
			}
		})
		c := serve(t, []durable.Definition{o})
		for capacity, want := range map[int][]int{0: {1, 2, 3, 4}, 2: {0, 0, 1, 2}, 4: {0, 0, 0, 0}} {
			got, err := run(t, c, o, capacity)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("capacity %d (-want +got):\n%s", capacity, diff)
			}
		}
	})
}

func TestSendOnAClosedChanFailsTheOrchestration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("late", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			c := durable.NewChan[int](1)
			c.Close()
			c.Send(ctx, 1)
			return durable.None{}, nil
		})
		_, err := run(t, serve(t, []durable.Definition{o}), o, durable.None{}, durable.ID("o-7"))
		if got, want := fmt.Sprint(err), `orchestrator "late" (o-7): durable: send on a closed Chan`; got != want {
			t.Errorf("error = %q, want %q", got, want)
		}
	})
}

func TestSelectChoosesWhatComesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failing := durable.NewActivity("failing", func(context.Context, durable.None) (int, error) { return 0, errors.New("no") })
		o := durable.NewOrchestrator("select", func(ctx *durable.Context, _ durable.None) ([]string, error) {
			var log []string
			say := func(s string) error {
				log = append(log, s)
				return nil
			}
			ticks := durable.NewChan[int](0)
			ctx.Go("ticker", func() error {
				ctx.Sleep(2 * time.Minute)
				ticks.Send(ctx, 2)
				ctx.Sleep(2 * time.Minute)
				ticks.Close()
				return nil
			})
			stop := errors.New("stop")
			hour, three := ctx.After(time.Hour), ctx.After(3*time.Minute)
			for {
				err := durable.Select(ctx,
					durable.On(hour, func(durable.None) error { return errors.New("the hour came first") }),
					durable.On(word, func(w string) error { return say("word " + w) }),
					durable.On(ticks, func(n int) error { return say(fmt.Sprint("tick ", n)) }),
					durable.On(three, func(durable.None) error {
						three = hour
						return say("three minutes")
					}),
				)
				if errors.Is(err, durable.ErrClosed) {
					break
				}
				if err != nil {
					return nil, err
				}
			}
			if err := durable.Select(ctx, durable.On(ctx.After(-1), func(durable.None) error { return stop })); !errors.Is(err, stop) {
				return nil, fmt.Errorf("Select gave %w, want the error of the function", err)
			}
			err := durable.Select(ctx, durable.On(failing.Start(ctx, durable.None{}), func(int) error { return say("never") }))
			log = append(log, fmt.Sprint(err))
			log = append(log, fmt.Sprint(durable.Select(ctx)))
			return log, nil
		})
		c := serve(t, []durable.Definition{o, failing})
		i, err := o.StartNew(t.Context(), c, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := word.Raise(t.Context(), c, i.ID, "one"); err != nil {
			t.Fatal(err)
		}
		got, err := i.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"word one", "tick 2", "three minutes", `activity "failing": no`, "durable.Select was given nothing to wait for",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("choices (-want +got):\n%s", diff)
		}
	})
}

// Two sources of events and a channel, at every moment in which one of them or
// several are ready: each value is received once, each source keeps its order.
func TestSelectLosesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		left, right := durable.NewEvent[int]("left"), durable.NewEvent[int]("right")
		const each = 10
		o := durable.NewOrchestrator("merge", func(ctx *durable.Context, _ durable.None) (map[string][]int, error) {
			got := make(map[string][]int)
			collect := func(from string) func(int) error {
				return func(n int) error {
					got[from] = append(got[from], n)
					return nil
				}
			}
			inner := durable.NewChan[int](0)
			ctx.Go("inner", func() error {
				for n := range each {
					inner.Send(ctx, n)
					if n%3 == 0 {
						ctx.Sleep(time.Second)
					}
				}
				return nil
			})
			for range 3 * each {
				if err := durable.Select(ctx,
					durable.On(left, collect("left")), durable.On(inner, collect("inner")), durable.On(right, collect("right")),
				); err != nil {
					return nil, err
				}
			}
			return got, nil
		})
		h := newHub(t)
		h.serve(o)
		i, err := o.StartNew(t.Context(), h.client, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		for n := range each {
			for _, e := range []durable.Event[int]{right, left} {
				if err := e.Raise(t.Context(), h.client, i.ID, n); err != nil {
					t.Fatal(err)
				}
			}
			if n%4 == 3 {
				time.Sleep(time.Second)
			}
			if n == each/2 {
				h.restart()
			}
		}
		got, err := i.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
		if diff := cmp.Diff(map[string][]int{"left": all, "right": all, "inner": all}, got); diff != "" {
			t.Errorf("received (-want +got):\n%s", diff)
		}
	})
}

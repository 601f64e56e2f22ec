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

// trip is a world in which things are booked; what is done in it goes to done.
type trip struct {
	done   []string
	book   durable.Activity[string, string]
	cancel durable.Activity[string, durable.None]
	broken map[string]int // how often the cancellation of it fails
}

func newTrip() *trip {
	w := &trip{broken: make(map[string]int)}
	w.book = durable.NewActivity("book", func(_ context.Context, what string) (string, error) {
		if what == "flight" {
			return "", errors.New("no seats")
		}
		w.done = append(w.done, "book "+what)
		return what + "-1", nil
	})
	w.cancel = durable.NewActivity("cancel", func(_ context.Context, what string) (durable.None, error) {
		if w.broken[what] > 0 {
			w.broken[what]--
			return durable.None{}, fmt.Errorf("%s cannot be cancelled", what)
		}
		w.done = append(w.done, "cancel "+what)
		return durable.None{}, nil
	})
	return w
}

// plan books what it is given, one after another, all or nothing.
func (w *trip) plan(then func(ctx *durable.Context) error) durable.Orchestrator[[]string, string] {
	return durable.NewOrchestrator("plan", func(ctx *durable.Context, things []string) (string, error) {
		return durable.RunSaga(ctx, func(s *durable.Saga) (string, error) {
			var booked []string
			for _, what := range things {
				id, err := w.book.Call(ctx, what)
				if err != nil {
					return "", err
				}
				w.cancel.Compensate(ctx, s, id)
				booked = append(booked, id)
			}
			return strings.Join(booked, ","), then(ctx)
		})
	})
}

func nothing(*durable.Context) error { return nil }

func TestSagaUndoesFromTheEndWhenItFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTrip()
		o := w.plan(nothing)
		c := serve(t, []durable.Definition{w.book, w.cancel, o})
		if got, err := run(t, c, o, []string{"hotel", "car"}); got != "hotel-1,car-1" || err != nil {
			t.Errorf("a trip without a flight: %q, %v, want both bookings", got, err)
		}
		if diff := cmp.Diff([]string{"book hotel", "book car"}, w.done); diff != "" {
			t.Errorf("done when all went well (-want +got):\n%s", diff)
		}
		w.done = nil
		_, err := run(t, c, o, []string{"hotel", "car", "flight", "tour"}, durable.ID("o-7"))
		if got, want := fmt.Sprint(err), `orchestrator "plan" (o-7): activity "book": no seats`; got != want {
			t.Errorf("error = %q, want %q", got, want)
		}
		if diff := cmp.Diff([]string{"book hotel", "book car", "cancel car-1", "cancel hotel-1"}, w.done); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
	})
}

func TestCompensationIsTriedAgainAndItsFailureIsJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTrip()
		w.broken["hotel-1"], w.broken["car-1"] = 2, 3
		o := w.plan(nothing)
		_, err := run(t, serve(t, []durable.Definition{w.book, w.cancel, o}), o, []string{"hotel", "car", "flight"}, durable.ID("o-7"))
		want := "orchestrator \"plan\" (o-7): activity \"book\": no seats\nnot undone: activity \"cancel\": car-1 cannot be cancelled"
		if got := fmt.Sprint(err); got != want {
			t.Errorf("error = %q, want %q", got, want)
		}
		if diff := cmp.Diff([]string{"book hotel", "book car", "cancel hotel-1"}, w.done); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
	})
}

func TestCompensationOfAnyKindNamesWhatItUndoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTrip()
		w.broken["car-1"] = 1
		var inner error
		o := durable.NewOrchestrator("mixed", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			_, inner = durable.RunSaga(ctx, func(s *durable.Saga) (durable.None, error) {
				w.cancel.Compensate(ctx, s, "car-1", durable.Retry(durable.RetryPolicy{Attempts: 1}))
				s.Compensate("the sign", func() error { return errors.New("it is nailed") })
				return durable.None{}, errSold
			})
			if !errors.Is(inner, errSold) {
				return durable.None{}, errors.New("the cause is lost")
			}
			return durable.None{}, nil
		})
		if _, err := run(t, serve(t, []durable.Definition{w.cancel, o}), o, durable.None{}); err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(inner), "sold\nnot undone: the sign: it is nailed\nactivity \"cancel\": car-1 cannot be cancelled"; got != want {
			t.Errorf("error = %q, want %q", got, want)
		}
	})
}

var errSold = errors.New("sold")

func TestCanceledSagaIsUndone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for broken, want := range map[int]dts.Status{0: dts.StatusTerminated, 99: dts.StatusFailed} {
			w := newTrip()
			w.broken["hotel-1"] = broken
			o := w.plan(func(ctx *durable.Context) error {
				_, _ = ctx.Canceled().Get(ctx)
				return fmt.Errorf("while we wait: %w", ctx.Err())
			})
			h := newHub(t)
			h.serve(w.book, w.cancel, o)
			i, err := o.StartNew(t.Context(), h.client, []string{"hotel"})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			h.restart()
			if err := i.Cancel(t.Context(), "rain"); err != nil {
				t.Fatal(err)
			}
			end, err := h.client.Wait(t.Context(), i.ID)
			if err != nil {
				t.Fatal(err)
			}
			if end.Status != want {
				t.Errorf("with %d broken cancellations it ends as %v (%v), want %v", broken, end.Status, end.Failure, want)
			}
			if broken == 0 && w.done[len(w.done)-1] != "cancel hotel-1" {
				t.Errorf("done %q, want the hotel cancelled at last", w.done)
			}
		}
	})
}

func TestSagaThatPanicsIsUndoneAndFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTrip()
		o := w.plan(func(*durable.Context) error { panic("oh") })
		_, err := run(t, serve(t, []durable.Definition{w.book, w.cancel, o}), o, []string{"hotel"})
		f, ok := errors.AsType[*dts.Failure](err)
		if !ok || f.Type != "panic" || f.Message != "oh" || !strings.Contains(f.Stack, "saga_test.go") {
			t.Errorf("error = %v, want the panic with its stack", err)
		}
		if diff := cmp.Diff([]string{"book hotel", "cancel hotel-1"}, w.done); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
	})
}

func TestSagaThatContinuesAsNewKeepsWhatItDid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTrip()
		rounds := 0
		o := w.plan(func(ctx *durable.Context) error {
			if rounds++; rounds == 1 {
				return durable.ContinueAsNew(ctx, []string{"car"})
			}
			return nil
		})
		got, err := run(t, serve(t, []durable.Definition{w.book, w.cancel, o}), o, []string{"hotel"})
		if got != "car-1" || err != nil {
			t.Errorf("got %q, %v, want the second round", got, err)
		}
		if diff := cmp.Diff([]string{"book hotel", "book car"}, w.done); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
	})
}

func TestCompensationThatPanicsDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, undo := range map[string]struct {
			f    func(ctx *durable.Context) error
			want string
		}{
			"panics":           {func(*durable.Context) error { panic("oh") }, "the sign: panic: oh"},
			"continues as new": {func(ctx *durable.Context) error { return durable.ContinueAsNew(ctx, durable.None{}) }, "the sign: a compensation cannot continue as new"},
		} {
			for _, cause := range []error{errSold, durable.ErrCancelRequested} {
				w := newTrip()
				var inner error
				o := durable.NewOrchestrator("sell", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
					var out durable.None
					out, inner = durable.RunSaga(ctx, func(s *durable.Saga) (durable.None, error) {
						w.cancel.Compensate(ctx, s, "car-1")
						s.Compensate("the sign", func() error { return undo.f(ctx) })
						return durable.None{}, cause
					})
					return out, inner
				})
				_, err := run(t, serve(t, []durable.Definition{w.cancel, o}), o, durable.None{})
				if want := cause.Error() + "\nnot undone: " + undo.want; err == nil || !errors.Is(inner, cause) || inner.Error() != want {
					t.Errorf("a compensation that %s after %q: %v, want %q", name, cause, inner, want)
				}
				if diff := cmp.Diff([]string{"cancel car-1"}, w.done); diff != "" {
					t.Errorf("done (-want +got):\n%s", diff)
				}
			}
		}
	})
}

func TestSagaIsUndoneWhenWhatRunsBesideItPanics(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(ctx *durable.Context) error{
		"a future that is asked for": func(ctx *durable.Context) error {
			_, err := ctx.Go("beside", func() error { panic("oh") }).Get(ctx)
			return err
		},
		"a future that nobody looks at": func(ctx *durable.Context) error {
			ctx.Go("beside", func() error { panic("oh") })
			ctx.Sleep(time.Minute)
			return nil
		},
		"a wait group": func(ctx *durable.Context) error {
			var wg durable.WaitGroup
			wg.Go(ctx, "beside", func() error { panic("oh") })
			return wg.Wait(ctx)
		},
		"going on as new": func(ctx *durable.Context) error {
			ctx.Go("beside", func() error { panic("oh") })
			ctx.Sleep(time.Minute)
			return durable.ContinueAsNew(ctx, []string{"car"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newTrip()
				o := w.plan(then)
				_, err := run(t, serve(t, []durable.Definition{w.book, w.cancel, o}), o, []string{"hotel"})
				f, ok := errors.AsType[*dts.Failure](err)
				for ok && f.Inner != nil { // the wait group joins errors
					f = f.Inner
				}
				if !ok || f.Type != "panic" || f.Message != `coroutine "beside": oh` || !strings.Contains(f.Stack, "saga_test.go") {
					t.Errorf("error = %v, want the panic", err)
				}
				if diff := cmp.Diff([]string{"book hotel", "cancel hotel-1"}, w.done); diff != "" {
					t.Errorf("done (-want +got):\n%s", diff)
				}
			})
		})
	}
}

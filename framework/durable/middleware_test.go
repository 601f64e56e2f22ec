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

type userKey struct{}

func TestMiddlewareRunsAroundEachCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log []string // one orchestration: its calls take turns
		record := func(name string) durable.Middleware {
			return func(next durable.Handler) durable.Handler {
				return func(ctx context.Context, call *durable.Call) ([]byte, error) {
					live := !call.Replaying()
					if live {
						log = append(log, fmt.Sprintf("%s in %s %s (%s) %s", name, call.Kind, call.Name, call.Instance, call.Input))
					}
					out, err := next(ctx, call)
					if !call.Replaying() {
						log = append(log, fmt.Sprintf("%s out %s %s %v", name, call.Name, out, err))
					}
					return out, err
				}
			}
		}
		o := durable.NewOrchestrator("tour", func(ctx *durable.Context, city string) (string, error) {
			return greet.Call(ctx, city)
		})
		c := serve(t, []durable.Definition{greet, o}, record("outer"), record("inner"))
		if _, err := run(t, c, o, "Tokyo", durable.ID("o-7")); err != nil {
			t.Fatal(err)
		}
		want := []string{
			`outer in orchestrator tour (o-7) "Tokyo"`,
			`inner in orchestrator tour (o-7) "Tokyo"`,
			`outer in activity greet (o-7) "Tokyo"`,
			`inner in activity greet (o-7) "Tokyo"`,
			`inner out greet "Hello Tokyo!" <nil>`,
			`outer out greet "Hello Tokyo!" <nil>`,
			`inner out tour "Hello Tokyo!" <nil>`,
			`outer out tour "Hello Tokyo!" <nil>`,
		}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestMiddlewareMayChangeInputResultAndValues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		who := durable.NewActivity("who", func(ctx context.Context, prefix string) (string, error) {
			return prefix + fmt.Sprint(ctx.Value(userKey{})), nil
		})
		o := durable.NewOrchestrator("tour", func(ctx *durable.Context, in string) (string, error) {
			ctx.Sleep(time.Hour) // values are there after a replay too
			out, err := who.Call(ctx, in)
			return fmt.Sprint(ctx.Value(userKey{}), "+", out), err
		})
		change := func(next durable.Handler) durable.Handler {
			return func(ctx context.Context, call *durable.Call) ([]byte, error) {
				if call.Kind == durable.KindActivity {
					call.Input = []byte(`"I am "`)
				}
				out, err := next(context.WithValue(ctx, userKey{}, "ana"), call)
				if call.Kind == durable.KindOrchestrator && err == nil {
					out = []byte(fmt.Sprintf(`"<%s>"`, out[1:len(out)-1]))
				}
				return out, err
			}
		}
		got, err := run(t, serve(t, []durable.Definition{who, o}, change), o, "?")
		if want := "<ana+I am ana>"; got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	})
}

func TestMiddlewareMayRefuseACall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("tour", func(ctx *durable.Context, city string) (string, error) {
			return greet.Call(ctx, city)
		})
		refuse := func(next durable.Handler) durable.Handler {
			return func(ctx context.Context, call *durable.Call) ([]byte, error) {
				if call.Kind == durable.KindActivity {
					return nil, durable.Permanent(errors.New("not today"))
				}
				return next(ctx, call)
			}
		}
		_, err := run(t, serve(t, []durable.Definition{greet, o}, refuse), o, "Tokyo", durable.ID("o-7"))
		if want := `orchestrator "tour" (o-7): activity "greet": not today`; fmt.Sprint(err) != want {
			t.Errorf("error = %v, want %s", err, want)
		}
	})
}

func TestMiddlewareCannotHoldAParkedOrchestrator(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("sleeper", func(ctx *durable.Context, _ durable.None) (string, error) {
			ctx.Sleep(time.Hour)
			return "rested", nil
		})
		catchAll := func(next durable.Handler) durable.Handler {
			return func(ctx context.Context, call *durable.Call) (out []byte, err error) {
				defer func() {
					if r := recover(); r != nil {
						err = fmt.Errorf("caught %v", r)
					}
				}()
				return next(ctx, call)
			}
		}
		h := newHub(t)
		h.register([]durable.Definition{o}, catchAll)
		h.start()
		i, err := o.StartNew(t.Context(), h.client, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		h.restart()
		if got, err := i.Wait(t.Context()); got != "rested" || err != nil {
			t.Errorf("got %q, %v, want rested", got, err)
		}
	})
}

func TestMiddlewareTellsContinuationFromFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("rounds", func(ctx *durable.Context, n int) (int, error) {
			if n == 3 {
				return n, nil
			}
			return 0, durable.ContinueAsNew(ctx, n+1)
		})
		var log []string
		count := func(next durable.Handler) durable.Handler {
			return func(ctx context.Context, call *durable.Call) ([]byte, error) {
				out, err := next(ctx, call)
				log = append(log, fmt.Sprintf("%s continued %v ended %v", call.Input, errors.Is(err, durable.ErrContinued), err == nil))
				return out, err
			}
		}
		if got, err := run(t, serve(t, []durable.Definition{o}, count), o, 1); got != 3 || err != nil {
			t.Errorf("got %d, %v, want 3", got, err)
		}
		want := []string{"1 continued true ended false", "2 continued true ended false", "3 continued false ended true"}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

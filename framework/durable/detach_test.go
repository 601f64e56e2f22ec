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

func TestDetachedInstanceOutlivesTheOneThatStartedIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		audit := durable.NewOrchestrator("audit", func(ctx *durable.Context, days int) (string, error) {
			ctx.Sleep(time.Duration(days) * 24 * time.Hour)
			_, child := ctx.Parent()
			return fmt.Sprintf("version %s, team %s, a child: %v", ctx.Version(), ctx.Tag("team"), child), nil
		})
		order := durable.NewOrchestrator("order", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			named, err := audit.StartDetached(ctx, 2, durable.ID("audit-7"), durable.Version("2.1"), durable.Tag("team", "sales"))
			if err != nil {
				return durable.None{}, err
			}
			unnamed, err := audit.StartDetached(ctx, 1, durable.At(ctx.Now().Add(time.Hour)))
			if err != nil {
				return durable.None{}, err
			}
			ctx.SetStatus([]string{named, unnamed})
			ctx.Sleep(time.Hour)
			return durable.None{}, nil
		})
		h := newHub(t)
		h.serve(audit, order)
		i, err := order.StartNew(t.Context(), h.client, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := h.client.Terminate(t.Context(), i.ID, "no longer wanted", dts.Recursive()); err != nil {
			t.Fatal(err)
		}
		got, err := audit.Instance(h.client, "audit-7").Wait(t.Context())
		if want := "version 2.1, team sales, a child: false"; got != want || err != nil {
			t.Errorf("the detached instance gave %q, %v, want %q", got, err, want)
		}
		seen, err := h.client.Instance(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, other, _ := strings.Cut(strings.Trim(string(seen.CustomStatus), `[]"`), `","`)
		late, err := h.client.Instance(t.Context(), other)
		if err != nil {
			t.Fatal(err)
		}
		if late.StartAt.IsZero() || late.Status != dts.StatusCompleted {
			t.Errorf("the instance with an id of its own is %v, due %v, want a completed one that began later", late.Status, late.StartAt)
		}
	})
}

func TestDetachedStartSaysWhyItCannotBe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		echo := durable.NewOrchestrator("echo", func(_ *durable.Context, in string) (string, error) { return in, nil })
		idle := durable.NewOrchestrator("idle", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			ctx.Sleep(time.Hour)
			return durable.None{}, nil
		})
		long := strings.Repeat("x", 101)
		o := durable.NewOrchestrator("o", func(ctx *durable.Context, _ durable.None) ([]string, error) {
			var log []string
			say := func(id string, err error) {
				log = append(log, fmt.Sprintf("%q %v, exists %v", id, err, errors.Is(err, dts.ErrExists)))
			}
			say(echo.StartDetached(ctx, "again", durable.ID("ended"), durable.Once()))
			say(echo.StartDetached(ctx, "again", durable.ID("ended")))
			say(echo.StartDetached(ctx, "again", durable.ID("live")))
			_, err := echo.StartDetached(ctx, "again", durable.ID(long))
			log = append(log, fmt.Sprint(strings.HasPrefix(err.Error(), "detached start: start instance") && strings.Contains(err.Error(), "100")))
			_, err = durable.NewOrchestrator("forgotten", func(*durable.Context, int) (int, error) { return 0, nil }).StartDetached(ctx, 1)
			log = append(log, fmt.Sprint(strings.Contains(err.Error(), "app.Add")))
			return log, nil
		})
		c := serve(t, []durable.Definition{echo, idle, o})
		if _, err := run(t, c, echo, "first", durable.ID("ended")); err != nil {
			t.Fatal(err)
		}
		if _, err := idle.StartNew(t.Context(), c, durable.None{}, durable.ID("live")); err != nil {
			t.Fatal(err)
		}
		got, err := run(t, c, o, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			`"" start instance "ended" of orchestrator "echo": already exists, exists true`,
			`"ended" <nil>, exists false`,
			`"" start instance "live" of orchestrator "echo": already exists, exists true`,
			"true",
			"true",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
	})
}

// An activity whose worker is lost after its work and before its answer runs again.
func TestDetachedStartHappensOnceThoughItsActivityRunsTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ran []string
		note := durable.NewOrchestrator("note", func(_ *durable.Context, in string) (string, error) {
			ran = append(ran, in)
			return in, nil
		})
		twice := func(next durable.Handler) durable.Handler {
			return func(ctx context.Context, call *durable.Call) ([]byte, error) {
				out, err := next(ctx, call)
				if call.Kind == durable.KindActivity {
					time.Sleep(time.Minute) // the new instance has ended
					out, err = next(ctx, call)
				}
				return out, err
			}
		}
		o := durable.NewOrchestrator("o", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			for in, opts := range [][]durable.StartOption{nil, {durable.ID("one")}, {durable.ID("two"), durable.Once()}} {
				if _, err := note.StartDetached(ctx, fmt.Sprint(in), opts...); err != nil {
					return durable.None{}, err
				}
			}
			return durable.None{}, nil
		})
		if _, err := run(t, serve(t, []durable.Definition{note, o}, twice), o, durable.None{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"0", "1", "2"}, ran); diff != "" {
			t.Errorf("instances that ran (-want +got):\n%s", diff)
		}
	})
}

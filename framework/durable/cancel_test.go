package durable_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
)

// patient waits for an event for a month, and cleans up when it is asked to cancel.
func patient(cleaned *[]string) (durable.Orchestrator[string, string], durable.Activity[string, durable.None]) {
	clean := durable.NewActivity("clean", func(_ context.Context, what string) (durable.None, error) {
		*cleaned = append(*cleaned, what)
		return durable.None{}, nil
	})
	return durable.NewOrchestrator("patient", func(ctx *durable.Context, what string) (got string, err error) {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		err = durable.Select(ctx,
			durable.On(word, func(w string) error {
				got = w
				return nil
			}),
			durable.On(ctx.After(30*24*time.Hour), func(durable.None) error { return durable.ErrTimeout }),
			durable.On(ctx.Canceled(), func(reason string) error {
				if _, err := clean.Call(ctx, what+" because of "+reason); err != nil {
					return err
				}
				return fmt.Errorf("what is left of it: %w", ctx.Err())
			}),
		)
		return got, err
	}), clean
}

func TestCanceledOrchestrationCleansUpAndEndsAsTerminated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cleaned []string
		o, clean := patient(&cleaned)
		h := newHub(t)
		h.serve(o, clean)
		i, err := o.StartNew(t.Context(), h.client, "the kitchen")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		h.restart()
		if err := i.Cancel(t.Context(), "rain"); err != nil {
			t.Fatal(err)
		}
		_, err = i.Wait(t.Context())
		if want := fmt.Sprintf(`orchestrator "patient" (%s): terminated: rain`, i.ID); !errors.Is(err, durable.ErrTerminated) || fmt.Sprint(err) != want {
			t.Errorf("wait = %v, want %s", err, want)
		}
		if diff := cmp.Diff([]string{"the kitchen because of rain"}, cleaned); diff != "" {
			t.Errorf("cleaned up (-want +got):\n%s", diff)
		}
		seen, err := h.client.Instance(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		if seen.Status != dts.StatusTerminated || string(seen.Output) != `"rain"` {
			t.Errorf("outside it is %v with output %s, want Terminated with the reason", seen.Status, seen.Output)
		}
		if err := i.Cancel(t.Context(), "again"); err != nil {
			t.Errorf("cancel of one that has ended = %v, want nil", err)
		}
		if err := h.client.Cancel(t.Context(), "nobody", "rain"); !errors.Is(err, dts.ErrNotFound) {
			t.Errorf("cancel of nobody = %v, want dts.ErrNotFound", err)
		}
	})
}

func TestRequestToCancelWaitsUntilSomebodyLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name    string
			payload []byte
			want    string
		}{
			{"of our client", []byte(`"rain"`), "canceled: rain"},
			{"in other words", []byte(`{"why":1}`), `canceled: {"why":1}`},
			{"without a reason", nil, "canceled"},
		} {
			o := durable.NewOrchestrator("steps", func(ctx *durable.Context, _ durable.None) (string, error) {
				before := ctx.Err()
				ctx.Sleep(time.Hour)
				err := ctx.Err()
				reason, _ := ctx.Canceled().Get(ctx)
				again := ctx.Err()
				if before != nil || !errors.Is(err, durable.ErrCancelRequested) || fmt.Sprint(err) != fmt.Sprint(again) || !ctx.Canceled().Done() {
					return "", fmt.Errorf("before %w, then %w, %q and %w", before, err, reason, again)
				}
				return err.Error(), nil // it was asked, and may still end well
			})
			c := serve(t, []durable.Definition{o})
			i, err := o.StartNew(t.Context(), c, durable.None{})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if err := c.Raise(t.Context(), i.ID, "FUNCHOST.cancel", tt.payload); err != nil {
				t.Fatal(err)
			}
			if got, err := i.Wait(t.Context()); got != tt.want || err != nil {
				t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
			}
		}
	})
}

func TestParentCancelsItsChildAndSeesItEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cleaned []string
		child, clean := patient(&cleaned)
		parent := durable.NewOrchestrator("parent", func(ctx *durable.Context, _ durable.None) (string, error) {
			run := child.Start(ctx, "the hall", durable.ID("child"))
			ctx.Sleep(time.Minute)
			durable.Cancel(ctx, "child", "the guests are late")
			durable.Cancel(ctx, "nobody", "nobody hears it")
			_, err := run.Get(ctx)
			return fmt.Sprint(err, ", ", errors.Is(err, durable.ErrTerminated)), nil
		})
		got, err := run(t, serve(t, []durable.Definition{child, clean, parent}), parent, durable.None{})
		if want := `orchestrator "patient": the guests are late, true`; got != want || err != nil {
			t.Errorf("the parent sees %q, %v, want %q", got, err, want)
		}
		if diff := cmp.Diff([]string{"the hall because of the guests are late"}, cleaned); diff != "" {
			t.Errorf("cleaned up (-want +got):\n%s", diff)
		}
	})
}

func TestFailureAfterARequestToCancelIsAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("fails", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			_, _ = ctx.Canceled().Get(ctx)
			return durable.None{}, errors.New("no key to the kitchen")
		})
		c := serve(t, []durable.Definition{o})
		i, err := o.StartNew(t.Context(), c, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		if err := i.Cancel(t.Context(), "rain"); err != nil {
			t.Fatal(err)
		}
		if _, err := i.Wait(t.Context()); errors.Is(err, durable.ErrTerminated) || err == nil {
			t.Errorf("wait = %v, want the failure", err)
		}
	})
}

func TestRequestToCancelOutlivesTheRoundsOfAMonitor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("monitor", func(ctx *durable.Context, round int) (durable.None, error) {
			if round == 3 { // it looks at every third round only
				return durable.None{}, ctx.Err()
			}
			ctx.Canceled()
			ctx.Sleep(time.Minute)
			return durable.None{}, durable.ContinueAsNew(ctx, round+1, durable.DropEvents())
		})
		c := serve(t, []durable.Definition{o})
		i, err := o.StartNew(t.Context(), c, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.Cancel(t.Context(), "enough"); err != nil {
			t.Fatal(err)
		}
		if _, err := i.Wait(t.Context()); !errors.Is(err, durable.ErrTerminated) {
			t.Errorf("wait = %v, want durable.ErrTerminated", err)
		}
	})
}

package durable_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/framework/durable"
)

func TestContinueAsNewMayChangeTheVersion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var versions []string
		o := durable.NewOrchestrator("upgrade", func(ctx *durable.Context, n int) (string, error) {
			versions = append(versions, fmt.Sprintf("%d: %q", n, ctx.Version()))
			switch n {
			case 0:
				return "", durable.ContinueAsNew(ctx, 1)
			case 1:
				return "", durable.ContinueAsNew(ctx, 2, durable.Version("2.0"))
			case 2:
				return "", durable.ContinueAsNew(ctx, 3)
			}
			return ctx.Version(), nil
		})
		c := serve(t, []durable.Definition{o})
		got, err := run(t, c, o, 0, durable.Version("1.0"), durable.ID("u"))
		if got != "2.0" || err != nil {
			t.Errorf("got %q, %v, want 2.0", got, err)
		}
		if diff := cmp.Diff([]string{`0: "1.0"`, `1: "1.0"`, `2: "2.0"`, `3: "2.0"`}, versions); diff != "" {
			t.Errorf("versions (-want +got):\n%s", diff)
		}
		seen, err := c.Instance(t.Context(), "u")
		if err != nil || seen.Version != "2.0" {
			t.Errorf("outside the version is %q, %v, want 2.0", seen.Version, err)
		}
	})
}

func TestContinueAsNewMayDropEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("forgetful", func(ctx *durable.Context, round int) (string, error) {
			if round == 0 {
				ctx.Sleep(time.Hour)
				return "", durable.ContinueAsNew(ctx, 1, durable.DropEvents())
			}
			return word.Wait(ctx, 0)
		})
		c := serve(t, []durable.Definition{o})
		i, err := o.StartNew(t.Context(), c, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range []string{"early", "late"} {
			if err := word.Raise(t.Context(), c, i.ID, w); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Hour)
		}
		if got, err := i.Wait(t.Context()); got != "late" || err != nil {
			t.Errorf("got %q, %v, want the event that came after the new beginning", got, err)
		}
	})
}

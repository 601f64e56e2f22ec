package durable_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
)

// A program changes twice while its orchestrations wait: a step comes in under a
// patch, and then the patch goes.
func TestPatchedCodeCarriesOldAndNewOrchestrations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		step := durable.NewActivity("step", func(_ context.Context, name string) (string, error) { return name, nil })
		process := durable.OrchestratorNamed[durable.None, string]("process")
		release := func(h *hub, asks func(ctx *durable.Context) bool) {
			if h.stop != nil {
				h.stop()
			}
			h.registry = worker.NewRegistry()
			h.serve(step, process.With(func(ctx *durable.Context, _ durable.None) (string, error) {
				var done []string
				do := func(name string) error {
					out, err := step.Call(ctx, name)
					done = append(done, out)
					return err
				}
				if err := do("weigh"); err != nil {
					return "", err
				}
				if asks(ctx) {
					if err := do("ask"); err != nil {
						return "", err
					}
				}
				if _, err := word.Wait(ctx, 0); err != nil {
					return "", err
				}
				err := do("ship")
				return strings.Join(done, " "), err
			}))
		}
		h := newHub(t)
		start := func(id string) durable.Instance[string] {
			i, err := process.StartNew(t.Context(), h.client, durable.None{}, durable.ID(id))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			return i
		}
		finish := func(i durable.Instance[string], want string) {
			t.Helper()
			if err := word.Raise(t.Context(), h.client, i.ID, "go"); err != nil {
				t.Fatal(err)
			}
			if got, err := i.Wait(t.Context()); got != want || err != nil {
				t.Errorf("%s: got %q, %v, want %q", i.ID, got, err, want)
			}
		}

		release(h, func(*durable.Context) bool { return false })
		old := start("old")
		release(h, func(ctx *durable.Context) bool { return ctx.Patched("ask") })
		patched, kept := start("patched"), start("kept")
		finish(old, "weigh ship")
		finish(patched, "weigh ask ship")
		release(h, func(*durable.Context) bool { return true })
		finish(kept, "weigh ask ship")
		finish(start("new"), "weigh ask ship")

		var sent []string
		for _, id := range []string{"old", "patched", "kept", "new"} {
			for e, err := range h.client.History(t.Context(), id) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind == "EventSent" {
					sent = append(sent, id+" "+e.Name)
				}
			}
		}
		if diff := cmp.Diff([]string{"patched funchost.patch/ask", "kept funchost.patch/ask"}, sent); diff != "" {
			t.Errorf("marks in the histories (-want +got):\n%s", diff)
		}
	})
}

package scheduler_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
)

func TestRestartRunsAgainWithTheSameInput(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		r := worker.NewRegistry()
		must(t, r.Orchestrator("echo", func(ctx *worker.Context, in []byte) ([]byte, error) {
			return ctx.Event("go").Await()
		}))
		runWorker(t, s, r)
		c := s.Client()
		id, err := c.Start(t.Context(), dts.StartRequest{ID: "a", Name: "echo", Version: "2", Input: []byte(`"in"`), Tags: map[string]string{"k": "v"}})
		must(t, err)

		if _, err := c.Restart(t.Context(), id); !errors.Is(err, dts.ErrConflict) {
			t.Errorf("restart of a live instance: got %v, want ErrConflict", err)
		}
		if _, err := c.Restart(t.Context(), "nobody"); !errors.Is(err, dts.ErrNotFound) {
			t.Errorf("restart of an unknown instance: got %v, want ErrNotFound", err)
		}
		other, err := c.Restart(t.Context(), id, dts.NewID())
		must(t, err)
		if other == id {
			t.Errorf("restart with a new id: got the old one, %q", other)
		}
		must(t, c.Raise(t.Context(), id, "go", []byte(`1`)))
		first, err := c.Wait(t.Context(), id)
		must(t, err)
		again, err := c.Restart(t.Context(), id)
		must(t, err)
		if again != id {
			t.Errorf("restart: got id %q, want %q", again, id)
		}
		for _, id := range []string{again, other} {
			must(t, c.Raise(t.Context(), id, "go", []byte(`2`)))
			got, err := c.Wait(t.Context(), id)
			must(t, err)
			if string(got.Input) != `"in"` || string(got.Output) != `2` || got.Version != "2" || got.Tags["k"] != "v" || got.ExecutionID == first.ExecutionID {
				t.Errorf("restarted as %q: got %+v", id, got)
			}
		}
	})
}

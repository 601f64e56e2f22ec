package scheduler_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
)

func TestHelloCitiesRunsToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		runWorker(t, s, helloCities(t))
		id, err := s.Client().Start(t.Context(), dts.StartRequest{Name: "hello-cities", Input: []byte(`"x"`)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Client().Wait(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got.Status != dts.StatusCompleted || string(got.Output) != `"Hello Tokyo! Hello Seattle! Hello London! "` {
			t.Errorf("got %v %s %v", got.Status, got.Output, got.Failure)
		}
		for e, err := range s.Client().History(t.Context(), id) {
			t.Log(e.EventID, e.Kind, e.Name, err)
		}
	})
}

func TestTimerFiresOnceAfterACrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		r := worker.NewRegistry()
		must(t, r.Orchestrator("sleep", func(ctx *worker.Context, _ []byte) ([]byte, error) {
			_, err := ctx.Timer(ctx.Now().Add(24 * time.Hour)).Await()
			return []byte(`"slept"`), err
		}))
		runWorker(t, s, r)
		begin := time.Now()
		id, err := s.Client().Start(t.Context(), dts.StartRequest{Name: "sleep"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(12 * time.Hour)
		s.Crash()
		got, err := s.Client().Wait(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got.Status != dts.StatusCompleted || time.Since(begin) < 24*time.Hour {
			t.Errorf("got %v after %v", got.Status, time.Since(begin))
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func helloCities(t *testing.T) *worker.Registry {
	r := worker.NewRegistry()
	must(t, r.Orchestrator("hello-cities", func(ctx *worker.Context, _ []byte) ([]byte, error) {
		out := ""
		for _, city := range []string{"Tokyo", "Seattle", "London"} {
			b, err := ctx.Activity("hello", []byte(city), worker.ActivityOptions{}).Await()
			if err != nil {
				return nil, err
			}
			out += string(b) + " "
		}
		return []byte(`"` + out + `"`), nil
	}))
	must(t, r.Activity("hello", func(_ context.Context, in []byte) ([]byte, error) {
		return []byte("Hello " + string(in) + "!"), nil
	}))
	return r
}

// runWorker runs a worker until the test ends.
func runWorker(t *testing.T, s *dtstest.Scheduler, r *worker.Registry) {
	t.Helper()
	runWorkerOf(t, s.Client(), r)
}

func runWorkerOf(t *testing.T, c *dts.Client, r *worker.Registry) {
	t.Helper()
	w := worker.New(c, r)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	<-w.Ready()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
}

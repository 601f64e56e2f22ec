package scheduler_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
)

// TestWhoWaitsForLocksHoldsUpNobody has three orchestrations that want two of three
// entities each, so that one that cannot have its set yet stands first at one of
// them. It must wait for a change and not ask again and again: time would stand
// still in the bubble.
func TestWhoWaitsForLocksHoldsUpNobody(t *testing.T) {
	t.Parallel()
	spins := time.AfterFunc(time.Minute, func() { panic("the hub asks for a lock without end") }) // in real time
	defer spins.Stop()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		r := worker.NewRegistry()
		x, y, z := dts.EntityID{Name: "e", Key: "x"}, dts.EntityID{Name: "e", Key: "y"}, dts.EntityID{Name: "e", Key: "z"}
		holds := func(set ...dts.EntityID) func(*worker.Context, []byte) ([]byte, error) {
			return func(ctx *worker.Context, _ []byte) ([]byte, error) {
				lock, release := ctx.Lock(set...)
				if _, err := lock.Await(); err != nil {
					return nil, err
				}
				_, err := ctx.Timer(ctx.Now().Add(time.Hour)).Await()
				release()
				return nil, err
			}
		}
		err := errors.Join(r.Orchestrator("1", holds(x, y)), r.Orchestrator("2", holds(y, z)), r.Orchestrator("3", holds(x, z)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		w, ended := worker.New(c, r), make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("worker: %v", err)
			}
		}()
		<-w.Ready()
		begin := time.Now()
		for _, name := range []string{"1", "2", "3"} {
			if _, err := c.Start(ctx, dts.StartRequest{ID: name, Name: name}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // each stands behind the one before
		}
		for _, name := range []string{"1", "2", "3"} {
			if in, err := c.Wait(ctx, name); err != nil || in.Status != dts.StatusCompleted {
				t.Errorf("%s: got %+v, %v", name, in, err)
			}
		}
		if took := time.Since(begin); took < 3*time.Hour {
			t.Errorf("three that exclude each other held their locks for an hour each in %v", took)
		}
	})
}

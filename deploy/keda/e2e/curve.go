//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/funchost/funchost/dts"
)

// curve is being drawn while the test waits for other things.
type curve struct {
	world *world
	began time.Time
	shown fleet
	steps []int // every number of replicas that there was

	stop    context.CancelFunc
	drawing errgroup.Group
}

// lookEvery is how often the curve is looked at when the number of replicas does
// not change.
const lookEvery = 250 * time.Millisecond

// watch draws until end is called and prints every change of the fleet.
func watch(ctx context.Context, w *world, began time.Time) *curve {
	ctx, stop := context.WithCancel(ctx)
	c := &curve{world: w, began: began, stop: stop, shown: fleet{replicas: -1}}
	replicas := make(chan int)
	fmt.Println("   time  replicas  working  draining  waiting  held  done")
	c.drawing.Go(func() error { return w.watchReplicas(ctx, replicas) })
	c.drawing.Go(func() error { return c.draw(ctx, replicas) })
	return c
}

func (c *curve) draw(ctx context.Context, replicas <-chan int) error {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for {
		var err error
		select {
		case n := <-replicas:
			err = c.row(ctx, n)
		case <-every.C:
			if n := len(c.steps); n > 0 {
				err = c.row(ctx, c.steps[n-1])
			}
		case <-ctx.Done():
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("look at the workers: %w", err)
		}
	}
}

// row notes a number of replicas, and prints it with what else there is to see if
// the fleet has changed.
func (c *curve) row(ctx context.Context, replicas int) error {
	if n := len(c.steps); n == 0 || c.steps[n-1] != replicas {
		c.steps = append(c.steps, replicas)
	}
	f, err := c.world.fleet(ctx)
	if err != nil {
		return err
	}
	b, err := c.world.hub.Backlog(ctx)
	if err != nil {
		return err
	}
	f.replicas = replicas // a look is late, and may miss one that stands for a moment
	if f == c.shown {
		return nil
	}
	c.shown = f
	var all dts.Work
	for _, kind := range []dts.Work{b.Orchestrations, b.Activities, b.Entities} {
		all.Pending += kind.Pending
		all.Active += kind.Active
	}
	fmt.Printf("%6.1fs %9d %8d %9d %8d %5d %5d\n",
		time.Since(c.began).Seconds(), f.replicas, f.working, f.draining, all.Pending, all.Active, c.world.done.Load())
	return nil
}

// end returns the numbers of replicas in their order, up to now.
func (c *curve) end(ctx context.Context) ([]int, error) {
	c.stop()
	if err := c.drawing.Wait(); err != nil {
		return nil, err
	}
	f, err := c.world.fleet(ctx)
	if err != nil {
		return nil, err
	}
	return c.steps, c.row(ctx, f.replicas)
}

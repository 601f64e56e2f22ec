//go:build linux

// Command e2e shows that KEDA scales workers of ours, with nothing pretended but
// the machines: real etcd, API server, controllers and KEDA of tools/keda-rig, the
// manifests of deploy/keda, and pods that are processes. Its first run builds the
// rig, which takes a quarter of an hour.
//
// There are no workers, then two hundred orchestrations, then as many workers as
// the backlog asks for, which go again while they are busy. It ends with 0 if every
// orchestration ended once and no activity ran twice.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// What is asked of KEDA.
const (
	orchestrations = 200
	activity       = 5 * time.Second // in each of them, in two parts
	capacity       = 10              // of one worker, activities at once
	wantReplicas   = 4               // at least, at the height
)

// parts are how long the activities of an orchestration take. They are cut
// differently, so that the workers do not all become idle at the same moment: it
// is the busy ones that the test wants to see stopped.
func parts(i int) []time.Duration {
	first := time.Duration(1+i%9) * activity / 10
	return []time.Duration{first, activity - first}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	began := time.Now()
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "e2e-keda: %v\nFAILED after %s\n", err, since(began))
		os.Exit(1)
	}
	fmt.Printf("ok, in %s\n", since(began))
}

func run(ctx context.Context) (err error) {
	r, err := newRig(ctx)
	if err != nil {
		return err
	}
	defer r.unlock()
	if err := r.build(ctx); err != nil {
		return err
	}
	defer func() {
		if down := r.down(); down != nil {
			err = errors.Join(err, down)
		}
		switch {
		case ctx.Err() != nil:
			err = errors.New("interrupted")
		case err != nil:
			err = fmt.Errorf("%w\n  logs are in %s", err, r.dir)
		}
	}()
	if err := r.up(ctx); err != nil {
		return err
	}
	if err := accept(ctx, r); err != nil {
		return err
	}
	return scale(ctx, r)
}

// scale runs the test on a rig that is up.
func scale(ctx context.Context, r *rig) error {
	w, err := deploy(ctx, r)
	if err != nil {
		return err
	}
	defer w.close()
	fmt.Printf("starting %d orchestrations with %s of activity each; a worker takes %d at once\n\n", orchestrations, activity, capacity)
	began := time.Now()
	c := watch(ctx, w, began)
	ids, err := w.start(ctx)
	if err == nil {
		err = w.await(ctx, ids)
	}
	if err == nil {
		err = w.empty(ctx)
	}
	steps, watchErr := c.end(ctx)
	if err := errors.Join(err, watchErr); err != nil {
		return err
	}
	ends, err := w.ends(ctx, ids)
	if err != nil {
		return err
	}
	entries, err := r.ledger(began)
	if err != nil {
		return err
	}
	v := judge(ids, ends, entries, steps)
	fmt.Print("\n", v)
	return v.err()
}

func since(t time.Time) time.Duration { return time.Since(t).Round(100 * time.Millisecond) }

package worker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// errDrained is why the context of an activity ended.
var errDrained = errors.New("the worker stops and its drain budget is spent")

const (
	// grace is how long abandoned activities have to notice that their context ended.
	grace = time.Second
	// announceTimeout is how long the scheduler may think about a drain.
	announceTimeout = 5 * time.Second
)

// drain lets the items that run finish and abandons those that do not. It
// returns when their goroutines have ended, except those that ignore their
// context: nobody can end them.
//
// The stream stays open meanwhile, because the scheduler takes back what a worker
// holds whose stream has ended: another one would run it a second time
// (TestStoppingWorkerFinishesWhatNobodyElseRuns).
func (r *run) drain() {
	defer r.cut(errDrained)
	defer r.warm.close()
	defer close(r.hands.dismiss)
	defer r.hangUp()
	ended := make(chan struct{})
	if r.takeNoMore(ended) == 0 || r.finish(ended) {
		return
	}
	left := r.held()
	r.cut(errDrained)
	r.log.Info("drain budget is spent, abandoning work items", "items", len(left))
	var abandoning sync.WaitGroup
	for _, l := range left {
		if l.claim() {
			abandoning.Go(func() { r.abandon(l) })
		}
	}
	abandoning.Wait()
	if !wait(ended, grace) {
		r.log.Warn("functions ignore the end of their context and are left running", "items", len(r.held()))
	}
}

// finish reports whether everything that runs ended within the budget.
func (r *run) finish(ended <-chan struct{}) bool {
	if r.budget <= 0 {
		return false
	}
	ctx, over := context.WithTimeout(r.calls, min(r.budget, announceTimeout))
	var announcing sync.WaitGroup
	announcing.Go(func() { r.announce(ctx, ended) })
	defer announcing.Wait()
	defer over()
	return wait(ended, r.budget)
}

// takeNoMore makes begin refuse items, closes ended when the last of those that
// run has ended, and returns how many run.
func (r *run) takeNoMore(ended chan<- struct{}) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopping = true
	go func() {
		defer close(ended)
		r.running.Wait()
	}()
	return len(r.leases)
}

// announce asks the scheduler to send no more. From one that cannot do that the
// worker parts at once: what it holds may be run again elsewhere, and its answers
// count if they are the first.
func (r *run) announce(ctx context.Context, ended <-chan struct{}) {
	answer, err := r.backend.BeginWorkerDrain(ctx, &dtspb.BeginWorkerDrainRequest{DrainTimeout: durationpb.New(r.budget)})
	select {
	case <-ended: // and so has ctx, perhaps
		return
	default:
	}
	if err != nil {
		r.log.Warn("the scheduler did not agree to a drain: others may run again what runs here", "items", len(r.held()), keyError, err)
	}
	if !answer.GetWorkerFound() {
		r.hangUp()
	}
}

// held returns the items without an end.
func (r *run) held() []*lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.leases))
}

// wait reports whether done was closed within d.
func wait(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

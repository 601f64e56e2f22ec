package worker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/worker/internal/replay"
)

// run is the state of one Worker.Run.
type run struct {
	*Worker
	registry *Registry // shadows the worker's: nothing is added to this one
	replay   replay.Config

	work  context.Context // of activities; ends when the drain budget is spent
	calls context.Context // the same, for calls to the scheduler
	cut   context.CancelCauseFunc

	hands   *hands
	running sync.WaitGroup
	mu      sync.Mutex
	leases  map[*lease]struct{} // items without an end
}

func newRun(ctx context.Context, w *Worker) *run {
	r := &run{Worker: w, registry: w.registry.clone(), leases: make(map[*lease]struct{}), hands: newHands()}
	r.replay = replay.Config{Logger: w.log, Find: func(name string) replay.Func { return r.registry.orchestrators[name] }}
	// The end of ctx means: take no more. What runs has the drain budget.
	r.work, r.cut = context.WithCancelCause(context.WithoutCancel(ctx))
	r.calls = w.identify(r.work)
	return r
}

type itemKind uint8

const (
	orchestratorItem itemKind = iota
	activityItem
	entityItem
)

// lease is a work item that this worker holds.
type lease struct {
	run      *run
	kind     itemKind
	token    string
	instance string
	answered atomic.Bool // somebody has taken it on himself to answer or abandon
}

func (r *run) begin(k itemKind, token, instance string) *lease {
	l := &lease{run: r, kind: k, token: token, instance: instance}
	r.running.Add(1)
	r.mu.Lock()
	r.leases[l] = struct{}{}
	r.mu.Unlock()
	return l
}

// end is deferred by whoever works on l. A panic that arrives here is ours, not
// the author's; the item goes to another worker.
func (r *run) end(l *lease) {
	if cause := recover(); cause != nil {
		r.log.Error("BUG: panic while handling a work item", keyInstance, l.instance, "panic", cause, "stack", stack())
		r.abandon(l)
	}
	r.mu.Lock()
	delete(r.leases, l)
	r.mu.Unlock()
	r.running.Done()
}

// claim reports whether the caller is the one who answers. Each item has one.
func (l *lease) claim() bool { return !l.answered.Swap(true) }

// errDrained is why the context of an activity ended.
var errDrained = errors.New("the worker stops and its drain budget is spent")

// grace is how long abandoned activities have to notice that their context ended.
const grace = time.Second

// drain lets the items that run finish and abandons those that do not. It
// returns when their goroutines have ended, except those that ignore their
// context: nobody can end them.
func (r *run) drain() {
	defer r.cut(errDrained)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.running.Wait()
	}()
	defer close(r.hands.dismiss)
	if wait(ended, r.budget) {
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

// Trespassed fails the instance when a foreign goroutine uses its context. The
// turn itself may never come to its end.
func (l *lease) Trespassed(f *dtspb.TaskFailureDetails) {
	l.run.answerOrchestrator(l, []*dtspb.OrchestratorResponse{{
		InstanceId:      l.instance,
		CompletionToken: l.token,
		Actions:         []*dtspb.OrchestratorAction{failed(nextID(nil), shorten(f))},
	}})
}

package worker

import (
	"context"
	"sync"
	"sync/atomic"

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

	link   context.Context // of the stream, which may outlive the context of Run
	hangUp context.CancelFunc

	hands   *hands
	warm    *warm
	running sync.WaitGroup

	mu       sync.Mutex
	leases   map[*lease]struct{} // items without an end
	stopping bool                // no item begins any more
}

func newRun(ctx context.Context, w *Worker) *run {
	r := &run{Worker: w, registry: w.registry.clone(), leases: make(map[*lease]struct{}), hands: newHands(), warm: newWarm(w.warmest)}
	r.replay = replay.Config{Logger: w.log, Find: r.registry.orchestrator, ChildVersion: w.versioning.Default, MaxPayload: w.payloads.Limit()}
	// The end of ctx means: take no more. What runs has the drain budget.
	r.work, r.cut = context.WithCancelCause(context.WithoutCancel(ctx))
	r.calls = w.identify(r.work)
	if p, ok := w.conn.(preparer); ok {
		r.calls = p.Prepare(r.calls)
	}
	r.link, r.hangUp = context.WithCancel(w.identify(context.WithoutCancel(ctx)))
	return r
}

// preparer is a connection that can do for many calls what it does for each.
type preparer interface {
	Prepare(ctx context.Context) context.Context
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

// begin takes an item. It is nil, and the item is given back, when the worker is
// about to stop.
func (r *run) begin(k itemKind, token, instance string) *lease {
	l := &lease{run: r, kind: k, token: token, instance: instance}
	if !r.keep(l) {
		r.abandon(l)
		return nil
	}
	return l
}

func (r *run) keep(l *lease) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return false
	}
	r.running.Add(1)
	r.leases[l] = struct{}{}
	return true
}

// end is deferred by whoever works on l. A panic that arrives here is ours, not
// the author's; the item goes to another worker.
func (r *run) end(l *lease) {
	if cause := recover(); cause != nil {
		r.log.Error("BUG: panic while handling a work item", keyInstance, l.instance, "panic", cause, "stack", stack())
		r.abandon(l)
	}
	r.forget(l)
}

// forget is for an item that is answered: a stop does not wait for it. It does
// nothing the second time.
func (r *run) forget(l *lease) {
	r.mu.Lock()
	_, held := r.leases[l]
	delete(r.leases, l)
	r.mu.Unlock()
	if held {
		r.running.Done()
	}
}

// claim reports whether the caller is the one who answers. Each item has one.
func (l *lease) claim() bool { return !l.answered.Swap(true) }

// Trespassed fails the instance when a foreign goroutine uses its context. The
// turn itself may never come to its end, and nobody waits for it any more.
func (l *lease) Trespassed(f *dtspb.TaskFailureDetails) {
	defer l.run.forget(l)
	l.run.answerOrchestrator(l, []*dtspb.OrchestratorResponse{{
		InstanceId:      l.instance,
		CompletionToken: l.token,
		Actions:         []*dtspb.OrchestratorAction{failed(nextID(nil), shorten(f))},
	}})
}

package worker

import (
	"container/list"
	"context"
	"strconv"
	"sync"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/worker/internal/replay"
)

// defaultWarm is how many instances a worker keeps between their turns.
const defaultWarm = 1000

// WithMaxWarm bounds how many instances the worker keeps between their turns. The
// next turn of one goes on where it waits, with no replay, whatever its history has
// grown to; a scheduler of this module does not even send that again. Each costs a
// goroutine and what the orchestrator has in its variables; those longest without a
// turn are let go. The default is 1000.
//
// With zero every turn replays its history. That takes longer, and finds an
// orchestrator that does not repeat itself on its second turn rather than after the
// next restart: right for development.
func WithMaxWarm(instances int) Option {
	return func(w *Worker) { w.warmest = max(0, instances) }
}

// parked is an execution between two turns.
type parked struct {
	turn            *replay.Turn
	name, execution string

	seen  int                   // how many events of the history have been applied
	fresh []*dtspb.HistoryEvent // the last of them, which the last turn has brought

	// Guarded by the lock of warm.
	holder  *lease        // who has it, or had it last
	busy    bool          // it is not parked now
	element *list.Element // where it is kept, nil if it is not
}

// apply applies what has happened since the last turn, and notes it.
func (p *parked) apply(past, fresh []*dtspb.HistoryEvent) {
	p.turn.Apply(past, true)
	p.turn.Apply(fresh, false)
	p.seen += len(past) + len(fresh)
	p.fresh = fresh
}

// continues reports whether an item leaves out just what p has seen.
func (p *parked) continues(req *dtspb.OrchestratorRequest) bool {
	return p.seen == pastFrom(req) && p.execution == req.GetExecutionId().GetValue()
}

// repeats reports whether p stands on the way that leads through past. A history is
// only added to. So it is enough to compare the events of the last turn, which were
// not in it yet: another worker may have been given others in their place.
func (p *parked) repeats(req *dtspb.OrchestratorRequest, past []*dtspb.HistoryEvent) bool {
	if p.execution != req.GetExecutionId().GetValue() || p.seen > len(past) || rewinds(req) {
		return false
	}
	for i, e := range past[p.seen-len(p.fresh) : p.seen] {
		if !proto.Equal(e, p.fresh[i]) {
			return false
		}
	}
	return true
}

// rewinds reports whether an item asks for a rewind, for which no orchestrator runs.
func rewinds(req *dtspb.OrchestratorRequest) bool {
	for _, e := range req.GetNewEvents() {
		if e.GetExecutionRewound() != nil {
			return true
		}
	}
	return false
}

// pastFrom is how many past events an item leaves out because the worker may have
// seen them.
func pastFrom(req *dtspb.OrchestratorRequest) int {
	return int(req.GetProperties()[wire.PropertyPastFrom].GetNumberValue())
}

// warm keeps executions between their turns.
type warm struct {
	max int

	mu     sync.Mutex
	closed bool
	byID   map[string]*parked
	used   list.List // of *parked, last used in front
}

func newWarm(most int) *warm { return &warm{max: most, byID: make(map[string]*parked)} }

// announce says in the metadata of a stream that instances are kept.
func (w *warm) announce(ctx context.Context) context.Context {
	if w.max == 0 {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, wire.HeaderWarm, strconv.Itoa(w.max))
}

// take returns what is kept of an instance, nil if nothing is. From then on it
// belongs to the caller, who parks or drops it.
func (w *warm) take(l *lease, instance string) *parked {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.byID[instance]
	if p == nil || p.busy {
		return nil
	}
	p.busy, p.holder = true, l
	return p
}

// park keeps p for the next turn of l's instance; not ok, and p stays the caller's,
// if it cannot be kept.
func (w *warm) park(l *lease, p *parked) (ok bool) {
	w.mu.Lock()
	switch known := w.byID[l.instance]; {
	case w.closed || w.max == 0, known != nil && known != p: // that of another hand-out
		w.mu.Unlock()
		return false
	case known == nil:
		p.element = w.used.PushFront(p)
		w.byID[l.instance] = p
	default:
		w.used.MoveToFront(p.element)
	}
	p.busy, p.holder = false, l
	old := w.evict()
	w.mu.Unlock()
	for _, p := range old {
		p.turn.Close()
	}
	return true
}

// evict takes out those of too many that were used the longest time ago. One that has
// a turn now stays; it counts when it is parked again. The caller closes them.
func (w *warm) evict() (old []*parked) {
	for e := w.used.Back(); e != nil && w.used.Len() > w.max; {
		p, _ := e.Value.(*parked)
		e = e.Prev()
		if !p.busy {
			w.remove(p)
			old = append(old, p)
		}
	}
	return old
}

func (w *warm) remove(p *parked) {
	delete(w.byID, p.holder.instance)
	w.used.Remove(p.element)
	p.element = nil
}

// drop ends an execution that the caller has, in vain if it is nil.
func (w *warm) drop(p *parked) {
	if p == nil {
		return
	}
	w.mu.Lock()
	if p.element != nil {
		w.remove(p)
	}
	w.mu.Unlock()
	p.turn.Close()
}

// forget drops what was parked by a turn whose answer was not taken, unless another
// has it already: that one looks whether it can go on from there.
func (w *warm) forget(l *lease) {
	w.mu.Lock()
	p := w.byID[l.instance]
	if p == nil || p.busy || p.holder != l {
		w.mu.Unlock()
		return
	}
	w.remove(p)
	w.mu.Unlock()
	p.turn.Close()
}

// close lets all go that are parked; nothing is kept from then on.
func (w *warm) close() {
	w.mu.Lock()
	w.closed = true
	var parked []*parked
	for _, p := range w.byID {
		if !p.busy {
			parked = append(parked, p)
		}
	}
	for _, p := range parked {
		w.remove(p)
	}
	w.mu.Unlock()
	for _, p := range parked {
		p.turn.Close()
	}
}

package dispatch

import (
	"maps"
	"slices"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/planted"
)

// Filter is what a stream wants of one kind. Nil wants everything.
type Filter struct {
	// Names wanted, each with the versions wanted; no version means any.
	Names map[string][]string
}

func (f *Filter) matches(name, version string) bool {
	if f == nil {
		return true
	}
	versions, ok := f.Names[name]
	return ok && (len(versions) == 0 || slices.Contains(versions, version))
}

// StreamOptions say what a worker asked for.
type StreamOptions struct {
	// WorkerID tells streams of one worker together; may be empty.
	WorkerID string
	// Window is the number of items of each kind that may be out at once.
	Window [kinds]int
	// Filters per kind.
	Filters [kinds]*Filter
	// Streaming tells that the worker can fetch histories itself.
	Streaming bool
	// Warm tells that the worker keeps instances between their turns.
	Warm bool
}

// Stream is one worker's connection.
type Stream struct {
	q    *Queue
	opts StreamOptions
	more chan struct{}

	// Guarded by the queue's lock.
	free    [kinds]int
	own     fifo // items for this worker rather than for others
	held    map[*Lease]struct{}
	waiting bool
	closed  bool
	drains  bool // takes no more, and keeps what it holds
	matched map[class]bool
	ready   []*dtspb.WorkItem // prepared before, can be sent now
}

// Open connects a worker.
func (q *Queue) Open(opts StreamOptions) *Stream {
	s := &Stream{
		q: q, opts: opts,
		more:    make(chan struct{}, 1),
		free:    opts.Window,
		held:    make(map[*Lease]struct{}),
		matched: make(map[class]bool),
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.streams[s] = struct{}{}
	return s
}

// Options returns what the worker asked for.
func (s *Stream) Options() StreamOptions { return s.opts }

// More receives when Take may find something.
func (s *Stream) More() <-chan struct{} { return s.more }

// Take leases the oldest item that the stream wants and has a slot for, nil if
// there is none now; then More will tell.
func (s *Stream) Take() *Lease {
	q := s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.closed || s.drains {
		return nil
	}
	var oldest *Item
	if s.free[Orchestration] > 0 {
		oldest = s.own.peek()
	}
	for cl, f := range q.classes {
		if s.free[cl.kind] == 0 && !planted.Active(planted.UnboundedBuffer) || !s.matches(cl) {
			continue
		}
		it := f.peek()
		if it != nil && (oldest == nil || it.Since.Before(oldest.Since)) {
			oldest = it
		}
	}
	if oldest == nil {
		if !s.waiting {
			s.waiting = true
			q.idle = append(q.idle, s)
		}
		return nil
	}
	q.busy(s) // while it sends this one, another is to be woken for the next
	q.queue(oldest).drop()
	l := q.grant(s, oldest)
	if s.free[Orchestration] < s.own.waiting() {
		q.disown(s) // others may have a slot
	}
	return l
}

// Ready gives the stream an item that was prepared before it could be sent.
func (s *Stream) Ready(item *dtspb.WorkItem) {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	s.ready = append(s.ready, item)
	s.signal()
}

// Prepared takes an item that Ready gave, nil if there is none.
func (s *Stream) Prepared() *dtspb.WorkItem {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	if len(s.ready) == 0 {
		return nil
	}
	item := s.ready[0]
	s.ready = s.ready[1:]
	return item
}

// busy takes a stream out of those that wait.
func (q *Queue) busy(s *Stream) {
	if s.waiting {
		s.waiting = false
		i := slices.Index(q.idle, s)
		q.idle = slices.Delete(q.idle, i, i+1)
	}
}

// Close ends the stream: all it holds is lost, goes back to the front and is
// returned, the oldest first.
func (s *Stream) Close() []*Item {
	q := s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	delete(q.streams, s)
	q.busy(s)
	leases := slices.SortedFunc(maps.Keys(s.held), func(a, b *Lease) int { return a.Item.Since.Compare(b.Item.Since) })
	clear(s.held)
	lost := make([]*Item, len(leases))
	for i, l := range slices.Backward(leases) {
		l.Item.Losses++
		lost[i] = l.Item
		q.putBack(l)
	}
	q.disown(s)
	q.passOn(s)
	return lost
}

// Drain makes the streams of a worker take no more; what they hold stays leased
// until it is answered or the stream ends. It reports whether there were any.
func (q *Queue) Drain(workerID string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	found := false
	for s := range q.streams {
		if workerID == "" || s.opts.WorkerID != workerID {
			continue
		}
		found = true
		s.drains = true
		q.busy(s)
		q.disown(s)
		q.passOn(s)
	}
	return found
}

// preference is how long an item waits for the stream that it is for: as long as one
// needs that is about to look. A worker that has stalled holds nothing up.
const preference = 100 * time.Millisecond

// prefer lets an item wait for the stream that it is for, and reports whether it
// does: not for one that has its hands full.
func (q *Queue) prefer(it *Item) bool {
	s := it.Prefer
	if s == nil || s.closed || s.drains || s.free[it.Kind] <= s.own.waiting() || !s.matches(it.class()) {
		return false
	}
	s.own.push(it)
	q.busy(s)
	s.signal()
	time.AfterFunc(preference, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if it.state == waiting && it.Prefer == s {
			q.disown(s)
		}
	})
	return true
}

// disown makes the items that wait for a stream wait for anybody.
func (q *Queue) disown(s *Stream) {
	for it := s.own.peek(); it != nil; it = s.own.peek() {
		s.own.drop()
		it.Prefer = nil
		q.queue(it).push(it)
		q.wake(it)
	}
}

// passOn wakes others in the place of a stream that takes no more: it may have
// been woken for something that it did not get round to take.
func (q *Queue) passOn(s *Stream) {
	for cl, f := range q.classes {
		if it := f.peek(); it != nil && s.matches(cl) {
			q.wake(it)
		}
	}
}

func (s *Stream) signal() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// matches reports whether the stream wants items of the class.
func (s *Stream) matches(c class) bool {
	if s.opts.Filters[c.kind] == nil {
		return true
	}
	m, ok := s.matched[c]
	if !ok {
		if len(s.matched) >= maxClasses {
			clear(s.matched)
		}
		m = s.opts.Filters[c.kind].matches(c.name, c.version)
		s.matched[c] = m
	}
	return m
}

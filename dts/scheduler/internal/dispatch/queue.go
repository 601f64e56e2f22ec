package dispatch

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"sync"
	"time"

	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/planted"
)

// Queue is the ready work of one hub and its leases. Its methods are safe for
// concurrent use and never block on anything but the queue's own lock.
type Queue struct {
	epoch string

	mu       sync.Mutex
	classes  map[class]*fifo
	turns    map[string]*Item         // instances and entities that wait or are leased
	tasks    map[engine.TaskKey]*Item // activities that wait or are leased
	leases   map[string]*Lease        // by token
	finished finished
	idle     []*Stream // wait for work, longest first
	streams  map[*Stream]struct{}
	counter  uint64
	counts   [kinds]Counts
}

// maxClasses is how many classes may stand before empty ones are cleared away:
// names come from clients.
const maxClasses = 1000

// Counts are the numbers of work items of a kind.
type Counts struct {
	Pending, Active int64
	// Oldest is since when the oldest pending item has been ready; zero if none is.
	Oldest time.Time
}

// NewQueue returns an empty queue. The epoch becomes part of every token.
func NewQueue(epoch uint32) *Queue {
	return &Queue{
		epoch:   strconv.FormatUint(uint64(epoch), 36),
		classes: make(map[class]*fifo),
		turns:   make(map[string]*Item),
		tasks:   make(map[engine.TaskKey]*Item),
		leases:  make(map[string]*Lease),
		streams: make(map[*Stream]struct{}),
	}
}

// Push makes an item ready. An instance or entity whose turn waits already or is at a
// worker is left alone: there is one turn at a time, and who accepts its answer
// pushes the next.
func (q *Queue) Push(it *Item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch it.Kind {
	case Orchestration, Entity:
		if q.turns[it.Key.ID] != nil {
			return
		}
		q.turns[it.Key.ID] = it
	case Activity:
		if q.tasks[it.Key] != nil {
			return
		}
		q.tasks[it.Key] = it
	}
	q.counts[it.Kind].Pending++
	it.state = waiting
	if q.prefer(it) {
		return
	}
	it.Prefer = nil
	q.queue(it).push(it)
	q.wake(it)
}

// Withdraw takes work back that nobody waits for any more. A worker that has it
// keeps an activity, whose outcome will be discarded; its answer for a turn is
// refused from now on.
func (q *Queue) Withdraw(k engine.TaskKey) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it := q.tasks[k]; it != nil && it.state != leased {
		q.retire(it)
	}
	if it := q.turns[k.ID]; it != nil && it.Key == k {
		l := it.lease
		q.retire(it)
		if l != nil {
			q.release(l)
		}
	}
}

// Counts returns the backlog of a kind.
func (q *Queue) Counts(k Kind) Counts {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.counts[k]
	for cl, f := range q.classes {
		if cl.kind != k {
			continue
		}
		if it := f.peek(); it != nil && (c.Oldest.IsZero() || it.Since.Before(c.Oldest)) {
			c.Oldest = it.Since
		}
	}
	for s := range q.streams {
		if it := s.own.peek(); it != nil && it.Kind == k && (c.Oldest.IsZero() || it.Since.Before(c.Oldest)) {
			c.Oldest = it.Since
		}
	}
	return c
}

// Workers returns the number of distinct workers that take work: those that
// drain are on their way out.
func (q *Queue) Workers() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, seen := 0, make(map[string]bool, len(q.streams))
	for s := range q.streams {
		if id := s.opts.WorkerID; !s.drains && (id == "" || !seen[id]) {
			seen[id] = true
			n++
		}
	}
	return n
}

// queue is where an item waits.
func (q *Queue) queue(it *Item) *fifo {
	if it.Prefer != nil {
		return &it.Prefer.own
	}
	f := q.classes[it.class()]
	if f == nil {
		if len(q.classes) >= maxClasses {
			for cl, f := range q.classes {
				if f.peek() == nil {
					delete(q.classes, cl)
				}
			}
		}
		f = &fifo{}
		q.classes[it.class()] = f
	}
	return f
}

// wake tells the stream that has waited longest of those that could take it.
func (q *Queue) wake(it *Item) {
	if planted.Active(planted.LostWakeUp) {
		return
	}
	for _, s := range q.idle {
		if s.free[it.Kind] > 0 && s.matches(it.class()) {
			q.busy(s)
			s.signal()
			return
		}
	}
}

// retire makes an item stand nowhere.
func (q *Queue) retire(it *Item) {
	was := it.state
	it.state = gone
	switch was {
	case waiting:
		q.counts[it.Kind].Pending--
		q.queue(it).skip()
	case setAside:
		q.counts[it.Kind].Pending--
	case leased:
		q.counts[it.Kind].Active--
	case gone:
		return
	}
	if it.lease != nil {
		delete(q.leases, it.lease.Token)
		it.lease = nil
	}
	if it.Kind == Activity {
		delete(q.tasks, it.Key)
	} else {
		delete(q.turns, it.Key.ID)
	}
}

// token returns a new completion token. It says which epoch and hand-out it is
// of; the random part keeps anybody from guessing the next one.
func (q *Queue) token() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	q.counter++
	t := make([]byte, 0, 40)
	t = append(t, q.epoch...)
	t = append(t, '-')
	t = strconv.AppendUint(t, q.counter, 36)
	t = append(t, '-')
	return string(hex.AppendEncode(t, b[:]))
}

package dispatch

import (
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Lease is an item in a worker's hands.
type Lease struct {
	Token string
	Item  *Item
	// Granted is when the worker got it.
	Granted time.Time
	// Started is the first event of the turn that was handed out; see Began.
	Started *dtspb.HistoryEvent

	stream *Stream
	lost   bool
	answer *chunks // nil unless it comes in several
}

func (q *Queue) grant(s *Stream, it *Item) *Lease {
	if it.lease != nil { // from here on the answer of the lost lease is refused
		delete(q.leases, it.lease.Token)
	}
	l := &Lease{Token: q.token(), Item: it, Granted: time.Now(), stream: s}
	it.lease, it.state, it.Prefer = l, leased, nil
	q.leases[l.Token] = l
	s.held[l] = struct{}{}
	s.free[it.Kind]--
	q.counts[it.Kind].Pending--
	q.counts[it.Kind].Active++
	return l
}

// Find returns the lease that a token belongs to, nil if its answer would not be
// accepted. Done tells that it was accepted before: a worker may repeat itself.
func (q *Queue) Find(token string) (l *Lease, done bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.leases[token], q.finished.has(token)
}

// FindTask returns the lease of an activity, for workers that echo no token.
func (q *Queue) FindTask(id string, task int32) *Lease {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.leases {
		if l.Item.Kind == Activity && l.Item.Key.ID == id && l.Item.Key.TaskID == task {
			return l
		}
	}
	return nil
}

// FindTurn returns the lease of an instance's turn, for workers that echo no token.
func (q *Queue) FindTurn(id string) *Lease {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it := q.turns[id]; it != nil && it.lease != nil && it.lease.Started != nil {
		return it.lease
	}
	return nil
}

// Began notes the first event of the turn that the lease's worker is about to get.
func (q *Queue) Began(l *Lease, started *dtspb.HistoryEvent) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l.Started = started
}

// Accept ends a lease whose answer was taken and frees its slot. It reports
// false, and the answer must not be taken, if the lease is no longer valid. The
// caller holds the lock of the lease's instance.
func (q *Queue) Accept(l *Lease) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.leases[l.Token] != l {
		return false
	}
	q.retire(l.Item)
	q.finished.add(l.Token)
	q.release(l)
	return true
}

// Drop ends a lease whose item turned out to be nothing to do.
func (q *Queue) Drop(l *Lease) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.leases[l.Token] == l {
		q.retire(l.Item)
		q.release(l)
	}
}

// Abandon ends a lease on the worker's wish. The item is set aside, where it
// counts as pending, until the caller resumes it. It returns how often in a row
// that was, 0 if the lease was not valid.
func (q *Queue) Abandon(l *Lease) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.leases[l.Token] != l {
		return 0
	}
	it := l.Item
	delete(q.leases, l.Token)
	it.lease = nil
	if it.state == leased {
		q.counts[it.Kind].Active--
		q.counts[it.Kind].Pending++
	}
	it.state = setAside
	it.Abandons++
	q.release(l)
	return it.Abandons
}

// Resume makes an item wait again that was set aside, unless it was withdrawn.
func (q *Queue) Resume(it *Item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it.state == setAside {
		it.state = waiting
		q.queue(it).push(it)
		q.wake(it)
	}
}

// Return puts a leased item back to the front of its queue.
func (q *Queue) Return(l *Lease) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.leases[l.Token] == l && !l.lost {
		q.release(l)
		q.putBack(l)
	}
}

// release frees the stream's slot.
func (q *Queue) release(l *Lease) {
	if l.lost {
		return
	}
	s := l.stream
	delete(s.held, l)
	s.free[l.Item.Kind]++
	s.signal()
}

// putBack makes a leased item wait again; its token stays good until somebody
// else gets the item.
func (q *Queue) putBack(l *Lease) {
	l.lost = true
	it := l.Item
	it.state = waiting
	q.counts[it.Kind].Active--
	q.counts[it.Kind].Pending++
	q.queue(it).pushFront(it)
	q.wake(it)
}

// finished remembers the tokens of the latest accepted answers, for workers that
// heard nothing and repeat themselves.
type finished struct {
	tokens map[string]struct{}
	ring   []string
	next   int
}

const finishedTokens = 10_000

func (f *finished) add(token string) {
	if f.tokens == nil {
		f.tokens = make(map[string]struct{}, 64)
	}
	if len(f.ring) < finishedTokens {
		f.ring = append(f.ring, token)
	} else {
		delete(f.tokens, f.ring[f.next])
		f.ring[f.next] = token
		f.next = (f.next + 1) % finishedTokens
	}
	f.tokens[token] = struct{}{}
}

func (f *finished) has(token string) bool {
	_, ok := f.tokens[token]
	return ok
}

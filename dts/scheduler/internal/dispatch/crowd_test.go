package dispatch

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// TestCrowdLosesNothingAndSharesNothing lets workers come and go that take, answer,
// answer late, give back and die, until all work is done. Each item is done once
// and is never in two hands whose answers would be taken.
func TestCrowdLosesNothingAndSharesNothing(t *testing.T) {
	t.Parallel()
	const items, workers = 3000, 8
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	q := NewQueue(1)
	c := &crowd{t: t, q: q, finished: make(chan struct{})}
	c.left.Store(items)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() { c.work(rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	for i := range items {
		it := activity(fmt.Sprint("name", i%7), i)
		if i%3 == 0 {
			it = turnOf(fmt.Sprint(i), 1)
		}
		q.Push(it)
	}
	wg.Wait()
	for k := range kinds {
		if n := q.Counts(k); n.Pending != 0 || n.Active != 0 {
			t.Errorf("kind %d: counts %+v when all is done", k, n)
		}
	}
	if len(q.leases)+len(q.turns)+len(q.tasks)+len(q.streams)+len(q.idle) != 0 {
		t.Errorf("left: %d leases, %d turns, %d tasks, %d streams, %d idle", len(q.leases), len(q.turns), len(q.tasks), len(q.streams), len(q.idle))
	}
}

type crowd struct {
	t        *testing.T
	q        *Queue
	held     sync.Map // key of an item: the lease that has it
	left     atomic.Int64
	finished chan struct{}
}

func (c *crowd) work(rng *rand.Rand) {
	for {
		s := connect(c.q, 1+rng.IntN(4))
		done := c.serve(s, rng)
		s.Close()
		if done {
			return
		}
	}
}

// serve works for a stream until it dies or all is done.
func (c *crowd) serve(s *Stream, rng *rand.Rand) (done bool) {
	var mine []*Lease
	for {
		l := s.Take()
		if l != nil {
			c.held.Store(l.Item.Key, l)
			mine = append(mine, l)
		}
		if len(mine) > 0 && (l == nil || rng.IntN(2) == 0) {
			i := rng.IntN(len(mine))
			c.end(mine[i], rng)
			mine = append(mine[:i], mine[i+1:]...)
			continue
		}
		if l != nil {
			continue
		}
		select {
		case <-s.More():
		case <-c.finished:
			return true
		}
		if rng.IntN(20) == 0 { // dies with what it holds, and right after it was woken
			s.Close()
			for _, l := range mine {
				if rng.IntN(2) == 0 {
					c.answer(l)
				}
			}
			return false
		}
	}
}

func (c *crowd) end(l *Lease, rng *rand.Rand) {
	switch rng.IntN(8) {
	case 0:
		if c.q.Abandon(l) == 0 {
			c.t.Error("a lease of a live stream is not valid")
		}
		c.q.Resume(l.Item)
	case 1:
		c.q.Return(l)
	default:
		if !c.answer(l) {
			c.t.Error("an answer of a live stream is refused")
		}
	}
}

// answer answers a lease; the answer is taken only of the last who got the item.
func (c *crowd) answer(l *Lease) bool {
	last, _ := c.held.Load(l.Item.Key)
	if !c.q.Accept(l) {
		return false
	}
	if now, _ := c.held.Load(l.Item.Key); now != l && last != l {
		c.t.Errorf("%v is done by one who does not have it", l.Item.Key)
	}
	if c.left.Add(-1) == 0 {
		close(c.finished)
	}
	return true
}

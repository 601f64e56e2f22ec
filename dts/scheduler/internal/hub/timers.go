package hub

import (
	"cmp"
	"container/heap"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/funchost/funchost/dts/scheduler/internal/engine"
)

// window is how many timers are read ahead. Twice as many may be in memory.
const window = 10_000

// timers knows the timers that are due next. The due index on disk has all of
// them; what lies behind the horizon is read when its time comes near.
type timers struct {
	read func(behind *engine.Timer, limit int) ([]engine.Timer, error)
	kick chan struct{}

	mu      sync.Mutex
	heap    timerHeap
	horizon int64         // timers due later are on disk only
	behind  *engine.Timer // where to read on
}

func newTimers(read func(*engine.Timer, int) ([]engine.Timer, error)) *timers {
	return &timers{read: read, kick: make(chan struct{}, 1), horizon: math.MinInt64}
}

// add makes timers known that are on disk.
func (t *timers) add(ts []engine.Timer) {
	if len(ts) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	first := int64(math.MaxInt64)
	if len(t.heap) > 0 {
		first = t.heap[0].Due
	}
	for _, x := range ts {
		if x.Due <= t.horizon || x.TaskID == engine.GrantTimer { // which has no row
			heap.Push(&t.heap, x)
		}
	}
	if len(t.heap) > 2*window {
		t.shrink()
	}
	if len(t.heap) > 0 && t.heap[0].Due < first {
		select {
		case t.kick <- struct{}{}:
		default:
		}
	}
}

// shrink keeps the next window in memory.
func (t *timers) shrink() {
	slices.SortFunc(t.heap, compareTimers)
	last := t.heap[window-1]
	t.heap = slices.Clone(t.heap[:window])
	t.horizon, t.behind = last.Due, &last
}

// next returns the first timer if it is due by now, else how long it will be.
func (t *timers) next(now time.Time) (engine.Timer, bool, time.Duration, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.heap) == 0 && t.horizon != math.MaxInt64 {
		// Under the lock, so that a timer which is added meanwhile is either read
		// here or found to be within the new horizon.
		ts, err := t.read(t.behind, window)
		if err != nil {
			return engine.Timer{}, false, 0, err
		}
		t.heap, t.horizon = ts, math.MaxInt64 // sorted, and so a heap
		if len(ts) == window {
			last := ts[len(ts)-1]
			t.horizon, t.behind = last.Due, &last
		}
	}
	if len(t.heap) == 0 {
		return engine.Timer{}, false, math.MaxInt64, nil
	}
	if wait := time.Unix(0, t.heap[0].Due).Sub(now); wait > 0 {
		return engine.Timer{}, false, wait, nil
	}
	due, _ := heap.Pop(&t.heap).(engine.Timer)
	return due, true, 0, nil
}

// run calls fire with each timer when it is due, never before, until ctx ends.
func (t *timers) run(ctx context.Context, fire func(engine.Timer) error) error {
	alarm := time.NewTimer(math.MaxInt64)
	defer alarm.Stop()
	for ctx.Err() == nil {
		due, ok, wait, err := t.next(time.Now())
		if err != nil {
			return err
		}
		if ok {
			if err := fire(due); err != nil && ctx.Err() == nil {
				return err
			}
			continue
		}
		// A wall clock that is set forward shows within a minute.
		alarm.Reset(min(wait, clockCheck))
		select {
		case <-alarm.C:
		case <-t.kick:
		case <-ctx.Done():
		}
	}
	return nil
}

const clockCheck = time.Minute

// timerHeap is a heap for container/heap.
type timerHeap []engine.Timer

func (h *timerHeap) Len() int           { return len(*h) }
func (h *timerHeap) Less(i, j int) bool { return compareTimers((*h)[i], (*h)[j]) < 0 }
func (h *timerHeap) Swap(i, j int)      { (*h)[i], (*h)[j] = (*h)[j], (*h)[i] }

// Push adds a timer at the end.
func (h *timerHeap) Push(x any) {
	t, _ := x.(engine.Timer)
	*h = append(*h, t)
}

// Pop takes the timer at the end.
func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

// compareTimers orders timers as the due index does.
func compareTimers(a, b engine.Timer) int {
	return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Gen, b.Gen), cmp.Compare(uint32(a.TaskID), uint32(b.TaskID)))
}

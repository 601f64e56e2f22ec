package hub

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts/scheduler/internal/engine"
)

// dueIndex is timers on disk.
type dueIndex struct {
	mu     sync.Mutex
	timers []engine.Timer // in order
}

func (d *dueIndex) put(ts ...engine.Timer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timers = append(d.timers, ts...)
	slices.SortFunc(d.timers, compareTimers)
}

func (d *dueIndex) read(behind *engine.Timer, limit int) ([]engine.Timer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := 0
	if behind != nil {
		first, _ = slices.BinarySearchFunc(d.timers, *behind, compareTimers)
		if first < len(d.timers) && d.timers[first] == *behind {
			first++
		}
	}
	return slices.Clone(d.timers[first:min(first+limit, len(d.timers))]), nil
}

func (d *dueIndex) remove(t engine.Timer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i, ok := slices.BinarySearchFunc(d.timers, t, compareTimers); ok {
		d.timers = slices.Delete(d.timers, i, i+1)
	}
}

func timerOf(n int, due time.Time) engine.Timer {
	return engine.Timer{TaskKey: engine.TaskKey{ID: "x", Gen: uint64(n)}, Due: due.UnixNano()}
}

// TestTimersFireOnTimeAndInOrder has more of them than fit in memory, most on disk
// before, others added while they fire.
func TestTimersFireOnTimeAndInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		disk := &dueIndex{}
		begin := time.Now()
		n := 0
		some := func(count int) []engine.Timer {
			ts := make([]engine.Timer, count)
			for i := range ts {
				n++
				ts[i] = timerOf(n, time.Now().Add(time.Duration(rng.IntN(3600))*time.Second))
			}
			return ts
		}
		disk.put(some(window + 500)...)
		timers := newTimers(disk.read)
		fired := map[uint64]int{}
		last := int64(0)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			err := timers.run(ctx, func(x engine.Timer) error {
				if late := time.Now().UnixNano() - x.Due; late < 0 || late > int64(time.Second) {
					t.Errorf("timer %d is late by %v", x.Gen, time.Duration(late))
				}
				if x.Due < last {
					t.Errorf("timer %d comes after a later one", x.Gen)
				}
				last = x.Due
				fired[x.Gen]++
				disk.remove(x)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		for range 6 { // 24 000 are added, which is more than may be in memory
			synctest.Wait()
			ts := some(4000)
			disk.put(ts...)
			timers.add(ts)
			timers.mu.Lock()
			inMemory := len(timers.heap)
			timers.mu.Unlock()
			if inMemory > 2*window {
				t.Errorf("%d timers are in memory", inMemory)
			}
			time.Sleep(10 * time.Second)
		}
		time.Sleep(2 * time.Hour)
		cancel()
		running.Wait()
		for i := 1; i <= n; i++ {
			if fired[uint64(i)] != 1 {
				t.Fatalf("timer %d of %d fired %d times", i, n, fired[uint64(i)])
			}
		}
		if len(disk.timers) != 0 {
			t.Errorf("%d timers are left after %v", len(disk.timers), time.Since(begin))
		}
	})
}

// TestTimersWakeForAnEarlierOne that comes while they wait for a later one.
func TestTimersWakeForAnEarlierOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &dueIndex{}
		timers := newTimers(disk.read)
		ctx, cancel := context.WithCancel(t.Context())
		begin := time.Now()
		var got []time.Duration
		var running sync.WaitGroup
		running.Go(func() {
			_ = timers.run(ctx, func(x engine.Timer) error {
				got = append(got, time.Since(begin))
				disk.remove(x)
				return nil
			})
		})
		for i, d := range []time.Duration{time.Hour, time.Minute, time.Second, -time.Second} {
			synctest.Wait()
			x := timerOf(i, begin.Add(d))
			disk.put(x)
			timers.add([]engine.Timer{x})
		}
		time.Sleep(2 * time.Hour)
		cancel()
		running.Wait()
		if want := []time.Duration{0, time.Second, time.Minute, time.Hour}; !slices.Equal(got, want) {
			t.Errorf("fired after %v, want %v", got, want)
		}
	})
}

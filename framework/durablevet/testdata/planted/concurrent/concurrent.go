// Package concurrent does several things at the same time.
package concurrent

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/lib/far"
)

func starts(ctx *durable.Context, f func()) {
	go f() // want `starts: go at concurrent.go:[0-9]+ starts a goroutine, which runs in no fixed order; use ctx.Go`
}

func group(ctx *durable.Context, f func()) {
	var wg sync.WaitGroup
	wg.Go(f)  // want `sync.WaitGroup.Go at .* use ctx.Go`
	wg.Wait() // want `sync.WaitGroup.Wait .*; use durable.WaitGroup or durable.All`
}

func hidden(ctx *durable.Context) {
	far.Both(func() {}, func() {}) // want `hidden -> far.Both: go at far/far.go` `hidden -> far.Both: go at far/far.go` `hidden -> far.Both: sync.WaitGroup.Wait`
}

func channels(ctx *durable.Context) {
	c := make(chan int, 1)
	c <- 1        // want `sending to a channel at`
	_ = <-c       // want `receiving from a channel`
	close(c)      // want `closing a channel`
	for range c { // want `ranging over a channel`
	}
}

func chooses(ctx *durable.Context, a, b chan int) int {
	select { // want `chooses: select at .* takes whichever is ready first; use durable.Select or durable.First`
	case n := <-a:
		return n
	case n := <-b:
		return n
	}
}

func locks(ctx *durable.Context, mu *sync.Mutex, rw *sync.RWMutex) {
	mu.Lock() // want `sync.Mutex.Lock`
	defer mu.Unlock()
	rw.RLock() // want `sync.RWMutex.RLock`
	defer rw.RUnlock()
}

type guarded struct {
	sync.Mutex

	n int
}

func embedded(ctx *durable.Context, g *guarded) {
	g.Lock() // want `sync.Mutex.Lock`
	g.n++
	g.Unlock()
}

func conditions(ctx *durable.Context, c *sync.Cond) {
	c.Wait() // want `sync.Cond.Wait`
}

var runs atomic.Int64

func counts(ctx *durable.Context) int64 {
	return runs.Add(1) // want `atomic.Int64.Add at .* can have changed when this is replayed`
}

func maps(ctx *durable.Context, m *sync.Map) {
	m.Store("a", 1) // want `sync.Map.Store`
}

func waits(ctx *durable.Context) error {
	inner, cancel := context.WithTimeout(context.Background(), time.Second) // want `context.WithTimeout at`
	defer cancel()
	<-inner.Done() // want `receiving` `context.Context.Done`
	return nil
}

func background(ctx *durable.Context) context.Context {
	return context.Background() // want `context.Background at .* is for code that does I/O`
}

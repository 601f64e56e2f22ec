package worker

import "sync"

// hands are the goroutines that run work items. One that is done waits for the
// next item: its stack has grown already, which costs a tenth of the hot path
// when every item grows its own. There are as many as items have ever run at
// once, so the scheduler's windows bound them.
type hands struct {
	jobs    chan func()
	dismiss chan struct{}
	all     sync.WaitGroup
}

func newHands() *hands {
	return &hands{jobs: make(chan func()), dismiss: make(chan struct{})}
}

// do runs f on a goroutine that has nothing to do, or on a new one.
func (h *hands) do(f func()) {
	select {
	case h.jobs <- f:
	default:
		h.all.Go(func() { h.work(f) })
	}
}

func (h *hands) work(f func()) {
	for {
		f() // an author's runtime.Goexit ends this goroutine, and that is all
		select {
		case f = <-h.jobs:
		case <-h.dismiss:
			return
		}
	}
}

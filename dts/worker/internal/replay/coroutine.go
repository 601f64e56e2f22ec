package replay

import (
	"fmt"
	"iter"
	"runtime"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// coroutine is one line of the orchestrator's control: its function, or what it
// handed to [Turn.Go].
type coroutine struct {
	turn *Turn
	name string // empty for the orchestrator's own function
	body func()

	// resume lets the coroutine run until it parks or ends; stop makes it unwind.
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool

	id    uintptr    // its goroutine
	seen  int        // turn.moves when it parked
	next  *coroutine // in the queue that holds it: of a task's waiters, or of the ready
	ended bool
}

// init makes co ready to run body at its first resume.
func (co *coroutine) init(t *Turn, body func()) {
	co.turn, co.body = t, body
	co.resume, co.stop = iter.Pull(iter.Seq[struct{}](co.run))
}

// run is the life of the coroutine on its own goroutine.
func (co *coroutine) run(yield func(struct{}) bool) {
	t := co.turn
	co.yield, co.id = yield, goroutine()
	t.owner.Store(co.id)
	returned := false
	defer func() {
		defer t.owner.Store(0)
		cause := recover()
		switch {
		case returned || t.closing:
		case cause != nil:
			t.fail(co.named(Panicked(cause)))
		default:
			// The author's code called Goexit (t.Fatal does). Left alone it would
			// travel through the coroutine into the goroutine that resumed it, and
			// end that too. So it rests here, dead, until Close.
			t.fail(co.named(Exited()))
			t.owner.Store(0)
			co.yield(struct{}{})
		}
	}()
	co.body()
	returned = true
}

// named says in a failure which coroutine it came from, unless it is the first.
func (co *coroutine) named(f *dtspb.TaskFailureDetails) *dtspb.TaskFailureDetails {
	if co.name != "" {
		f.ErrorMessage = fmt.Sprintf("coroutine %q: %s", co.name, f.ErrorMessage)
	}
	return f
}

// parking returns the coroutine that is about to park. A deferred function that
// waits while the turn closes ends here.
func (t *Turn) parking() *coroutine {
	if t.closing {
		runtime.Goexit()
	}
	return t.current
}

// park hands control back until somebody resumes co. Callers park in a loop
// that asks for what they wait for. When the turn closes it does not return.
func (co *coroutine) park() {
	t := co.turn
	co.seen = t.moves
	if t.trace != nil {
		t.trace.parked[co] = t.trace.line(t)
	}
	t.owner.Store(0)
	stay := co.yield(struct{}{})
	t.owner.Store(co.id)
	if !stay {
		runtime.Goexit()
	}
}

// unwind ends a coroutine that has not ended, and returns when its deferred
// functions have run. Goexit ends the goroutine that calls stop as well, so
// that is one made for it.
func (co *coroutine) unwind() {
	if co.ended {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		co.stop()
	}()
	<-done
}

// queue is a list of coroutines, oldest first, linked through them.
type queue struct{ head, tail *coroutine }

func (q *queue) push(co *coroutine) {
	co.next = nil
	if q.tail == nil {
		q.head = co
	} else {
		q.tail.next = co
	}
	q.tail = co
}

func (q *queue) pop() *coroutine {
	co := q.head
	if co == nil {
		return nil
	}
	if q.head = co.next; q.head == nil {
		q.tail = nil
	}
	return co
}

// append moves all of other to the end of q.
func (q *queue) append(other *queue) {
	if other.head == nil {
		return
	}
	if q.tail == nil {
		q.head = other.head
	} else {
		q.tail.next = other.head
	}
	q.tail, *other = other.tail, queue{}
}

// settle runs coroutines until all of them wait: the ready ones, oldest first;
// then those in Until, in the order they came, as long as something has moved
// since they last looked.
func (t *Turn) settle() {
	for t.end == nil {
		co := t.ready.pop()
		if co != nil {
			t.moves++
		} else if co = t.curious(); co == nil {
			return
		}
		t.current = co
		if _, more := co.resume(); !more {
			co.ended = true
		}
		t.current = nil
	}
}

// curious returns the first coroutine in Until that has something new to look at.
func (t *Turn) curious() *coroutine {
	for _, co := range t.watching {
		if co.seen != t.moves {
			return co
		}
	}
	return nil
}

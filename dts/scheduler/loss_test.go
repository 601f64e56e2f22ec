package scheduler_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts/dtstest"
)

// gate holds the answers of a worker back, one by one, until it is opened.
type gate struct {
	wants  func(item) bool
	held   chan *heldAnswer
	opened chan struct{}
}

// heldAnswer is an answer that has not been sent yet.
type heldAnswer struct {
	item item
	send chan struct{}
	err  chan error
}

func newGate(wants func(item) bool) *gate {
	return &gate{wants: wants, held: make(chan *heldAnswer), opened: make(chan struct{})}
}

func (g *gate) answer(it item, send func() error) error {
	h := &heldAnswer{item: it, send: make(chan struct{}), err: make(chan error, 1)}
	if g.wants(it) {
		select {
		case g.held <- h:
		case <-g.opened:
		}
		select {
		case <-h.send:
		case <-g.opened:
		}
	}
	err := send()
	h.err <- err
	return err
}

// deliver sends a held answer and returns what the scheduler said.
func (h *heldAnswer) deliver() codes.Code {
	close(h.send)
	return status.Code(<-h.err)
}

// lossWorld is a scheduler with a ledger and a worker that holds two items: an
// activity of the instance "activity" and a turn of the instance "turn".
type lossWorld struct {
	*drivers

	s              *dtstest.Scheduler
	seen           *items
	eye            *eye
	gate           *gate
	activity, turn *heldAnswer
}

// holdsBoth is what the first worker of a lossWorld does not answer.
func holdsBoth(it item) bool {
	return it.activity || strings.HasPrefix(it.name, "turn/")
}

func newLossWorld(t *testing.T) *lossWorld {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	t.Cleanup(cancel)
	w := &lossWorld{s: dtstest.Start(t), seen: newItems(), gate: newGate(holdsBoth)}
	w.drivers = &drivers{ctx: ctx, client: w.s.Client(), ledger: newLedger(t), stop: make(chan struct{}), pace: pace{brief: time.Second}}
	w.eye = newEye(w.s.Conn(), w.ledger, w.seen)
	w.eye.answer = w.gate.answer
	w.eye.run(t, w.s, "default")
	w.begin(t, "activity")
	w.activity = <-w.gate.held
	w.begin(t, "turn")
	w.turn = <-w.gate.held
	return w
}

// worker starts another worker, which holds the same back, or nothing.
func (w *lossWorld) worker(t *testing.T, holding bool) *gate {
	t.Helper()
	e, g := newEye(w.s.Conn(), w.ledger, w.seen), newGate(holdsBoth)
	if holding {
		e.answer = g.answer
	}
	e.run(t, w.s, "default")
	return g
}

func (w *lossWorld) begin(t *testing.T, id string) {
	t.Helper()
	d := &driver{drivers: w.drivers, id: id, job: job{N: 1}}
	if err := d.start(id, "sequence", d.job); err != nil {
		t.Fatal(err)
	}
}

// end waits for both instances and audits them.
func (w *lossWorld) end(t *testing.T) {
	t.Helper()
	for _, id := range []string{"activity", "turn"} {
		end, err := w.client.Wait(w.ctx, id)
		if err != nil || !completedWith(end, 8) {
			t.Errorf("instance %q ended with %+v %v, want it completed with 8", id, end, err)
		}
	}
	w.finish()
}

// handed returns how often the held activity was handed out.
func (w *lossWorld) handed() int {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	return w.ledger.tasks[w.activity.item.name].handed
}

func wantCode(t *testing.T, what string, got, want codes.Code) {
	t.Helper()
	if got != want {
		t.Errorf("%s was answered with %v, want %v", what, got, want)
	}
}

func TestWorkOfAVanishedWorkerGoesToAnotherAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLossWorld(t)
		w.worker(t, false)
		began := time.Now()
		w.eye.vanish()
		w.end(t)
		if took := time.Since(began); took > time.Second {
			t.Errorf("the work went on after %v, want no wait", took)
		}
		if n := w.handed(); n != 2 {
			t.Errorf("the activity was handed out %d times, want 2", n)
		}
		close(w.gate.opened) // nobody hears these answers
	})
}

func TestAnswersAreTakenUntilTheWorkIsHandedOutAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLossWorld(t)
		w.eye.lose() // a pause, say; nobody else is there to take the work
		synctest.Wait()
		wantCode(t, "the activity's answer", w.activity.deliver(), codes.OK)
		wantCode(t, "the turn's answer", w.turn.deliver(), codes.OK)
		close(w.gate.opened)
		w.end(t)
		if n := w.handed(); n != 1 {
			t.Errorf("the activity was handed out %d times, want once", n)
		}
	})
}

func TestLateAnswersAreRefusedOnceTheWorkIsHandedOutAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLossWorld(t)
		g := w.worker(t, true)
		w.eye.lose()
		again := map[bool]*heldAnswer{}
		for range 2 {
			h := <-g.held
			again[h.item.activity] = h
		}
		wantCode(t, "the late answer of the activity", w.activity.deliver(), codes.NotFound)
		wantCode(t, "the late answer of the turn", w.turn.deliver(), codes.NotFound)
		wantCode(t, "the activity's answer", again[true].deliver(), codes.OK)
		wantCode(t, "the turn's answer", again[false].deliver(), codes.OK)
		close(g.opened)
		close(w.gate.opened)
		w.end(t)
	})
}

func TestAnswersFromBeforeACrashAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLossWorld(t)
		w.s.Crash()
		// Before the worker is back, when nobody has the work.
		wantCode(t, "the old answer of the turn", w.turn.deliver(), codes.NotFound)
		again := map[bool]*heldAnswer{}
		for range 2 { // the same worker, connected again
			h := <-w.gate.held
			again[h.item.activity] = h
		}
		wantCode(t, "the old answer of the activity", w.activity.deliver(), codes.NotFound)
		wantCode(t, "the activity's answer", again[true].deliver(), codes.OK)
		wantCode(t, "the turn's answer", again[false].deliver(), codes.OK)
		close(w.gate.opened)
		w.end(t)
	})
}

// TestRepeatedAnswersCountOnce loses what the scheduler says to every answer the
// first time, so that the worker sends it again.
func TestRepeatedAnswersCountOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		s := dtstest.Start(t)
		l, seen := newLedger(t), newItems()
		e := newEye(s.Conn(), l, seen)
		var mu sync.Mutex
		answers := make(map[item]int)
		e.answer = func(it item, send func() error) error {
			err := send()
			mu.Lock()
			defer mu.Unlock()
			if answers[it]++; answers[it] == 1 && err == nil {
				return errLost
			}
			return err
		}
		e.run(t, s, "default")
		ds := &drivers{
			ctx: ctx, client: s.Client(), ledger: l, stop: make(chan struct{}),
			pace: pace{brief: 20 * time.Millisecond, long: time.Minute, longest: time.Minute},
		}
		for i, f := range scenarios {
			ds.play(uint64(i), f)
		}
		ds.finish()
		time.Sleep(time.Minute) // the last answers are repeated too
		mu.Lock()
		defer mu.Unlock()
		for it, n := range answers {
			if n != 2 {
				t.Errorf("%s was answered %d times, want 2", it.name, n)
			}
		}
		if len(answers) == 0 || len(seen.of) != len(answers) {
			t.Errorf("%d work items were handed out %d times", len(answers), len(seen.of))
		}
	})
}

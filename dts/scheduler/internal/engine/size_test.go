package engine

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
)

// TestTurnHasABoundedSize: a worker could not receive a work item of any size,
// and events come at any rate.
func TestTurnHasABoundedSize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	const events = 40
	payload := text1(strings.Repeat("x", 100_000))
	for i := range events {
		if i == events/2 {
			w.restart()
		}
		w.do(Raise{ID: "a", Name: fmt.Sprint(i), Input: payload})
	}
	turns, next := 0, 0
	for ; w.live["a"].Deliverable(w.now); turns++ {
		size := 0
		for _, e := range w.turn("a") {
			size += proto.Size(e)
			if r := e.GetEventRaised(); r != nil {
				if r.GetName() != fmt.Sprint(next) {
					t.Errorf("event %s comes instead of %d", r.GetName(), next)
				}
				next++
			}
		}
		if size > turnBytes+100 {
			t.Errorf("turn %d has %d bytes", turns, size)
		}
	}
	if next != events || turns != 4 {
		t.Errorf("got %d events in %d turns, want %d in 4", next, turns, events)
	}
}

func TestMessageThatFillsATurnComesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.do(Raise{ID: "a", Name: "large", Input: text1(strings.Repeat("x", turnBytes))})
	w.do(Raise{ID: "a", Name: "small"})
	for _, want := range []string{"0 executionStarted", "-1 eventRaised large", "-1 eventRaised small"} {
		if events := w.turn("a"); len(events) != 2 || short(events[1]) != want {
			t.Errorf("got %v, want %s", shorts(events), want)
		}
	}
}

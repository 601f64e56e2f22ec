package engine

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
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

// TestBatchHasABoundedSize: signals of 900 KiB came in one batch that no worker
// could receive, and were failed as poison.
func TestBatchHasABoundedSize(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), (&world{}).state()
	s.MaxPayload = 1 << 20
	const signals = 6
	payload, state := text1(strings.Repeat("x", 900<<10)), text1(strings.Repeat("x", 1<<20))
	for _, loaded := range []bool{false, true} {
		e := LoadEntity("@e@a", &record.Entity{Id: "@e@a", State: state}, nil, false, w.now)
		s.Reset()
		s.PutEntity(e)
		for i := range signals {
			if _, err := Apply(s, Signal{ID: "@e@a", Event: &dtspb.EntityOperationSignaledEvent{Operation: fmt.Sprint(i), Input: payload}}, w.now); err != nil {
				t.Fatal(err)
			}
		}
		if loaded {
			e = LoadEntity("@e@a", e.Record, e.Queue, true, w.now)
			s.PutEntity(e)
		}
		next := 0
		for e.Deliverable() {
			events := e.Deliver()
			if size := proto.Size(&dtspb.EntityRequest{EntityState: e.Record.GetState(), OperationRequests: events}); size > 7<<19 {
				t.Errorf("loaded %t: a batch has %d bytes", loaded, size)
			}
			r := &dtspb.EntityBatchResult{EntityState: state}
			for _, event := range events {
				if got := event.GetEntityOperationSignaled().GetOperation(); got != fmt.Sprint(next) {
					t.Errorf("loaded %t: operation %s comes instead of %d", loaded, got, next)
				}
				next++
				r.Results = append(r.Results, &dtspb.OperationResult{})
			}
			if _, err := Apply(s, EntityBatch{ID: "@e@a", Result: r}, w.now); err != nil {
				t.Fatal(err)
			}
		}
		if next != signals {
			t.Errorf("loaded %t: got %d operations, want %d", loaded, next, signals)
		}
		if got, want := e.Bytes(), uint64(1<<20); got != want {
			t.Errorf("loaded %t: an entity without messages has %d bytes, want those of its state, %d", loaded, got, want)
		}
	}
}

// TestOperationThatFillsABatchComesAlone: the limit must not keep it back.
func TestOperationThatFillsABatchComesAlone(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), (&world{}).state()
	e := LoadEntity("@e@a", &record.Entity{Id: "@e@a", State: text1(strings.Repeat("x", batchBytes))}, nil, false, w.now)
	s.PutEntity(e)
	for range 2 {
		if _, err := Apply(s, Signal{ID: "@e@a", Event: &dtspb.EntityOperationSignaledEvent{Operation: "op"}}, w.now); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(e.Deliver()); n != 1 {
		t.Errorf("got %d operations, want 1", n)
	}
}

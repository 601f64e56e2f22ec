package hub_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
)

// raise raises an event for each text; the text long makes a history long.
func (w *world) raise(id string, texts ...string) {
	w.t.Helper()
	for _, s := range texts {
		w.do(engine.Raise{ID: id, Name: "e", Input: wrapperspb.String(s)})
	}
}

var long = strings.Repeat("x", 20<<10)

// wantPast compares how many past events a turn has and how many it leaves out.
func wantPast(t *testing.T, item *dtspb.WorkItem, has, leavesOut int) {
	t.Helper()
	req := item.GetOrchestratorRequest()
	n := int(req.GetProperties()[wire.PropertyPastFrom].GetNumberValue())
	if len(req.GetPastEvents()) != has || n != leavesOut {
		t.Errorf("turn has %d past events and leaves out %d, want %d and %d", len(req.GetPastEvents()), n, has, leavesOut)
	}
}

// longInstance starts an instance and gives s its first turn, whose history is long.
func (w *world) longInstance(s *dispatch.Stream) {
	w.t.Helper()
	w.do(start("i"))
	w.raise("i", long)
	item := w.turn(s)
	wantPast(w.t, item, 0, 0)
	if err := w.answer(item, schedule(0, "a")); err != nil {
		w.t.Fatal(err)
	}
	if l := s.Take(); l == nil || l.Item.Kind != dispatch.Activity {
		w.t.Fatalf("got %v, want the activity", l)
	}
}

func warmStream() dispatch.StreamOptions { return dispatch.StreamOptions{Warm: true, Streaming: true} }

// The history after the first turn is: OrchestratorStarted, ExecutionStarted,
// EventRaised, which the worker has seen, and TaskScheduled, which it has asked for.
func TestLongHistoryIsLeftOutForTheWorkerThatHasSeenIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := w.workerFor(warmStream())
		w.longInstance(s)
		w.raise("i", "a")
		item := w.turn(s)
		wantPast(t, item, 1, 3)
		if err := w.answer(item); err != nil {
			t.Fatal(err)
		}
		w.raise("i", "b")
		wantPast(t, w.turn(s), 0, 6)
	})
}

func TestHistoryIsSentWhole(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stream dispatch.StreamOptions
		then   func(w *world, s *dispatch.Stream) *dispatch.Stream // after the first turn
	}{
		"to a worker that keeps no instances": {dispatch.StreamOptions{}, func(_ *world, s *dispatch.Stream) *dispatch.Stream { return s }},
		"to another worker": {warmStream(), func(w *world, s *dispatch.Stream) *dispatch.Stream {
			w.hub.Leave(s, false)
			return w.workerFor(warmStream())
		}},
		"to a worker whose turn did not count": {warmStream(), func(w *world, s *dispatch.Stream) *dispatch.Stream {
			w.raise("i", "lost")
			l, _ := w.hub.Queue.Find(w.turn(s).GetCompletionToken())
			w.abandon(l)
			time.Sleep(time.Second)
			return s
		}},
		"after a restart": {warmStream(), func(w *world, s *dispatch.Stream) *dispatch.Stream {
			w.hub.Leave(s, true)
			w.reopen()
			return w.workerFor(warmStream())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				s := w.workerFor(test.stream)
				w.longInstance(s)
				s = test.then(w, s)
				w.raise("i", "a")
				item := w.next(s)
				if item.GetActivityRequest() != nil { // a new worker gets that first
					item = w.next(s)
				}
				wantPast(t, item, 4, 0)
				w.hub.Leave(s, true)
			})
		})
	}
}

func TestShortHistoryIsSentWhole(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := w.workerFor(warmStream())
		w.do(start("i"))
		if err := w.answer(w.turn(s)); err != nil {
			t.Fatal(err)
		}
		w.raise("i", "a")
		wantPast(t, w.turn(s), 2, 0)
	})
}

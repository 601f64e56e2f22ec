package hub_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

func replace(id, name string) engine.Start {
	return engine.Start{Request: &dtspb.CreateInstanceRequest{InstanceId: id, Name: name, OrchestrationIdReusePolicy: &dtspb.OrchestrationIdReusePolicy{
		ReplaceableStatus: []dtspb.OrchestrationStatus{pending, running, terminated},
	}}}
}

// TestReplacementOfAnInstanceRuns whatever its turn was doing. The new one has
// another name, which is what workers are chosen by.
func TestReplacementOfAnInstanceRuns(t *testing.T) {
	for name, bring := range map[string]func(w *world, s *dispatch.Stream) *dtspb.WorkItem{
		"that waits":       func(*world, *dispatch.Stream) *dtspb.WorkItem { return nil },
		"at a worker":      func(w *world, s *dispatch.Stream) *dtspb.WorkItem { return w.turn(s) },
		"of a lost worker": func(w *world, s *dispatch.Stream) *dtspb.WorkItem { item := w.turn(s); s.Close(); return item },
		"given back": func(w *world, s *dispatch.Stream) *dtspb.WorkItem {
			item := w.turn(s)
			l, _ := w.hub.Queue.Find(item.GetCompletionToken())
			w.abandon(l)
			return item
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				s := w.worker()
				defer s.Close()
				w.do(start("a"))
				old := bring(w, s)
				w.do(replace("a", "other"))
				other := w.workerFor(dispatch.StreamOptions{Filters: [3]*dispatch.Filter{
					dispatch.Orchestration: {Names: map[string][]string{"other": nil}},
				}})
				defer other.Close()
				item := w.turn(other)
				if old != nil {
					if err := w.answer(old, complete(1, "old")); err == nil {
						t.Error("the answer for the old execution is taken")
					}
				}
				if err := w.answer(item, complete(1, "new")); err != nil {
					t.Fatal(err)
				}
				if got := w.state("a").GetOutput().GetValue(); got != "new" {
					t.Errorf("output is %q", got)
				}
				time.Sleep(time.Minute) // the back-off of what was given back
				if again := w.next(other); again != nil {
					t.Errorf("handed out again: %v", again)
				}
				w.wantBacklog(0, 0)
			})
		})
	}
}

func (w *world) wantBacklog(pending, active int64) {
	w.t.Helper()
	synctest.Wait()
	c := w.hub.Queue.Counts(dispatch.Orchestration)
	if c.Pending != pending || c.Active != active {
		w.t.Errorf("backlog of orchestrations is %+v, want %d pending and %d active", c, pending, active)
	}
}

func TestTerminatedInstanceIsNoBacklog(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.do(start("a"))
		w.wantBacklog(1, 0)
		w.do(engine.Terminate{ID: "a"})
		w.wantBacklog(0, 0)
	})
}

func TestTurnsOfAnInstanceFollowEachOther(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := w.worker()
		defer s.Close()
		w.do(start("a"))
		for i := range 3 {
			item := w.turn(s)
			w.do(engine.Raise{ID: "a", Name: fmt.Sprint(i)})
			if extra := w.next(s); extra != nil {
				t.Fatalf("two turns at once: %v", extra)
			}
			if err := w.answer(item); err != nil {
				t.Fatal(err)
			}
		}
		item := w.turn(s)
		if past := len(item.GetOrchestratorRequest().GetPastEvents()); past != 2+2+2 {
			t.Errorf("%d past events, want 6", past)
		}
		if err := w.answer(item, complete(1, "")); err != nil {
			t.Fatal(err)
		}
		w.wantStatus("a", completed)
	})
}

// TestPoisonIsFailed: what was lost with three workers is not handed to a fourth.
func TestPoisonIsFailed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.do(start("a"))
		for range 3 {
			s := w.worker()
			w.turn(s)
			w.hub.Leave(s, false)
		}
		s := w.worker()
		defer s.Close()
		if item := w.next(s); item != nil {
			t.Errorf("handed out: %v", item)
		}
		if got := w.state("a"); got.GetFailureDetails().GetErrorType() != "PoisonWorkItem" {
			t.Errorf("got %v", got)
		}
	})
}

func TestPoisonousActivityIsFailed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := w.worker()
		w.do(start("a"))
		if err := w.answer(w.turn(s), schedule(1, "boom")); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if item := w.next(s); item.GetActivityRequest() == nil {
				t.Fatalf("got %v, want the activity", item)
			}
			w.hub.Leave(s, false)
			s = w.worker()
		}
		defer func() { s.Close() }()
		item := w.turn(s)
		f := item.GetOrchestratorRequest().GetNewEvents()[1].GetTaskFailed()
		if f.GetFailureDetails().GetErrorType() != "PoisonWorkItem" {
			t.Errorf("got %v", item)
		}
	})
}

// TestLossesSurviveARestart: an orchestrator may end the process that the
// scheduler runs in too. A stop in order is nobody's loss.
func TestLossesSurviveARestart(t *testing.T) {
	for name, tc := range map[string]struct {
		orderly bool
		due     bool // the turn is of a timer
		failed  bool
	}{
		"crashes":              {false, false, true},
		"crashes with a timer": {false, true, true},
		"orderly stops":        {true, false, false},
		"stops with a timer":   {true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				s := w.worker()
				w.do(start("a"))
				if tc.due {
					if err := w.answer(w.turn(s), timer(1, time.Now().Add(time.Second))); err != nil {
						t.Fatal(err)
					}
					s.Close()
					w.stop()
					time.Sleep(time.Minute)
					w.open()
					s = w.worker()
				}
				for range 6 {
					if w.next(s) == nil {
						break
					}
					if tc.orderly {
						w.hub.Leave(s, true)
					}
					w.reopen()
					s = w.worker()
				}
				defer s.Close()
				w.next(s)
				if got := w.state("a").GetOrchestrationStatus() == failed; got != tc.failed {
					t.Errorf("failed is %v, want %v", got, tc.failed)
				}
			})
		})
	}
}

func TestAnswerEndsTheCountOfLosses(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.do(start("a"))
		for range 5 {
			s := w.worker()
			w.turn(s)
			w.hub.Leave(s, false)
			w.reopen()
			s = w.worker()
			if err := w.answer(w.turn(s)); err != nil {
				t.Fatal(err)
			}
			w.do(engine.Raise{ID: "a", Name: "e"})
			s.Close()
		}
		w.wantStatus("a", running)
	})
}

func (w *world) abandon(l *dispatch.Lease) {
	w.t.Helper()
	if err := w.hub.Abandon(w.t.Context(), l); err != nil {
		w.t.Fatal(err)
	}
}

// TestAbandonedWorkComesBackLater, and later each time.
func TestAbandonedWorkComesBackLater(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := w.worker()
		defer s.Close()
		w.do(start("a"))
		wait := 200 * time.Millisecond
		for range 12 {
			l, _ := w.hub.Queue.Find(w.turn(s).GetCompletionToken())
			w.abandon(l)
			w.abandon(l)
			w.wantBacklog(1, 0)
			w.do(engine.Raise{ID: "a", Name: "e"}) // does not hurry it
			time.Sleep(wait - time.Millisecond)
			if item := w.next(s); item != nil {
				t.Fatalf("back before %v: %v", wait, item)
			}
			time.Sleep(wait/4 + 2*time.Millisecond)
			wait = min(2*wait, 30*time.Second)
		}
		if err := w.answer(w.turn(s), complete(1, "")); err != nil {
			t.Fatal(err)
		}
	})
}

// TestHistoryThatIsTooLargeForAWorker: one that can streams it, for one that
// cannot the instance fails instead of coming back for ever.
func TestHistoryThatIsTooLargeForAWorker(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		stream := w.workerFor(dispatch.StreamOptions{Streaming: true})
		w.do(start("a"))
		large := strings.Repeat("x", 1<<19)
		for i := range 8 {
			item := w.turn(stream)
			if item.GetOrchestratorRequest().GetRequiresHistoryStreaming() != (i >= 3) {
				t.Fatalf("turn %d: streaming is %v", i, item.GetOrchestratorRequest().GetRequiresHistoryStreaming())
			}
			if i >= 3 && item.GetOrchestratorRequest().GetPastEvents() != nil {
				t.Fatalf("turn %d has past events and is to be streamed", i)
			}
			w.do(engine.Raise{ID: "a", Name: "e", Input: wrapperspb.String(large)})
			if err := w.answer(item); err != nil {
				t.Fatal(err)
			}
		}
		w.wantStatus("a", running)
		stream.Close()
		plain := w.worker()
		defer plain.Close()
		if item := w.next(plain); item != nil {
			t.Errorf("handed out: %v", item)
		}
		if got := w.state("a").GetFailureDetails().GetErrorType(); got != "HistoryTooLarge" {
			t.Errorf("got %q", got)
		}
	})
}

// TestMemoryIsBounded runs many instances to their end, and many that wait.
func TestMemoryIsBounded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := w.worker()
		defer s.Close()
		for i := range 300 {
			w.do(start(fmt.Sprint("ends ", i)))
			if err := w.answer(w.turn(s), complete(1, "")); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.hub.InMemory(); n != 0 {
			t.Errorf("%d ended instances are in memory", n)
		}
		large := wrapperspb.String(strings.Repeat("x", 1<<18))
		for i := range 600 {
			id := fmt.Sprint("waits ", i)
			w.do(engine.Start{Request: &dtspb.CreateInstanceRequest{InstanceId: id, Name: "orc", Input: large}})
			if err := w.answer(w.turn(s)); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.hub.InMemory(); n == 0 || n > 64*4 {
			t.Errorf("%d instances of 256 KiB are in memory", n)
		}
		w.wantStatus("waits 0", running)
	})
}

// TestDamagedInstanceHarmsNobodyElse: neither the worker that it is offered to
// nor, by a timer of its, the hub.
func TestDamagedInstanceHarmsNobodyElse(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := w.worker()
		for _, id := range []string{"bad", "good"} {
			w.do(start(id))
			if err := w.answer(w.turn(s), timer(1, time.Now().Add(time.Hour)), timer(2, time.Now().Add(2*time.Hour))); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
		damage := engine.Write{Op: engine.PutTurn, ID: "bad", Gen: 1<<32 + 1, Turn: 1} // without events
		if err := w.store.Submit(1, []engine.Write{damage}, nil).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.reopen()
		s = w.worker()
		defer func() { s.Close() }()
		time.Sleep(90 * time.Minute)
		if err := w.answer(w.turn(s)); err != nil {
			t.Fatal(err)
		}
		if err := w.hub.Do(t.Context(), engine.Raise{ID: "bad", Name: "e"}); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("event to the damaged instance: got %v, want ErrDamaged", err)
		}
		time.Sleep(time.Hour)
		if err := w.answer(w.turn(s), complete(3, "")); err != nil {
			t.Fatal(err)
		}
		w.wantStatus("good", completed)

		// What is ready already is passed over as well.
		w.do(start("worse"))
		damage.ID, damage.Gen = "worse", 2<<32+1
		if err := w.store.Submit(1, []engine.Write{damage}, nil).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.do(start("better"))
		w.reopen()
		s = w.worker()
		if item := w.turn(s); item.GetOrchestratorRequest().GetInstanceId() != "better" {
			t.Errorf("got %v", item)
		}
		if item := w.next(s); item != nil {
			t.Errorf("got %v", item)
		}
	})
}

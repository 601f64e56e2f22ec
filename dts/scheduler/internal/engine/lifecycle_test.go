package engine

import (
	"errors"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestSuspendAndResumeShowWhenTheirTurnCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a")
	w.do(Suspend{ID: "a", Reason: text1("why")})
	w.wantStatus("a", running)
	w.turn("a")
	w.wantStatus("a", suspended)
	w.do(Raise{ID: "a", Name: "e"})
	w.turn("a")
	w.wantStatus("a", suspended)
	w.do(Resume{ID: "a", Reason: text1("because")})
	w.wantStatus("a", suspended)
	w.turn("a")
	w.wantStatus("a", running)
	w.do(Suspend{ID: "a"})
	w.do(Resume{ID: "a"})
	w.turn("a")
	w.wantStatus("a", running)
	w.wantHistory("a", "-1 orchestratorStarted", "0 executionStarted",
		"-1 orchestratorStarted", "-1 executionSuspended", "-1 orchestratorStarted", "-1 eventRaised e",
		"-1 orchestratorStarted", "-1 executionResumed", "-1 orchestratorStarted", "-1 executionSuspended", "-1 executionResumed")
	if got := w.live["a"].History[3].GetExecutionSuspended().GetInput().GetValue(); got != "why" {
		t.Errorf("reason: got %q", got)
	}
}

func TestMessagesToNobodyAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []Command{Raise{ID: "x", Name: "e"}, Suspend{ID: "x"}, Resume{ID: "x"}, Terminate{ID: "x"}} {
		if err := w.try(c); !errors.Is(err, ErrNotFound) {
			t.Errorf("%T: got %v, want ErrNotFound", c, err)
		}
	}
}

func TestMessagesToAnEndedInstanceAreDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actComplete(1, completed, "out"))
	for _, c := range []Command{Raise{ID: "a", Name: "e"}, Suspend{ID: "a"}, Resume{ID: "a"}, Terminate{ID: "a", Output: text1("x")}} {
		w.do(c)
		if len(w.fx.Writes) != 0 {
			t.Errorf("%T writes %+v", c, w.fx.Writes)
		}
	}
	w.wantStatus("a", completed)
}

func TestPendingInstanceIsTerminatedWithoutAWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("parent")
	w.turn("parent", actChild(3, "a"))
	w.do(Raise{ID: "a", Name: "e"})
	w.do(Terminate{ID: "a", Output: text1(`"enough"`)})
	w.wantStatus("a", terminated)
	w.wantHistory("a", "-1 orchestratorStarted", "0 executionStarted", "-1 eventRaised e", "0 executionCompleted terminated")
	in := w.live["a"].Record
	if in.GetOutput().GetValue() != `"enough"` || in.GetCompleted() == 0 {
		t.Errorf("got %v", in)
	}
	if diff := gocmp.Diff([]TaskKey{w.live["a"].TurnKey()}, w.fx.Withdrawn); diff != "" {
		t.Errorf("withdrawn (-want +got):\n%s", diff)
	}
	w.wantInbox("parent", "-1 subOrchestrationInstanceFailed of 3 OrchestrationTerminated")
	f := w.live["parent"].Inbox[0].Event.GetSubOrchestrationInstanceFailed().GetFailureDetails()
	if f.GetErrorMessage() != "enough" {
		t.Errorf("failure: got %v", f)
	}
}

func TestFirstTurnAtAWorkerIsTerminatedByTheWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	answer := w.answer("a", w.deliver("a"))
	w.do(Terminate{ID: "a"})
	w.wantStatus("a", pending)
	w.do(answer)
	w.wantInbox("a", "-1 executionTerminated")
}

func TestRunningInstanceIsTerminatedByItsWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actTask(1, "t"), actTimer(2, w.now.Add(time.Hour)), actChild(3, "c"))
	w.do(Suspend{ID: "a"})
	w.turn("a")
	w.do(Terminate{ID: "a", Output: text1("out")})
	w.wantStatus("a", suspended)
	w.turn("a", actComplete(4, terminated, "out"))
	w.wantStatus("a", terminated)
	if got := w.live["a"].Record.GetOutput().GetValue(); got != "out" {
		t.Errorf("output: got %q", got)
	}
	if len(w.rows.Tasks)+len(w.rows.Timers) != 0 {
		t.Errorf("left behind: %v %v", w.rows.Tasks, w.rows.Timers)
	}
	w.wantStatus("c", pending)
}

func TestTerminatesCollapseUntilTheNextTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a")
	w.do(Terminate{ID: "a"})
	w.do(Terminate{ID: "a"})
	w.wantInbox("a", "-1 executionTerminated")
	// One that asks for more is not lost behind one that asks for less.
	w.do(Terminate{ID: "a", Recursive: true})
	w.do(Terminate{ID: "a"})
	w.do(Terminate{ID: "a", Recursive: true})
	w.wantInbox("a", "-1 executionTerminated", "-1 executionTerminated")
	answer := w.answer("a", w.deliver("a"))
	w.do(Terminate{ID: "a"}) // the one at the worker may come too late
	w.do(answer)
	w.wantInbox("a", "-1 executionTerminated")
}

func TestRecursiveTerminateReachesChildrenThatRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actChild(1, "pending"), actChild(2, "running"), actChild(3, "done"))
	w.turn("done", actComplete(1, completed, ""))
	w.turn("running", actChild(1, "grandchild"))
	w.turn("a")
	w.do(Terminate{ID: "a", Output: text1("out"), Recursive: true})
	w.wantStatus("pending", pending)
	w.turn("a", actComplete(4, terminated, "out"))
	w.wantStatus("pending", terminated)
	w.wantStatus("done", completed)
	w.wantInbox("running", "-1 executionTerminated")
	w.turn("running", actComplete(2, terminated, "out"))
	w.wantStatus("grandchild", terminated)
	if got := w.live["grandchild"].Record.GetOutput().GetValue(); got != "out" {
		t.Errorf("output: got %q", got)
	}
}

// TestRecursiveTerminateEndsWithTheInstance: one that completes instead takes
// nobody along.
func TestRecursiveTerminateEndsWithTheInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actChild(1, "c"))
	w.do(Terminate{ID: "a", Recursive: true})
	w.turn("a", actComplete(2, completed, ""))
	w.wantStatus("c", pending)
}

func TestPurgeDeletesEndedInstancesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("live")
	w.start("ended")
	w.turn("ended", actTask(1, "t"), actComplete(2, completed, ""))
	for id, want := range map[string]int{"live": 0, "ended": 1, "unknown": 0} {
		for range 2 {
			n := -1
			w.do(Purge{ID: id, Deleted: &n})
			if n != want {
				t.Errorf("%s: deleted %d, want %d", id, n, want)
			}
			want = 0
		}
	}
	if w.live["live"] == nil || w.live["ended"] != nil {
		t.Errorf("got %v", w.live)
	}
}

func TestRecursivePurgeFollowsEndedChildren(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actChild(1, "b"), actChild(2, "live"), actChild(3, "taken"))
	w.turn("b", actChild(1, "c"))
	w.turn("c", actComplete(1, completed, ""))
	w.turn("b", actComplete(2, completed, ""))
	w.turn("taken", actComplete(1, completed, ""))
	w.start("taken") // somebody else has the id now
	w.turn("taken", actComplete(1, completed, ""))
	w.turn("a", actComplete(4, completed, ""))
	n := 0
	w.do(Purge{ID: "a", Deleted: &n})
	if n != 1 || w.live["b"] == nil {
		t.Errorf("not recursive: deleted %d, want 1", n)
	}
	w.start("again")
	w.turn("again", actChild(1, "d"))
	w.turn("d", actChild(1, "e"))
	w.turn("e", actComplete(1, completed, ""))
	w.turn("d", actComplete(2, completed, ""))
	w.turn("again", actComplete(2, completed, ""))
	w.do(Purge{ID: "again", Recursive: true, Deleted: &n})
	if n != 3 {
		t.Errorf("recursive: deleted %d, want 3", n)
	}
	for _, id := range []string{"again", "d", "e"} {
		if w.live[id] != nil {
			t.Errorf("%s is still there", id)
		}
	}
	w.do(Purge{ID: "a", Recursive: true, Deleted: &n})
	for _, id := range []string{"b", "live", "taken"} {
		if w.live[id] == nil {
			t.Errorf("%s is gone", id)
		}
	}
}

package engine

import (
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// rewrite is what the SDKs' workers answer to a rewind: the history without what
// failed, of another execution.
func rewrite(past, events []*dtspb.HistoryEvent, execution string) *dtspb.OrchestratorAction {
	lost := map[int32]bool{}
	for _, e := range past {
		if f := e.GetTaskFailed(); f != nil {
			lost[f.GetTaskScheduledId()] = true
		}
	}
	var h []*dtspb.HistoryEvent
	for _, e := range append(append([]*dtspb.HistoryEvent(nil), past...), events...) {
		switch {
		case e.GetTaskFailed() != nil, e.GetSubOrchestrationInstanceFailed() != nil, e.GetExecutionCompleted() != nil,
			e.GetTaskScheduled() != nil && lost[e.GetEventId()]:
			continue
		case e.GetExecutionStarted() != nil:
			e = proto.CloneOf(e)
			e.GetExecutionStarted().OrchestrationInstance.ExecutionId = text1(execution)
		}
		h = append(h, e)
	}
	return &dtspb.OrchestratorAction{Id: -1, OrchestratorActionType: &dtspb.OrchestratorAction_RewindOrchestration{
		RewindOrchestration: &dtspb.RewindOrchestrationAction{NewHistory: h},
	}}
}

// rewind takes an instance through the turn that rewrites its history.
func (w *world) rewind(id string) {
	w.t.Helper()
	past := w.live[id].History
	events := w.deliver(id)
	w.ids++
	w.do(w.answer(id, events, rewrite(past, events, fmt.Sprintf("%032x", w.ids))))
}

// activityFailed fails an activity of the current execution.
func (w *world) activityFailed(id string, task int32) {
	w.t.Helper()
	w.do(ActivityDone{Task: TaskKey{id, w.live[id].Record.GetGeneration(), task}, Failure: failure("E", "no")})
}

// failedAfterActivity has an instance that failed with its second activity.
func failedAfterActivity(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actTask(1, "good"), actTask(2, "bad"))
	w.activityDone("a", 1, "r")
	w.activityFailed("a", 2)
	w.turn("a", actComplete(3, failed, ""))
	return w
}

func TestRewoundInstanceRunsAgainFromWhatFailed(t *testing.T) {
	t.Parallel()
	w := failedAfterActivity(t)
	before := proto.CloneOf(w.live["a"].Record)
	w.do(Rewind{ID: "a", Reason: text1("why")})
	w.wantStatus("a", running)
	in := w.live["a"].Record
	if in.GetFailure() != nil || in.GetOutput() != nil || in.GetCompleted() != 0 {
		t.Errorf("the end is still there: %v", in)
	}
	past := w.live["a"].History
	if past[len(past)-1].GetExecutionCompleted() == nil {
		t.Error("the worker does not see the end, by which it knows a rewind")
	}
	events := w.deliver("a")
	if diff := gocmp.Diff([]string{"-1 orchestratorStarted", "-1 executionRewound"}, shorts(events)); diff != "" {
		t.Errorf("new events (-want +got):\n%s", diff)
	}
	if got := events[1].GetExecutionRewound(); got.GetReason().GetValue() != "why" || got.GetParentExecutionId() != nil {
		t.Errorf("request is %v", got)
	}
	w.do(w.answer("a", events, rewrite(past, events, "0123456789abcdef0123456789abcdef")))
	w.wantHistory("a", "-1 orchestratorStarted", "0 executionStarted", "1 taskScheduled good", "-1 orchestratorStarted", "-1 taskCompleted of 1")
	w.wantInbox("a", "-1 executionRewound")
	in = w.live["a"].Record
	started := w.live["a"].Started()
	if in.GetExecutionId() != "0123456789abcdef0123456789abcdef" || started.GetOrchestrationInstance().GetExecutionId().GetValue() != in.GetExecutionId() ||
		started.GetInput().GetValue() != "in" || in.GetGeneration() == before.GetGeneration() {
		t.Errorf("execution is %v of %v", in, started)
	}
	w.restart()
	w.turn("a", actTask(2, "bad"))
	w.activityDone("a", 2, "r")
	w.turn("a", actComplete(3, completed, "out"))
	w.wantStatus("a", completed)
	w.wantHistory("a", "-1 orchestratorStarted", "0 executionStarted", "1 taskScheduled good", "-1 orchestratorStarted", "-1 taskCompleted of 1",
		"-1 orchestratorStarted", "-1 executionRewound", "2 taskScheduled bad",
		"-1 orchestratorStarted", "-1 taskCompleted of 2", "3 executionCompleted completed")
}

func TestRewindIsRefused(t *testing.T) {
	t.Parallel()
	w := failedAfterActivity(t)
	w.do(Rewind{ID: "a"})
	w.start("pending")
	for id, end := range map[string]dtspb.OrchestrationStatus{"completed": completed, "terminated": terminated, "canceled": canceled} {
		w.start(id)
		w.turn(id, actComplete(1, end, ""))
	}
	if err := w.try(Rewind{ID: "nobody"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: got %v", err)
	}
	text := regexp.MustCompile(`not allow|precondition|running`) // what JavaScript's tests look for
	for _, id := range []string{"a", "pending", "completed", "terminated", "canceled"} {
		if err := w.try(Rewind{ID: id}); !errors.Is(err, ErrConflict) || !text.MatchString(err.Error()) {
			t.Errorf("%s: got %v, want a conflict", id, err)
		}
	}
}

func TestRewindTwice(t *testing.T) {
	t.Parallel()
	w := failedAfterActivity(t)
	for range 2 {
		w.do(Rewind{ID: "a"})
		w.rewind("a")
		w.turn("a", actTask(2, "bad"))
		w.activityFailed("a", 2)
		w.turn("a", actComplete(3, failed, ""))
		w.wantStatus("a", failed)
	}
	rewound := 0
	for _, e := range w.live["a"].History {
		if e.GetExecutionRewound() != nil {
			rewound++
		}
	}
	if rewound != 2 {
		t.Errorf("history tells of %d rewinds, want 2", rewound)
	}
}

// TestWhatWasUnderWayIsScheduledAgain: a failure ends what the execution had
// under way besides.
func TestWhatWasUnderWayIsScheduledAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actTask(1, "bad"), actTask(2, "slow"), actTimer(3, w.now.Add(time.Hour)), actChild(4, "c"))
	old := TaskKey{"a", w.live["a"].Record.GetGeneration(), 2}
	w.activityFailed("a", 1)
	w.turn("a", actComplete(5, failed, ""))
	w.do(Rewind{ID: "a"})
	w.do(ActivityDone{Task: old, Result: text1("late")})
	w.rewind("a")
	w.wantInbox("a", "-1 executionRewound")
	if len(w.fx.Tasks) != 1 || w.fx.Tasks[0].TaskID != 2 || w.fx.Tasks[0].Task.GetScheduled().GetName() != "slow" || len(w.fx.Timers) != 1 {
		t.Errorf("scheduled again: %+v %+v", w.fx.Tasks, w.fx.Timers)
	}
	w.do(ActivityDone{Task: old, Result: text1("late")})
	w.turn("a", actTask(1, "bad"))
	w.activityDone("a", 1, "r")
	w.activityDone("a", 2, "r")
	w.turn("c", actComplete(1, completed, "r"))
	w.wait(2 * time.Hour)
	w.wantInbox("a", "-1 taskCompleted of 1", "-1 taskCompleted of 2", "-1 subOrchestrationInstanceCompleted of 4", "-1 timerFired of 3")
}

func TestChildrenOfARewoundInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actChild(1, "failed"), actChild(2, "purged"), actChild(3, "completed"), actChild(4, "live"), actChild(5, "terminated"), actChild(6, "taken"))
	for _, id := range []string{"failed", "purged"} {
		w.turn(id, actTask(1, "bad"))
		w.activityFailed(id, 1)
		w.turn(id, actComplete(2, failed, ""))
	}
	w.turn("a")
	w.turn("terminated", actComplete(1, terminated, ""))
	w.turn("taken", actComplete(1, failed, ""))
	w.turn("a", actComplete(7, failed, ""))
	w.turn("completed", actComplete(1, completed, "out")) // nobody heard of it
	n := 0
	w.do(Purge{ID: "purged", Deleted: &n})
	w.start("taken")
	taken := w.live["taken"].Record.GetExecutionId()

	w.do(Rewind{ID: "a", Reason: text1("why")})
	w.rewind("a")
	execution := w.live["a"].Record.GetExecutionId()
	w.wantInbox("a", "-1 executionRewound", "-1 subOrchestrationInstanceCompleted of 3",
		"-1 subOrchestrationInstanceFailed of 5 OrchestrationTerminated", "-1 subOrchestrationInstanceFailed of 6 OrchestrationAlreadyExists")
	w.wantStatus("failed", running)
	w.wantStatus("purged", pending)
	w.wantStatus("live", pending)
	if w.live["taken"].Record.GetExecutionId() != taken {
		t.Error("an instance of somebody else was replaced")
	}
	request := w.live["failed"].Inbox[0].Event.GetExecutionRewound()
	if request.GetParentExecutionId().GetValue() != execution || request.GetInstanceId().GetValue() != "failed" || request.GetReason().GetValue() != "why" {
		t.Errorf("the child's request is %v", request)
	}
	w.rewind("failed")
	w.turn("failed", actTask(1, "bad"))
	w.activityDone("failed", 1, "r")
	for _, id := range []string{"failed", "purged", "live"} {
		w.turn(id, actComplete(2, completed, id))
	}
	w.turn("a")
	w.wantInbox("a", "-1 subOrchestrationInstanceCompleted of 3", "-1 subOrchestrationInstanceFailed of 5 OrchestrationTerminated",
		"-1 subOrchestrationInstanceFailed of 6 OrchestrationAlreadyExists",
		"-1 subOrchestrationInstanceCompleted of 1", "-1 subOrchestrationInstanceCompleted of 2", "-1 subOrchestrationInstanceCompleted of 4")
	if got := w.live["failed"].Started().GetParentInstance().GetOrchestrationInstance().GetExecutionId().GetValue(); got != execution {
		t.Errorf("the child's parent is execution %q, want %q", got, execution)
	}
}

func TestMessagesDuringARewindWaitForItsEnd(t *testing.T) {
	t.Parallel()
	w := failedAfterActivity(t)
	w.do(Rewind{ID: "a"})
	w.do(Raise{ID: "a", Name: "e1"})
	past, events := w.live["a"].History, w.deliver("a")
	if len(events) != 2 {
		t.Errorf("the rewind comes with %v", shorts(events))
	}
	w.do(Raise{ID: "a", Name: "e2"})
	w.restart()
	events = w.deliver("a") // again
	w.do(w.answer("a", events, rewrite(past, events, "x")))
	w.wantInbox("a", "-1 executionRewound", "-1 eventRaised e1", "-1 eventRaised e2")
	w.turn("a")
	w.turn("a")
	w.wantInbox("a")
}

// TestRewindThatFailsLeavesTheFailure: the instance is as it was, and the row of
// the request is no message of a later rewind.
func TestRewindThatFailsLeavesTheFailure(t *testing.T) {
	t.Parallel()
	none := &dtspb.OrchestratorAction{OrchestratorActionType: &dtspb.OrchestratorAction_RewindOrchestration{RewindOrchestration: &dtspb.RewindOrchestrationAction{}}}
	history := func(f func([]*dtspb.HistoryEvent) []*dtspb.HistoryEvent) func(*world, []*dtspb.HistoryEvent) Command {
		return func(w *world, events []*dtspb.HistoryEvent) Command {
			a := rewrite(w.live["c"].History, events, "x")
			a.GetRewindOrchestration().NewHistory = f(a.GetRewindOrchestration().GetNewHistory())
			return w.answer("c", events, a)
		}
	}
	for name, end := range map[string]func(*world, []*dtspb.HistoryEvent) Command{
		"another action": func(w *world, es []*dtspb.HistoryEvent) Command {
			return w.answer("c", es, actComplete(1, completed, ""))
		},
		"no action":  func(w *world, es []*dtspb.HistoryEvent) Command { return w.answer("c", es) },
		"no history": func(w *world, es []*dtspb.HistoryEvent) Command { return w.answer("c", es, none) },
		"it is abandoned": func(w *world, _ []*dtspb.HistoryEvent) Command {
			return RewindFailed{ID: "c", Gen: w.live["c"].Record.GetGeneration()}
		},
		"it is poison": func(w *world, _ []*dtspb.HistoryEvent) Command {
			return Fail{ID: "c", Gen: w.live["c"].Record.GetGeneration(), Failure: failure("Poison", "")}
		},
		"a history with an end": history(func(h []*dtspb.HistoryEvent) []*dtspb.HistoryEvent {
			return append(h, &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_ExecutionCompleted{ExecutionCompleted: &dtspb.ExecutionCompletedEvent{}}})
		}),
		"a history without a start": history(func(h []*dtspb.HistoryEvent) []*dtspb.HistoryEvent { return h[2:] }),
		"a history with two starts": history(func(h []*dtspb.HistoryEvent) []*dtspb.HistoryEvent { return append(h, h[1]) }),
		"a history with nothing":    history(func(h []*dtspb.HistoryEvent) []*dtspb.HistoryEvent { return append(h, nil) }),
	} {
		w := newWorld(t)
		w.start("a")
		w.turn("a", actChild(1, "c"))
		w.turn("c", actTask(1, "bad"))
		w.activityFailed("c", 1)
		w.turn("c", actComplete(2, failed, "out"))
		before := proto.CloneOf(w.live["c"].Record)
		w.do(Rewind{ID: "c"})
		w.do(Raise{ID: "c", Name: "e"})
		w.do(end(w, w.deliver("c")))
		after := proto.CloneOf(w.live["c"].Record)
		after.Updated = before.GetUpdated()
		if !proto.Equal(before, after) {
			t.Errorf("%s: instance was\n%v and is\n%v", name, before, after)
		}
		w.do(Rewind{ID: "c"})
		w.wantInbox("c", "-1 executionRewound")
	}
}

// TestParentHearsOfARewindThatFails: it was rewound too and waits for the child.
func TestParentHearsOfARewindThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actChild(1, "c"))
	w.turn("c", actComplete(1, failed, ""))
	w.turn("a", actComplete(2, failed, ""))
	w.do(Rewind{ID: "a"})
	w.rewind("a")
	w.do(RewindFailed{ID: "c", Gen: w.live["c"].Record.GetGeneration()})
	w.wantInbox("a", "-1 executionRewound", "-1 subOrchestrationInstanceFailed of 1 OrchestrationFailed")
	if err := w.try(RewindFailed{ID: "c", Gen: w.live["c"].Record.GetGeneration()}); !errors.Is(err, ErrStale) {
		t.Errorf("a second time: got %v, want ErrStale", err)
	}
}

// TestInboxOfAFailedInstanceIsGone: what its last turn did not see must not come
// back with a rewind.
func TestInboxOfAFailedInstanceIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	events := w.deliver("a")
	w.do(Raise{ID: "a", Name: "late"})
	w.do(w.answer("a", events, actComplete(1, failed, "")))
	w.do(Rewind{ID: "a"})
	w.restart()
	w.wantInbox("a", "-1 executionRewound")
}

func TestRewoundInstanceKeepsAnExecutionIDOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{"none": "", "the old one": "old", "one with a zero byte": "\x00"} {
		w := failedAfterActivity(t)
		old := w.live["a"].Record.GetExecutionId()
		if id == "old" {
			id = old
		}
		w.do(Rewind{ID: "a"})
		past, events := w.live["a"].History, w.deliver("a")
		w.do(w.answer("a", events, rewrite(past, events, id)))
		got := w.live["a"].Record.GetExecutionId()
		if len(got) != 32 || got == old {
			t.Errorf("%s: execution id is %q", name, got)
		}
	}
}

func TestSuspensionOutlivesARewind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.do(Suspend{ID: "a"})
	w.turn("a", actTask(1, "t"))
	w.activityDone("a", 1, "r")
	w.do(Fail{ID: "a", Gen: w.live["a"].Record.GetGeneration(), Failure: failure("Poison", "")})
	w.do(Rewind{ID: "a"})
	w.rewind("a")
	w.wantStatus("a", suspended)
}

func TestExecutionsEntangledWithEntitiesAreNotRewound(t *testing.T) {
	t.Parallel()
	turn := &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_OrchestratorStarted{OrchestratorStarted: &dtspb.OrchestratorStartedEvent{}}}
	want := &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_EntityLockRequested{EntityLockRequested: &dtspb.EntityLockRequestedEvent{CriticalSectionId: "s", LockSet: []string{"@e@1", "@e@2"}}}}
	granted := &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_EntityLockGranted{EntityLockGranted: &dtspb.EntityLockGrantedEvent{CriticalSectionId: "s"}}}
	unlock := func(id string) *dtspb.HistoryEvent {
		return &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_EntityUnlockSent{EntityUnlockSent: &dtspb.EntityUnlockSentEvent{CriticalSectionId: "s", TargetInstanceId: wrapperspb.String(id)}}}
	}
	call := &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_EntityOperationCalled{EntityOperationCalled: &dtspb.EntityOperationCalledEvent{RequestId: "r"}}}
	answered := &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_EntityOperationCompleted{EntityOperationCompleted: &dtspb.EntityOperationCompletedEvent{RequestId: "r"}}}
	refused := &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_EntityOperationFailed{EntityOperationFailed: &dtspb.EntityOperationFailedEvent{RequestId: "r"}}}
	const locked, waits = "failed while it had an entity locked", "failed while it waited for an entity"
	for name, tc := range map[string]struct {
		history []*dtspb.HistoryEvent
		want    string
	}{
		"nothing":                         {[]*dtspb.HistoryEvent{turn}, ""},
		"a call with an answer":           {[]*dtspb.HistoryEvent{turn, call, turn, answered}, ""},
		"a call that failed":              {[]*dtspb.HistoryEvent{turn, call, turn, refused}, ""},
		"a call without answer":           {[]*dtspb.HistoryEvent{turn, call}, waits},
		"a lock not granted":              {[]*dtspb.HistoryEvent{turn, want}, waits},
		"a lock":                          {[]*dtspb.HistoryEvent{turn, want, turn, granted}, locked},
		"a lock of half the set":          {[]*dtspb.HistoryEvent{turn, want, turn, granted, turn, unlock("@E@1"), turn}, locked},
		"a lock given up":                 {[]*dtspb.HistoryEvent{turn, want, turn, granted, turn, unlock("@E@1"), unlock("@e@2"), turn}, ""},
		"a lock that the failure gave up": {[]*dtspb.HistoryEvent{turn, want, turn, granted, turn, unlock("@e@1"), unlock("@e@2")}, locked},
	} {
		if got := entangled(tc.history); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
	w := newWorld(t)
	w.start("a")
	w.turn("a", actComplete(1, failed, ""))
	in := w.live["a"]
	in.History = append([]*dtspb.HistoryEvent{call}, in.History...)
	err := Rewind{ID: "a"}.apply(&State{parts: []part{{id: "a", in: in}}}, w.now)
	if !errors.Is(err, ErrConflict) {
		t.Errorf("got %v, want a conflict", err)
	}
}

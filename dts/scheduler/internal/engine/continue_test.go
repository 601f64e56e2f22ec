package engine

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestContinueAsNewBeginsAnExecution(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	trace := &dtspb.TraceContext{TraceParent: "p"}
	w.do(Start{Request: &dtspb.CreateInstanceRequest{
		InstanceId: "a", Name: "orc", Version: text1("1"), Input: text1("one"), Tags: map[string]string{"k": "v"}, ParentTraceContext: trace,
	}})
	answer := w.answer("a", w.deliver("a"), actComplete(1, continued, "two"))
	answer.Response.CustomStatus = text1("status")
	before := proto.CloneOf(w.live["a"].Record)
	w.do(answer)
	in := w.live["a"]
	w.wantStatus("a", running)
	w.wantHistory("a")
	w.wantInbox("a", "0 executionStarted")
	want := &dtspb.ExecutionStartedEvent{
		Name: "orc", Version: text1("1"), Input: text1("two"), Tags: map[string]string{"k": "v"}, ParentTraceContext: trace,
		OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: "a", ExecutionId: text1(in.Record.GetExecutionId())},
	}
	if diff := gocmp.Diff(want, in.Started(), protocmp.Transform()); diff != "" {
		t.Errorf("ExecutionStarted (-want +got):\n%s", diff)
	}
	rec := in.Record
	if rec.GetGeneration() == before.GetGeneration() || rec.GetExecutionId() == before.GetExecutionId() || rec.GetCreated() != before.GetCreated() ||
		rec.GetCustomStatus().GetValue() != "status" || rec.GetTurn() != 0 {
		t.Errorf("got %v", rec)
	}
	a := actComplete(1, continued, "three")
	a.GetCompleteOrchestration().NewVersion = text1("2")
	w.turn("a", a)
	if got := w.live["a"].Started().GetVersion().GetValue(); got != "2" {
		t.Errorf("version: got %q, want 2", got)
	}
}

// TestContinueAsNewKeepsWhatIsTheInstances: events and requests; what was for the
// old execution is dropped.
func TestContinueAsNewKeepsWhatIsTheInstances(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actTask(1, "t"), actTask(2, "t"), actTimer(3, w.now.Add(time.Second)), actChild(4, "c"))
	old := w.live["a"].Record.GetGeneration()
	w.do(Raise{ID: "a", Name: "delivered"})
	w.do(Raise{ID: "a", Name: "sent back"})
	a := actComplete(5, continued, "next")
	a.GetCompleteOrchestration().CarryoverEvents = []*dtspb.HistoryEvent{
		raised("carried 1", ""), raised("carried 2", ""),
		{EventId: -1, EventType: &dtspb.HistoryEvent_ExecutionStarted{ExecutionStarted: &dtspb.ExecutionStartedEvent{}}}, // nonsense
	}
	answer := w.answer("a", w.deliver("a"), actSend(6, "a", "to itself"), a)
	answer.Response.NumEventsProcessed = wrapperspb.Int32(1)
	w.activityDone("a", 1, "too late")
	w.turn("c", actComplete(1, completed, ""))
	w.wait(2 * time.Second)
	w.do(Raise{ID: "a", Name: "meanwhile"})
	w.do(Terminate{ID: "a"})
	w.do(answer)
	w.do(ActivityDone{Task: TaskKey{"a", old, 2}, Result: text1("too late")})
	w.wantInbox("a", "0 executionStarted", "-1 eventRaised carried 1", "-1 eventRaised carried 2",
		"-1 eventRaised sent back", "-1 eventRaised meanwhile", "-1 executionTerminated", "-1 eventRaised to itself")
	w.restart()
	w.turn("a", actTask(1, "t"))
	w.do(ActivityDone{Task: TaskKey{"a", old, 1}, Result: text1("too late")})
	w.wantInbox("a")
	w.activityDone("a", 1, "in time")
	w.wantInbox("a", "-1 taskCompleted of 1")
}

func TestContinuedChildTellsItsParentAtTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actChild(1, "c"))
	w.turn("c", actComplete(1, continued, ""))
	w.turn("c", actComplete(1, continued, ""))
	w.wantInbox("a")
	w.turn("c", actComplete(1, completed, "out"))
	w.wantInbox("a", "-1 subOrchestrationInstanceCompleted of 1")
}

func TestContinueAsNewOfASuspendedInstanceRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.do(Suspend{ID: "a"})
	w.turn("a", actComplete(1, continued, ""))
	w.wantStatus("a", running)
}

func TestTerminationWinsOverContinueAsNew(t *testing.T) {
	t.Parallel()
	for name, actions := range map[string][]*dtspb.OrchestratorAction{
		"terminated last":  {actComplete(1, continued, "next"), actComplete(2, terminated, "out")},
		"terminated first": {actComplete(1, terminated, "out"), actComplete(2, continued, "next")},
	} {
		w := newWorld(t)
		w.start("a")
		w.turn("a", actions...)
		w.wantStatus("a", terminated)
		if got := w.live["a"].Record.GetOutput().GetValue(); got != "out" {
			t.Errorf("%s: output is %q", name, got)
		}
	}
}

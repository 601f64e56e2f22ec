package engine

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestChildKnowsItsParent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(Start{Request: &dtspb.CreateInstanceRequest{InstanceId: "a", Name: "orc", Version: text1("1"), Tags: map[string]string{"p": "1", "both": "p", fireAndForget: "x"}}})
	a := actChild(7, "c")
	a.GetCreateSubOrchestration().Version = text1("2")
	a.GetCreateSubOrchestration().Tags = map[string]string{"c": "2", "both": "c"}
	w.turn("a", a)
	parent := w.live["a"].Record
	want := &dtspb.ExecutionStartedEvent{
		Name: "child", Version: text1("2"), Input: text1("x"), Tags: map[string]string{"p": "1", "c": "2", "both": "c"},
		OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: "c", ExecutionId: text1(w.live["c"].Record.GetExecutionId())},
		ParentInstance: &dtspb.ParentInstanceInfo{
			TaskScheduledId: 7, Name: text1("orc"), Version: text1("1"),
			OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: "a", ExecutionId: text1(parent.GetExecutionId())},
		},
	}
	if diff := gocmp.Diff(want, w.live["c"].Started(), protocmp.Transform()); diff != "" {
		t.Errorf("ExecutionStarted (-want +got):\n%s", diff)
	}
	if len(parent.GetTags()) != 3 {
		t.Errorf("the parent's tags became %v", parent.GetTags())
	}
}

func TestOutcomeOfAChild(t *testing.T) {
	t.Parallel()
	details := &dtspb.TaskFailureDetails{
		ErrorType: "E", ErrorMessage: "m", StackTrace: text1("s"), IsNonRetriable: true,
		InnerFailure: &dtspb.TaskFailureDetails{ErrorType: "inner"},
	}
	failing := actComplete(1, failed, "")
	failing.GetCompleteOrchestration().FailureDetails = details
	old := actComplete(1, failed, "")
	old.GetCompleteOrchestration().Details = text1("an SDK without failure details")
	for name, tc := range map[string]struct {
		end  *dtspb.OrchestratorAction
		want *dtspb.TaskFailureDetails
	}{
		"completed":          {actComplete(1, completed, "out"), nil},
		"failed":             {failing, details},
		"failed in old form": {old, failure("OrchestrationFailed", "an SDK without failure details")},
		"terminated":         {actComplete(1, terminated, `"why"`), failure("OrchestrationTerminated", "why")},
		"canceled":           {actComplete(1, canceled, "raw"), failure("OrchestrationTerminated", "raw")},
	} {
		w := newWorld(t)
		w.start("a")
		w.turn("a", actChild(7, "c"))
		w.turn("c", tc.end)
		e := w.live["a"].Inbox[0].Event
		if diff := gocmp.Diff(tc.want, e.GetSubOrchestrationInstanceFailed().GetFailureDetails(), protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got := e.GetSubOrchestrationInstanceCompleted().GetResult().GetValue(); tc.want == nil && got != "out" {
			t.Errorf("%s: result is %q", name, got)
		}
	}
}

func TestChildWithoutAnIDGetsOneOfItsParents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actChild(0x1f, ""))
	want := w.live["a"].Record.GetExecutionId() + ":001f"
	if w.live[want] == nil {
		t.Errorf("no instance %q", want)
	}
	w.wantHistory("a", "-1 orchestratorStarted", "0 executionStarted", "31 subOrchestrationInstanceCreated "+want)
}

func TestIDOfAChildThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ id, kind string }{
		"a live instance's": {"live", OrchestrationAlreadyExists},
		"its parent's own":  {"a", OrchestrationAlreadyExists},
		"too long":          {strings.Repeat("x", 101), InvalidInstanceID},
		"with a zero byte":  {"a\x00b", InvalidInstanceID},
		"an entity's":       {"@counter@1", InvalidInstanceID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start("a")
			w.start("live")
			generation := w.live["live"].Record.GetGeneration()
			w.turn("a", actChild(7, tc.id))
			w.wantInbox("a", "-1 subOrchestrationInstanceFailed of 7 "+tc.kind)
			if len(w.live) != 2 || w.live["live"].Record.GetGeneration() != generation {
				t.Errorf("got %v", w.live)
			}
			w.restart()
			w.turn("a", actComplete(8, completed, ""))
		})
	}
}

// TestChildMayTakeTheIDOfAnEndedInstance: Python's retries do.
func TestChildMayTakeTheIDOfAnEndedInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	for id := range int32(3) {
		w.turn("a", actChild(id, "c"))
		w.turn("c", actComplete(1, failed, ""))
	}
	w.wantInbox("a", "-1 subOrchestrationInstanceFailed of 2 OrchestrationFailed")
}

func TestOutcomeForAnExecutionThatIsGoneIsDropped(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*world){
		"continued": func(w *world) { w.turn("a", actComplete(2, continued, "")) },
		"completed": func(w *world) { w.turn("a", actComplete(2, completed, "")) },
		"replaced":  func(w *world) { w.do(replaceAll("a")) },
		"purged": func(w *world) {
			w.turn("a", actComplete(2, completed, ""))
			w.do(Purge{ID: "a", Deleted: new(int)})
		},
	} {
		w := newWorld(t)
		w.start("a")
		w.turn("a", actChild(1, "c"))
		w.do(Raise{ID: "a", Name: "e"})
		end(w)
		before := fmt.Sprint(w.live["a"])
		w.turn("c", actComplete(1, completed, ""))
		if got := fmt.Sprint(w.live["a"]); got != before {
			t.Errorf("%s: the outcome changed the parent to %s", name, got)
		}
	}
}

func TestEventsBetweenInstances(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.start("b")
	w.start("ended")
	w.turn("ended", actComplete(1, completed, ""))
	w.turn("a", actSend(1, "b", "to b"), actSend(2, "a", "to a"), actSend(3, "nobody", "lost"), actSend(4, "ended", "lost"), actSend(5, "", "lost"))
	w.wantHistory("a", "-1 orchestratorStarted", "0 executionStarted",
		"1 eventSent to b", "2 eventSent to a", "3 eventSent lost", "4 eventSent lost", "5 eventSent lost")
	w.wantInbox("a", "-1 eventRaised to a")
	w.wantInbox("b", "0 executionStarted", "-1 eventRaised to b")
	if got := w.live["b"].Inbox[1].Event.GetEventRaised().GetInput().GetValue(); got != "x" {
		t.Errorf("payload: got %q", got)
	}
}

func TestOrchestratorTerminatesOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []string{"a", "pending", "running"} {
		w.start(id)
	}
	w.turn("running")
	w.turn("a", actTerminate(1, "pending", false), actTerminate(2, "running", true), actTerminate(3, "nobody", false), actTerminate(4, "a", false))
	w.wantStatus("pending", terminated)
	w.wantInbox("running", "-1 executionTerminated")
	w.wantInbox("a", "-1 executionTerminated")
	w.wantHistory("a", "-1 orchestratorStarted", "0 executionStarted")
}

package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// TestHistoryOfAnActivity and TestHistoryOfATimerAndAChild are the sequences
// that the JavaScript SDK's own tests expect of DTS.
func TestHistoryOfAnActivity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actTask(1, "hello"))
	w.activityDone("a", 1, "hi")
	w.turn("a", actComplete(2, completed, "done"))
	w.wantHistory("a",
		"-1 orchestratorStarted", "0 executionStarted", "1 taskScheduled hello",
		"-1 orchestratorStarted", "-1 taskCompleted of 1", "2 executionCompleted completed")
	w.wantStatus("a", completed)
	for _, e := range w.live["a"].History {
		if e.GetTimestamp() == nil {
			t.Errorf("%s has no timestamp", short(e))
		}
	}
	if last := w.live["a"].History[5].GetExecutionCompleted(); last.GetResult().GetValue() != "done" {
		t.Errorf("got %v", last)
	}
}

func TestHistoryOfATimerAndAChild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actTask(1, "hello"))
	w.activityDone("a", 1, "hi")
	w.turn("a", actTimer(2, w.now.Add(time.Second)))
	w.wait(2 * time.Second)
	w.turn("a", actChild(3, "c"))
	w.turn("c", actComplete(1, completed, "out"))
	w.turn("a", actComplete(4, completed, ""))
	w.wantHistory("a",
		"-1 orchestratorStarted", "0 executionStarted", "1 taskScheduled hello",
		"-1 orchestratorStarted", "-1 taskCompleted of 1", "2 timerCreated",
		"-1 orchestratorStarted", "-1 timerFired of 2", "3 subOrchestrationInstanceCreated c",
		"-1 orchestratorStarted", "-1 subOrchestrationInstanceCompleted of 3", "4 executionCompleted completed")
}

func TestMessageGoesToTheNextTurnThatIsNotAtAWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.do(Raise{ID: "a", Name: "first"})
	events := w.deliver("a")
	w.do(Raise{ID: "a", Name: "second"})
	w.do(Raise{ID: "a", Name: "third"})
	var got [][2]uint32
	for _, m := range w.live["a"].Inbox {
		got = append(got, [2]uint32{m.Turn, m.Slot})
	}
	if diff := gocmp.Diff([][2]uint32{{1, 1}, {1, 2}, {2, 1}, {2, 2}}, got); diff != "" {
		t.Errorf("turns and slots (-want +got):\n%s", diff)
	}
	w.do(w.answer("a", events))
	w.wantHistory("a", "-1 orchestratorStarted", "0 executionStarted", "-1 eventRaised first")
	w.wantInbox("a", "-1 eventRaised second", "-1 eventRaised third")
	w.turn("a")
	w.wantInbox("a")
}

func TestRedeliveryHasTheSameMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.do(Raise{ID: "a", Name: "first"})
	once := w.deliver("a")
	w.do(Raise{ID: "a", Name: "second"})
	again := w.deliver("a")
	if diff := gocmp.Diff(shorts(once), shorts(again)); diff != "" {
		t.Errorf("redelivery (-first +second):\n%s", diff)
	}
	if !again[0].GetTimestamp().AsTime().After(once[0].GetTimestamp().AsTime()) {
		t.Error("the clock of the second delivery is not later")
	}
	w.do(w.answer("a", again))
	w.wantInbox("a", "-1 eventRaised second")
}

func TestMessagesThatAWorkerSendsBackComeFirst(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		processed int32
		history   []string
		inbox     []string
	}{
		"one of three": {1, []string{"-1 orchestratorStarted", "0 executionStarted"}, []string{"-1 eventRaised 1", "-1 eventRaised 2", "-1 eventRaised 3"}},
		"two of three": {2, []string{"-1 orchestratorStarted", "0 executionStarted", "-1 eventRaised 1"}, []string{"-1 eventRaised 2", "-1 eventRaised 3"}},
		"all":          {3, []string{"-1 orchestratorStarted", "0 executionStarted", "-1 eventRaised 1", "-1 eventRaised 2"}, []string{"-1 eventRaised 3"}},
		"too many":     {9, []string{"-1 orchestratorStarted", "0 executionStarted", "-1 eventRaised 1", "-1 eventRaised 2"}, []string{"-1 eventRaised 3"}},
		// The first event of an execution cannot be sent back.
		"none":     {0, []string{"-1 orchestratorStarted", "0 executionStarted"}, []string{"-1 eventRaised 1", "-1 eventRaised 2", "-1 eventRaised 3"}},
		"nonsense": {-7, []string{"-1 orchestratorStarted", "0 executionStarted"}, []string{"-1 eventRaised 1", "-1 eventRaised 2", "-1 eventRaised 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start("a")
			w.do(Raise{ID: "a", Name: "1"})
			w.do(Raise{ID: "a", Name: "2"})
			answer := w.answer("a", w.deliver("a"))
			w.do(Raise{ID: "a", Name: "3"})
			answer.Response.NumEventsProcessed = wrapperspb.Int32(tc.processed)
			w.do(answer)
			w.wantHistory("a", tc.history...)
			w.wantInbox("a", tc.inbox...)
			if got := w.live["a"].Started().GetInput().GetValue(); got != "in" {
				t.Errorf("input: got %q", got)
			}
			w.restart()
			w.wantInbox("a", tc.inbox...)
			events := w.turn("a")
			if diff := gocmp.Diff(tc.inbox, shorts(events[1:])); diff != "" {
				t.Errorf("next turn (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTimerThatIsSentBackFiresAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actTimer(1, w.now.Add(time.Second)))
	w.wait(2 * time.Second)
	w.do(Raise{ID: "a", Name: "e"})
	answer := w.answer("a", w.deliver("a"))
	answer.Response.NumEventsProcessed = wrapperspb.Int32(0)
	w.do(answer)
	w.restart()
	w.turn("a")
	w.wantHistory("a", "-1 orchestratorStarted", "0 executionStarted", "1 timerCreated",
		"-1 orchestratorStarted", "-1 orchestratorStarted", "-1 eventRaised e", "-1 timerFired of 1")
}

func TestAnswerIsStaleWhenTheTurnIsNotAtAWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	answer := w.answer("a", w.deliver("a"))
	w.do(answer)
	for name, c := range map[string]Turn{
		"answered twice":   answer,
		"of another":       {ID: "b", Response: &dtspb.OrchestratorResponse{}},
		"of an older life": {ID: "a", Gen: answer.Gen - 1, Response: &dtspb.OrchestratorResponse{}},
	} {
		if err := w.try(c); !errors.Is(err, ErrStale) {
			t.Errorf("%s: got %v, want ErrStale", name, err)
		}
	}
	w.do(Raise{ID: "a", Name: "e"})
	answer = w.answer("a", w.deliver("a"), actComplete(1, completed, ""))
	w.do(answer)
	if err := w.try(answer); !errors.Is(err, ErrStale) {
		t.Errorf("answer for an ended instance: got %v, want ErrStale", err)
	}
}

func TestCustomStatusIsKeptUntilItIsSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	for _, tc := range []struct{ set, want *wrapperspb.StringValue }{{nil, nil}, {text1("s"), text1("s")}, {nil, text1("s")}, {text1(""), text1("")}} {
		w.do(Raise{ID: "a", Name: "e"})
		answer := w.answer("a", w.deliver("a"))
		answer.Response.CustomStatus = tc.set
		w.do(answer)
		if diff := gocmp.Diff(tc.want, w.live["a"].Record.GetCustomStatus(), protocmp.Transform()); diff != "" {
			t.Errorf("custom status after %v (-want +got):\n%s", tc.set, diff)
		}
	}
}

func TestTraceContextComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	answer := w.answer("a", w.deliver("a"))
	answer.Response.OrchestrationTraceContext = &dtspb.OrchestrationTraceContext{SpanID: text1("7")}
	w.do(answer)
	w.do(Raise{ID: "a", Name: "e"})
	w.turn("a")
	if got := w.live["a"].Record.GetTrace().GetSpanID().GetValue(); got != "7" {
		t.Errorf("got %q", got)
	}
}

func TestActivityIsHandedOutAsItWasScheduled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(Start{Request: &dtspb.CreateInstanceRequest{InstanceId: "a", Name: "orc", Version: text1("2")}})
	a := actTask(1, "hello")
	s := a.GetScheduleTask()
	s.Version, s.Tags, s.ParentTraceContext = text1(""), map[string]string{"k": "v"}, &dtspb.TraceContext{TraceParent: "p"}
	w.turn("a", a)
	if len(w.fx.Tasks) != 1 {
		t.Fatalf("got %d tasks", len(w.fx.Tasks))
	}
	task := w.fx.Tasks[0]
	want := &dtspb.TaskScheduledEvent{Name: "hello", Version: text1(""), Input: text1("x"), Tags: map[string]string{"k": "v"}, ParentTraceContext: &dtspb.TraceContext{TraceParent: "p"}}
	for what, got := range map[string]*dtspb.TaskScheduledEvent{"task": task.Task.GetScheduled(), "history": w.live["a"].History[2].GetTaskScheduled()} {
		if diff := gocmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	in := w.live["a"].Record
	if task.TaskKey != (TaskKey{"a", in.GetGeneration(), 1}) || task.Task.GetExecutionId() != in.GetExecutionId() || task.Task.GetOrchestrationVersion() != "2" {
		t.Errorf("got %+v", task)
	}
}

func TestOutcomeIsRecordedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actTask(1, "hello"))
	w.activityDone("a", 1, "first")
	w.activityDone("a", 1, "second")
	w.activityDone("a", 2, "never scheduled")
	w.do(ActivityDone{Task: TaskKey{"nobody", 1, 1}})
	w.wantInbox("a", "-1 taskCompleted of 1")
}

// TestTaskIDCanBeUsedAgain: Python's retries schedule under the id of the
// attempt before.
func TestTaskIDCanBeUsedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	details := &dtspb.TaskFailureDetails{
		ErrorType: "E", ErrorMessage: "m", StackTrace: text1("s"), IsNonRetriable: true,
		InnerFailure: &dtspb.TaskFailureDetails{ErrorType: "inner"},
	}
	for range 3 {
		w.turn("a", actTask(1, "hello"))
		w.do(ActivityDone{Task: TaskKey{"a", w.live["a"].Record.GetGeneration(), 1}, Failure: details})
		failed := w.live["a"].Inbox[0].Event.GetTaskFailed()
		if diff := gocmp.Diff(details, failed.GetFailureDetails(), protocmp.Transform()); diff != "" {
			t.Errorf("failure details (-sent +recorded):\n%s", diff)
		}
		w.restart()
	}
	w.turn("a", actTask(1, "hello"))
	w.activityDone("a", 1, "at last")
	w.turn("a", actComplete(2, completed, ""))
	if got := len(w.live["a"].History); got != 2+1+3*3+2+1 {
		t.Errorf("history has %d events: %v", got, shorts(w.live["a"].History))
	}
}

// TestWhatCannotBeCarriedOutFailsTheOrchestration: refusing the answer would
// only bring it back for ever.
func TestWhatCannotBeCarriedOutFailsTheOrchestration(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", maxPayload+1)
	oversize := func(a *dtspb.OrchestratorAction, set func(*dtspb.OrchestratorAction)) *dtspb.OrchestratorAction {
		set(a)
		return a
	}
	for name, tc := range map[string]struct {
		action *dtspb.OrchestratorAction
		kind   string
	}{
		"an action of nothing":       {&dtspb.OrchestratorAction{Id: 9}, UnsupportedAction},
		"a nil action":               {nil, UnsupportedAction},
		"a rewind":                   {&dtspb.OrchestratorAction{OrchestratorActionType: &dtspb.OrchestratorAction_RewindOrchestration{}}, UnsupportedAction},
		"an end that is none":        {actComplete(1, running, ""), UnsupportedAction},
		"a timer without a time":     {oversize(actTimer(1, time.Time{}), func(a *dtspb.OrchestratorAction) { a.GetCreateTimer().FireAt = nil }), UnsupportedAction},
		"a result that is too large": {actComplete(1, completed, large), PayloadTooLarge},
		"an input that is too large": {oversize(actTask(1, "t"), func(a *dtspb.OrchestratorAction) { a.GetScheduleTask().Input = text1(large) }), PayloadTooLarge},
		"a child's input too large":  {oversize(actChild(1, "c"), func(a *dtspb.OrchestratorAction) { a.GetCreateSubOrchestration().Input = text1(large) }), PayloadTooLarge},
		"an event that is too large": {oversize(actSend(1, "b", "e"), func(a *dtspb.OrchestratorAction) { a.GetSendEvent().Data = text1(large) }), PayloadTooLarge},
		"a reason that is too large": {oversize(actTerminate(1, "b", false), func(a *dtspb.OrchestratorAction) { a.GetTerminateOrchestration().Reason = text1(large) }), PayloadTooLarge},
		"a failure that is too large": {oversize(actComplete(1, failed, ""), func(a *dtspb.OrchestratorAction) {
			a.GetCompleteOrchestration().FailureDetails = &dtspb.TaskFailureDetails{ErrorMessage: large}
		}), PayloadTooLarge},
		"a carried event too large": {oversize(actComplete(1, continued, ""), func(a *dtspb.OrchestratorAction) {
			a.GetCompleteOrchestration().CarryoverEvents = []*dtspb.HistoryEvent{raised("e", large)}
		}), PayloadTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start("parent")
			w.turn("parent", actChild(7, "a"))
			w.turn("a", actTask(3, "before"), tc.action)
			w.wantStatus("a", failed)
			if f := w.live["a"].Record.GetFailure(); f.GetErrorType() != tc.kind || !f.GetIsNonRetriable() {
				t.Errorf("failure: got %v, want %s", f, tc.kind)
			}
			if len(w.rows.Tasks) != 0 || len(w.fx.Tasks) != 0 {
				t.Errorf("tasks: got %v, want none of that answer", w.fx.Tasks)
			}
			w.wantInbox("parent", "-1 subOrchestrationInstanceFailed of 7 "+tc.kind)
		})
	}
}

func TestCustomStatusThatIsTooLargeFailsTheOrchestration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	answer := w.answer("a", w.deliver("a"))
	answer.Response.CustomStatus = text1(strings.Repeat("x", maxPayload+1))
	w.do(answer)
	w.wantStatus("a", failed)
	if in := w.live["a"].Record; in.GetCustomStatus() != nil || in.GetFailure().GetErrorType() != PayloadTooLarge {
		t.Errorf("got %v", in)
	}
}

func TestResultOfAnActivityThatIsTooLargeFailsTheActivity(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", maxPayload+1)
	for name, done := range map[string]ActivityDone{
		"a result":  {Result: text1(large)},
		"a failure": {Failure: &dtspb.TaskFailureDetails{ErrorType: "E", ErrorMessage: large}},
	} {
		w := newWorld(t)
		w.start("a")
		w.turn("a", actTask(1, "hello"))
		done.Task = TaskKey{"a", w.live["a"].Record.GetGeneration(), 1}
		w.do(done)
		f := w.live["a"].Inbox[0].Event.GetTaskFailed().GetFailureDetails()
		if f.GetErrorType() != PayloadTooLarge || !f.GetIsNonRetriable() {
			t.Errorf("%s: got %v", name, f)
		}
	}
}

func raised(name, input string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, Timestamp: at(time.Unix(0, 0)), EventType: &dtspb.HistoryEvent_EventRaised{
		EventRaised: &dtspb.EventRaisedEvent{Name: name, Input: text1(input)},
	}}
}

func TestPoisonFailsTheInstanceInTheWorkersPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("parent")
	w.turn("parent", actChild(7, "a"))
	w.turn("a", actTask(1, "hello"), actTimer(2, w.now.Add(time.Hour)))
	w.do(Raise{ID: "a", Name: "e"})
	w.deliver("a")
	w.do(Raise{ID: "a", Name: "later"})
	gen := w.live["a"].Record.GetGeneration()
	w.do(Fail{ID: "a", Gen: gen, Failure: failure("Poison", "p")})
	w.wantStatus("a", failed)
	w.wantHistory("a", "-1 orchestratorStarted", "0 executionStarted", "1 taskScheduled hello", "2 timerCreated",
		"-1 orchestratorStarted", "-1 eventRaised e", "0 executionCompleted failed")
	w.wantInbox("parent", "-1 subOrchestrationInstanceFailed of 7 Poison")
	if len(w.rows.Tasks)+len(w.rows.Timers) != 0 {
		t.Errorf("left behind: %v %v", w.rows.Tasks, w.rows.Timers)
	}
	w.turn("parent")
	for name, c := range map[string]Fail{
		"ended": {ID: "a", Gen: gen}, "unknown": {ID: "nobody"}, "of another life": {ID: "parent", Gen: 99},
		"without a turn to take": {ID: "parent", Gen: w.live["parent"].Record.GetGeneration()},
	} {
		if err := w.try(c); !errors.Is(err, ErrStale) {
			t.Errorf("%s: got %v, want ErrStale", name, err)
		}
	}
}

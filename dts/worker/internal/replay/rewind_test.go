package replay

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestRewindTakesFailuresOutOfTheHistory(t *testing.T) {
	t.Parallel()
	start := begun("in")
	start.GetExecutionStarted().ParentInstance = &dtspb.ParentInstanceInfo{
		OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: "p", ExecutionId: wrapperspb.String("old parent")},
	}
	past := history{
		turn(0), start, taskScheduled(0, "good"), taskScheduled(1, "bad"), childCreated(2, "child"),
		turn(1), taskCompleted(0, "x"), taskFailed(1, "no"), childFailed(2, "no"), executionCompleted(3),
	}
	before := proto.CloneOf(start)
	events := history{turn(2), rewound("new parent")}

	got, ok := Rewind(past, events, func() string { return "new" })
	if !ok {
		t.Fatal("the item was not taken for a rewind")
	}
	renewed := proto.CloneOf(start)
	renewed.GetExecutionStarted().OrchestrationInstance.ExecutionId = wrapperspb.String("new")
	renewed.GetExecutionStarted().ParentInstance.OrchestrationInstance.ExecutionId = wrapperspb.String("new parent")
	want := &dtspb.OrchestratorAction{Id: -1, OrchestratorActionType: &dtspb.OrchestratorAction_RewindOrchestration{
		RewindOrchestration: &dtspb.RewindOrchestrationAction{NewHistory: history{
			turn(0), renewed, taskScheduled(0, "good"), childCreated(2, "child"), turn(1), taskCompleted(0, "x"), turn(2), rewound("new parent"),
		}},
	}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("action (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, start, protocmp.Transform()); diff != "" {
		t.Errorf("the received history was changed (-before +after):\n%s", diff)
	}
}

// TestRewindKeepsAttemptsThatWereFollowedByAnother: the timer between two attempts
// stays in history, and so must the failure that it came from. Only what failed last
// is done again, and a failure of something else beside it.
func TestRewindKeepsAttemptsThatWereFollowedByAnother(t *testing.T) {
	t.Parallel()
	run := returns(func(x *Turn, _ string) string {
		beside := x.Orchestration("child", "", []byte("1"), nil, nil)
		for range 3 {
			k := x.Activity("flaky", []byte("1"), nil, nil)
			k.Await()
			if r, f := k.Outcome(); f == nil {
				return r.GetValue() + await(beside)
			}
			await(x.Timer(x.Now()))
		}
		return "given up"
	})
	scheduledWith := func(e *dtspb.HistoryEvent) *dtspb.HistoryEvent {
		if s := e.GetTaskScheduled(); s != nil {
			s.Input = wrapperspb.String("1")
		}
		return e
	}
	past := history{
		turn(0), begun("in"), childCreated(0, "child"), scheduledWith(taskScheduled(1, "flaky")),
		turn(1), taskFailed(1, "no"), timerCreated(2), turn(2), timerFired(2), scheduledWith(taskScheduled(3, "flaky")),
		turn(3), childFailed(0, "no"), turn(4), taskFailed(3, "no"), executionCompleted(4),
	}
	got, ok := Rewind(past, history{turn(5), rewound("")}, func() string { return "new" })
	if !ok {
		t.Fatal("the item was not taken for a rewind")
	}
	turnAgain := New(only(run), &nobody{}, "i", "new")
	defer turnAgain.Close()
	turnAgain.Apply(got.GetRewindOrchestration().GetNewHistory(), true)
	turnAgain.Apply(history{turn(6), rewound("")}, false)
	want := []string{"3 activity flaky <1>"}
	if diff := cmp.Diff(want, show(turnAgain.Actions())); diff != "" {
		t.Errorf("actions after the rewind (-want +got):\n%s", diff)
	}
	turnAgain.Apply(history{scheduledWith(taskScheduled(3, "flaky")), turn(7), taskCompleted(3, "good"), childCompleted(0, " child")}, false)
	if got := turnAgain.Actions()[0].GetCompleteOrchestration().GetResult().GetValue(); got != "good child" {
		t.Errorf("ended with %q, want the good end", got)
	}
}

func TestOtherItemsAreNoRewind(t *testing.T) {
	t.Parallel()
	done := history{turn(0), begun(""), executionCompleted(0)}
	for _, test := range []struct {
		name         string
		past, events history
	}{
		{"without an end in the past", history{turn(0), begun("")}, history{turn(1), rewound("")}},
		{"with more events", done, history{turn(1), rewound(""), raised("x", "")}},
		{"with another event", done, history{turn(1), raised("x", "")}},
		{"with another first event", done, history{raised("x", ""), rewound("")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, ok := Rewind(test.past, test.events, nil); ok {
				t.Error("taken for a rewind")
			}
		})
	}
}

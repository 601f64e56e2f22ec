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

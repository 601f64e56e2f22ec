package dts_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

// readHistory reads the history that a server gives in these chunks.
func readHistory(t *testing.T, answer chunks) (got []dts.HistoryEvent, failed error) {
	t.Helper()
	c := serve(t, func(_ context.Context, _ string, req proto.Message) (proto.Message, error) {
		if r := req.(*dtspb.StreamInstanceHistoryRequest); r.GetInstanceId() != "o-7" || r.GetForWorkItemProcessing() {
			t.Errorf("request is %v", r)
		}
		return answer, nil
	})
	for e, err := range c.History(t.Context(), "o-7") {
		if failed != nil {
			t.Errorf("the sequence goes on after an error: %v, %v", e, err)
		}
		if failed = err; err == nil {
			got = append(got, e)
		}
	}
	return got, failed
}

func TestHistoryIsReadInOrderAcrossChunks(t *testing.T) {
	t.Parallel()
	at := func(n int64) *timestamppb.Timestamp { return &timestamppb.Timestamp{Seconds: n} }
	when := func(n int64) time.Time { return time.Unix(n, 0).UTC() }
	failure := &dtspb.TaskFailureDetails{ErrorMessage: "m"}
	text := wrapperspb.String
	got, err := readHistory(t, chunks{all: []*dtspb.HistoryChunk{
		{Events: []*dtspb.HistoryEvent{
			{EventId: -1, Timestamp: at(1), EventType: &dtspb.HistoryEvent_OrchestratorStarted{OrchestratorStarted: &dtspb.OrchestratorStartedEvent{}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_ExecutionStarted{ExecutionStarted: &dtspb.ExecutionStartedEvent{
				Name: "n", Version: text("2"), Input: text("1"), ScheduledStartTimestamp: at(2), Tags: map[string]string{"k": "v"},
				OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: "o-7", ExecutionId: text("e-1")},
				ParentInstance:        &dtspb.ParentInstanceInfo{OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: "o-1"}},
			}}},
			{EventId: 0, EventType: &dtspb.HistoryEvent_TaskScheduled{TaskScheduled: &dtspb.TaskScheduledEvent{Name: "a", Version: text("3"), Input: text("2")}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_TaskCompleted{TaskCompleted: &dtspb.TaskCompletedEvent{TaskScheduledId: 4, Result: text("")}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_TaskFailed{TaskFailed: &dtspb.TaskFailedEvent{TaskScheduledId: 5, FailureDetails: failure}}},
		}},
		{},
		{Events: []*dtspb.HistoryEvent{
			{EventId: 6, EventType: &dtspb.HistoryEvent_SubOrchestrationInstanceCreated{
				SubOrchestrationInstanceCreated: &dtspb.SubOrchestrationInstanceCreatedEvent{InstanceId: "c", Name: "s", Version: text("4"), Input: text("5")},
			}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_SubOrchestrationInstanceCompleted{
				SubOrchestrationInstanceCompleted: &dtspb.SubOrchestrationInstanceCompletedEvent{TaskScheduledId: 6, Result: text("7")},
			}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_SubOrchestrationInstanceFailed{
				SubOrchestrationInstanceFailed: &dtspb.SubOrchestrationInstanceFailedEvent{TaskScheduledId: 8, FailureDetails: failure},
			}},
			{EventId: 9, EventType: &dtspb.HistoryEvent_TimerCreated{TimerCreated: &dtspb.TimerCreatedEvent{FireAt: at(10)}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_TimerFired{TimerFired: &dtspb.TimerFiredEvent{FireAt: at(10), TimerId: 9}}},
			{EventId: 11, EventType: &dtspb.HistoryEvent_EventSent{EventSent: &dtspb.EventSentEvent{InstanceId: "d", Name: "e", Input: text("12")}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_EventRaised{EventRaised: &dtspb.EventRaisedEvent{Name: "e", Input: text("13")}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_ExecutionSuspended{ExecutionSuspended: &dtspb.ExecutionSuspendedEvent{Input: text("hold")}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_ExecutionResumed{ExecutionResumed: &dtspb.ExecutionResumedEvent{Input: text("go")}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_ExecutionRewound{ExecutionRewound: &dtspb.ExecutionRewoundEvent{Reason: text("again")}}},
			{EventId: 20, EventType: &dtspb.HistoryEvent_EntityOperationCalled{EntityOperationCalled: &dtspb.EntityOperationCalledEvent{
				RequestId: "r", Operation: "add", Input: text("21"), TargetInstanceId: text("@cart@a"),
			}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_EntityOperationCompleted{EntityOperationCompleted: &dtspb.EntityOperationCompletedEvent{RequestId: "r", Output: text("22")}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_EntityOperationFailed{EntityOperationFailed: &dtspb.EntityOperationFailedEvent{RequestId: "r", FailureDetails: failure}}},
			{EventId: 23, EventType: &dtspb.HistoryEvent_EntityOperationSignaled{EntityOperationSignaled: &dtspb.EntityOperationSignaledEvent{
				RequestId: "s", Operation: "add", Input: text("24"), TargetInstanceId: text("@cart@a"), ScheduledTime: at(25),
			}}},
			{EventId: 26, EventType: &dtspb.HistoryEvent_EntityLockRequested{EntityLockRequested: &dtspb.EntityLockRequestedEvent{CriticalSectionId: "c", LockSet: []string{"@a@1", "@b@2"}}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_EntityLockGranted{EntityLockGranted: &dtspb.EntityLockGrantedEvent{CriticalSectionId: "c"}}},
			{EventId: 27, EventType: &dtspb.HistoryEvent_EntityUnlockSent{EntityUnlockSent: &dtspb.EntityUnlockSentEvent{CriticalSectionId: "c", TargetInstanceId: text("@a@1")}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_GenericEvent{GenericEvent: &dtspb.GenericEvent{Data: text("g")}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_ContinueAsNew{ContinueAsNew: &dtspb.ContinueAsNewEvent{Input: text("14")}}},
			{EventId: -1, EventType: &dtspb.HistoryEvent_ExecutionTerminated{ExecutionTerminated: &dtspb.ExecutionTerminatedEvent{Input: text("15")}}},
			{EventId: 16, EventType: &dtspb.HistoryEvent_ExecutionCompleted{ExecutionCompleted: &dtspb.ExecutionCompletedEvent{
				OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED, Result: text("17"), FailureDetails: failure,
			}}},
			{EventId: 18},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []dts.HistoryEvent{
		{EventID: -1, Timestamp: when(1), Kind: "OrchestratorStarted"},
		{
			EventID: -1, Kind: "ExecutionStarted", Name: "n", Version: "2", Input: []byte("1"), InstanceID: "o-7", FireAt: when(2),
			ExecutionID: "e-1", ParentID: "o-1", Tags: map[string]string{"k": "v"},
		},
		{EventID: 0, Kind: "TaskScheduled", Name: "a", Version: "3", Input: []byte("2")},
		{EventID: -1, Kind: "TaskCompleted", TaskID: 4, Result: []byte{}},
		{EventID: -1, Kind: "TaskFailed", TaskID: 5, Failure: &dts.Failure{Message: "m"}},
		{EventID: 6, Kind: "SubOrchestrationInstanceCreated", InstanceID: "c", Name: "s", Version: "4", Input: []byte("5")},
		{EventID: -1, Kind: "SubOrchestrationInstanceCompleted", TaskID: 6, Result: []byte("7")},
		{EventID: -1, Kind: "SubOrchestrationInstanceFailed", TaskID: 8, Failure: &dts.Failure{Message: "m"}},
		{EventID: 9, Kind: "TimerCreated", FireAt: when(10)},
		{EventID: -1, Kind: "TimerFired", TaskID: 9, FireAt: when(10)},
		{EventID: 11, Kind: "EventSent", InstanceID: "d", Name: "e", Input: []byte("12")},
		{EventID: -1, Kind: "EventRaised", Name: "e", Input: []byte("13")},
		{EventID: -1, Kind: "ExecutionSuspended", Reason: "hold"},
		{EventID: -1, Kind: "ExecutionResumed", Reason: "go"},
		{EventID: -1, Kind: "ExecutionRewound", Reason: "again"},
		{EventID: 20, Kind: "EntityOperationCalled", Name: "add", InstanceID: "@cart@a", RequestID: "r", Input: []byte("21")},
		{EventID: -1, Kind: "EntityOperationCompleted", RequestID: "r", Result: []byte("22")},
		{EventID: -1, Kind: "EntityOperationFailed", RequestID: "r", Failure: &dts.Failure{Message: "m"}},
		{EventID: 23, Kind: "EntityOperationSignaled", Name: "add", InstanceID: "@cart@a", RequestID: "s", Input: []byte("24"), FireAt: when(25)},
		{EventID: 26, Kind: "EntityLockRequested", Name: "@a@1, @b@2", RequestID: "c"},
		{EventID: -1, Kind: "EntityLockGranted", RequestID: "c"},
		{EventID: 27, Kind: "EntityUnlockSent", InstanceID: "@a@1", RequestID: "c"},
		{EventID: -1, Kind: "GenericEvent", Input: []byte("g")},
		{EventID: -1, Kind: "ContinueAsNew", Input: []byte("14")},
		{EventID: -1, Kind: "ExecutionTerminated", Input: []byte("15")},
		{EventID: 16, Kind: "ExecutionCompleted", Status: dts.StatusFailed, Result: []byte("17"), Failure: &dts.Failure{Message: "m"}},
		{EventID: 18, Kind: "Unknown"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestHistoryTellsAnErrorAfterTheEventsBeforeIt(t *testing.T) {
	t.Parallel()
	got, err := readHistory(t, chunks{
		all: []*dtspb.HistoryChunk{{Events: []*dtspb.HistoryEvent{{EventId: 1}}}},
		err: status.Error(codes.NotFound, "purged meanwhile"),
	})
	if len(got) != 1 || !errors.Is(err, dts.ErrNotFound) || err.Error() != `read history of instance "o-7": not found: purged meanwhile` {
		t.Errorf("got %d events and %v, want one and ErrNotFound", len(got), err)
	}
}

func TestHistoryStreamEndsWhenTheReaderStops(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	c := serve(t, func(ctx context.Context, _ string, _ proto.Message) (proto.Message, error) {
		context.AfterFunc(ctx, func() { close(ended) })
		chunk := &dtspb.HistoryChunk{Events: []*dtspb.HistoryEvent{{EventId: 1}, {EventId: 2}}}
		return chunks{all: []*dtspb.HistoryChunk{chunk}}, nil
	})
	seen := 0
	for range c.History(t.Context(), "o-7") {
		seen++
		break
	}
	<-ended
	if seen != 1 {
		t.Errorf("read %d events after break, want 1", seen)
	}
}

func TestEveryKindOfHistoryEventHasItsName(t *testing.T) {
	t.Parallel()
	message := (&dtspb.HistoryEvent{}).ProtoReflect()
	members := message.Descriptor().Oneofs().ByName("eventType").Fields()
	var events []*dtspb.HistoryEvent
	for i := range members.Len() {
		e := &dtspb.HistoryEvent{EventId: int32(i)}
		e.ProtoReflect().Set(members.Get(i), protoreflect.ValueOfMessage(message.NewField(members.Get(i)).Message()))
		events = append(events, e)
	}
	got, err := readHistory(t, chunks{all: []*dtspb.HistoryChunk{{Events: events}}})
	if err != nil || len(got) != members.Len() {
		t.Fatalf("read %d events, %v; want %d", len(got), err, members.Len())
	}
	for i, e := range got {
		name := string(members.Get(i).Name())
		if e.EventID != i || len(e.Kind) != len(name) || e.Kind[1:] != name[1:] || e.Kind[0] != name[0]-'a'+'A' {
			t.Errorf("event %d of %s has kind %q", e.EventID, name, e.Kind)
		}
	}
}

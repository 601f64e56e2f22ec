package worker

import (
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// Kinds of entries that [Replay] looks at itself.
const (
	kindOrchestratorStarted   = "OrchestratorStarted"
	kindOrchestratorCompleted = "OrchestratorCompleted"
	kindExecutionStarted      = "ExecutionStarted"
	kindExecutionCompleted    = "ExecutionCompleted"
	kindExecutionRewound      = "ExecutionRewound"
)

// toEvent makes an entry of a history what a turn takes: everything that it looks
// at. Kinds without a case have no say in replay.
func toEvent(e dts.HistoryEvent) *dtspb.HistoryEvent {
	input, result, failure := wire.FromPayload(e.Input), wire.FromPayload(e.Result), wire.FromFailure(e.Failure)
	task := int32(e.TaskID)
	p := &dtspb.HistoryEvent{EventId: int32(e.EventID), Timestamp: optionalTime(e.Timestamp)}
	switch e.Kind {
	case kindOrchestratorStarted:
		p.EventType = &dtspb.HistoryEvent_OrchestratorStarted{OrchestratorStarted: &dtspb.OrchestratorStartedEvent{}}
	case kindExecutionStarted:
		p.EventType = &dtspb.HistoryEvent_ExecutionStarted{ExecutionStarted: started(e)}
	case "TaskScheduled":
		p.EventType = &dtspb.HistoryEvent_TaskScheduled{TaskScheduled: &dtspb.TaskScheduledEvent{Name: e.Name, Version: version(e), Input: input}}
	case "TaskCompleted":
		p.EventType = &dtspb.HistoryEvent_TaskCompleted{TaskCompleted: &dtspb.TaskCompletedEvent{TaskScheduledId: task, Result: result}}
	case "TaskFailed":
		p.EventType = &dtspb.HistoryEvent_TaskFailed{TaskFailed: &dtspb.TaskFailedEvent{TaskScheduledId: task, FailureDetails: failure}}
	case "SubOrchestrationInstanceCreated":
		p.EventType = &dtspb.HistoryEvent_SubOrchestrationInstanceCreated{SubOrchestrationInstanceCreated: &dtspb.SubOrchestrationInstanceCreatedEvent{
			InstanceId: e.InstanceID, Name: e.Name, Version: version(e), Input: input,
		}}
	case "SubOrchestrationInstanceCompleted":
		p.EventType = &dtspb.HistoryEvent_SubOrchestrationInstanceCompleted{
			SubOrchestrationInstanceCompleted: &dtspb.SubOrchestrationInstanceCompletedEvent{TaskScheduledId: task, Result: result},
		}
	case "SubOrchestrationInstanceFailed":
		p.EventType = &dtspb.HistoryEvent_SubOrchestrationInstanceFailed{
			SubOrchestrationInstanceFailed: &dtspb.SubOrchestrationInstanceFailedEvent{TaskScheduledId: task, FailureDetails: failure},
		}
	case "TimerCreated":
		p.EventType = &dtspb.HistoryEvent_TimerCreated{TimerCreated: &dtspb.TimerCreatedEvent{FireAt: optionalTime(e.FireAt)}}
	case "TimerFired":
		p.EventType = &dtspb.HistoryEvent_TimerFired{TimerFired: &dtspb.TimerFiredEvent{TimerId: task, FireAt: optionalTime(e.FireAt)}}
	case "EventSent":
		p.EventType = &dtspb.HistoryEvent_EventSent{EventSent: &dtspb.EventSentEvent{InstanceId: e.InstanceID, Name: e.Name, Input: input}}
	case "EventRaised":
		p.EventType = &dtspb.HistoryEvent_EventRaised{EventRaised: &dtspb.EventRaisedEvent{Name: e.Name, Input: input}}
	case "ExecutionSuspended":
		p.EventType = &dtspb.HistoryEvent_ExecutionSuspended{ExecutionSuspended: &dtspb.ExecutionSuspendedEvent{}}
	case "ExecutionResumed":
		p.EventType = &dtspb.HistoryEvent_ExecutionResumed{ExecutionResumed: &dtspb.ExecutionResumedEvent{}}
	case "ExecutionTerminated":
		p.EventType = &dtspb.HistoryEvent_ExecutionTerminated{ExecutionTerminated: &dtspb.ExecutionTerminatedEvent{Input: input}}
	default:
		entityEvent(p, e)
	}
	return p
}

// entityEvent is toEvent for the kinds that concern entities.
func entityEvent(p *dtspb.HistoryEvent, e dts.HistoryEvent) {
	switch e.Kind {
	case "EntityOperationCalled":
		p.EventType = &dtspb.HistoryEvent_EntityOperationCalled{EntityOperationCalled: &dtspb.EntityOperationCalledEvent{
			RequestId: e.RequestID, Operation: e.Name, TargetInstanceId: wire.FromText(e.InstanceID),
		}}
	case "EntityOperationSignaled":
		p.EventType = &dtspb.HistoryEvent_EntityOperationSignaled{EntityOperationSignaled: &dtspb.EntityOperationSignaledEvent{
			RequestId: e.RequestID, Operation: e.Name, TargetInstanceId: wire.FromText(e.InstanceID),
		}}
	case "EntityOperationCompleted":
		p.EventType = &dtspb.HistoryEvent_EntityOperationCompleted{EntityOperationCompleted: &dtspb.EntityOperationCompletedEvent{
			RequestId: e.RequestID, Output: wire.FromPayload(e.Result),
		}}
	case "EntityOperationFailed":
		p.EventType = &dtspb.HistoryEvent_EntityOperationFailed{EntityOperationFailed: &dtspb.EntityOperationFailedEvent{
			RequestId: e.RequestID, FailureDetails: wire.FromFailure(e.Failure),
		}}
	case "EntityLockRequested":
		// The turn compares the set as one text, which Name is.
		p.EventType = &dtspb.HistoryEvent_EntityLockRequested{EntityLockRequested: &dtspb.EntityLockRequestedEvent{
			CriticalSectionId: e.RequestID, LockSet: []string{e.Name},
		}}
	case "EntityLockGranted":
		p.EventType = &dtspb.HistoryEvent_EntityLockGranted{EntityLockGranted: &dtspb.EntityLockGrantedEvent{CriticalSectionId: e.RequestID}}
	case "EntityUnlockSent":
		p.EventType = &dtspb.HistoryEvent_EntityUnlockSent{EntityUnlockSent: &dtspb.EntityUnlockSentEvent{
			CriticalSectionId: e.RequestID, TargetInstanceId: wire.FromText(e.InstanceID),
		}}
	}
}

func started(e dts.HistoryEvent) *dtspb.ExecutionStartedEvent {
	s := &dtspb.ExecutionStartedEvent{
		Name: e.Name, Version: version(e), Input: wire.FromPayload(e.Input), Tags: e.Tags, ScheduledStartTimestamp: optionalTime(e.FireAt),
		OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: e.InstanceID, ExecutionId: wire.FromText(e.ExecutionID)},
	}
	if e.ParentID != "" {
		s.ParentInstance = &dtspb.ParentInstanceInfo{OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: e.ParentID}}
	}
	return s
}

func version(e dts.HistoryEvent) *wrapperspb.StringValue { return wire.FromText(e.Version) }

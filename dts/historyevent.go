package dts

import (
	"strings"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// toHistoryEvent flattens the union of the protocol. Kinds without a case here
// keep their name, id and time.
func toHistoryEvent(e *dtspb.HistoryEvent) HistoryEvent {
	h := HistoryEvent{EventID: int(e.GetEventId()), Timestamp: toTime(e.GetTimestamp()), Kind: kind(e)}
	switch {
	case e.GetExecutionStarted() != nil:
		v := e.GetExecutionStarted()
		h.Name, h.Version, h.Input = v.GetName(), v.GetVersion().GetValue(), wire.ToPayload(v.GetInput())
		h.InstanceID = v.GetOrchestrationInstance().GetInstanceId()
		h.ExecutionID = v.GetOrchestrationInstance().GetExecutionId().GetValue()
		h.ParentID = v.GetParentInstance().GetOrchestrationInstance().GetInstanceId()
		h.Tags = v.GetTags()
		h.FireAt = toTime(v.GetScheduledStartTimestamp())
	case e.GetExecutionCompleted() != nil:
		v := e.GetExecutionCompleted()
		h.Status, h.Result = toStatus(v.GetOrchestrationStatus()), wire.ToPayload(v.GetResult())
		h.Failure = wire.ToFailure[Failure](v.GetFailureDetails())
	case e.GetExecutionTerminated() != nil:
		h.Input = wire.ToPayload(e.GetExecutionTerminated().GetInput())
	case e.GetTaskScheduled() != nil:
		v := e.GetTaskScheduled()
		h.Name, h.Version, h.Input = v.GetName(), v.GetVersion().GetValue(), wire.ToPayload(v.GetInput())
	case e.GetTaskCompleted() != nil:
		v := e.GetTaskCompleted()
		h.TaskID, h.Result = int(v.GetTaskScheduledId()), wire.ToPayload(v.GetResult())
	case e.GetTaskFailed() != nil:
		v := e.GetTaskFailed()
		h.TaskID, h.Failure = int(v.GetTaskScheduledId()), wire.ToFailure[Failure](v.GetFailureDetails())
	case e.GetSubOrchestrationInstanceCreated() != nil:
		v := e.GetSubOrchestrationInstanceCreated()
		h.InstanceID = v.GetInstanceId()
		h.Name, h.Version, h.Input = v.GetName(), v.GetVersion().GetValue(), wire.ToPayload(v.GetInput())
	case e.GetSubOrchestrationInstanceCompleted() != nil:
		v := e.GetSubOrchestrationInstanceCompleted()
		h.TaskID, h.Result = int(v.GetTaskScheduledId()), wire.ToPayload(v.GetResult())
	case e.GetSubOrchestrationInstanceFailed() != nil:
		v := e.GetSubOrchestrationInstanceFailed()
		h.TaskID, h.Failure = int(v.GetTaskScheduledId()), wire.ToFailure[Failure](v.GetFailureDetails())
	case e.GetTimerCreated() != nil:
		h.FireAt = toTime(e.GetTimerCreated().GetFireAt())
	case e.GetTimerFired() != nil:
		h.TaskID, h.FireAt = int(e.GetTimerFired().GetTimerId()), toTime(e.GetTimerFired().GetFireAt())
	case e.GetEventSent() != nil:
		v := e.GetEventSent()
		h.InstanceID, h.Name, h.Input = v.GetInstanceId(), v.GetName(), wire.ToPayload(v.GetInput())
	case e.GetEventRaised() != nil:
		h.Name, h.Input = e.GetEventRaised().GetName(), wire.ToPayload(e.GetEventRaised().GetInput())
	case e.GetEntityOperationCalled() != nil:
		v := e.GetEntityOperationCalled()
		h.InstanceID, h.Name, h.Input = v.GetTargetInstanceId().GetValue(), v.GetOperation(), wire.ToPayload(v.GetInput())
		h.RequestID = v.GetRequestId()
	case e.GetEntityOperationSignaled() != nil:
		v := e.GetEntityOperationSignaled()
		h.InstanceID, h.Name, h.Input = v.GetTargetInstanceId().GetValue(), v.GetOperation(), wire.ToPayload(v.GetInput())
		h.RequestID, h.FireAt = v.GetRequestId(), toTime(v.GetScheduledTime())
	case e.GetEntityOperationCompleted() != nil:
		v := e.GetEntityOperationCompleted()
		h.RequestID, h.Result = v.GetRequestId(), wire.ToPayload(v.GetOutput())
	case e.GetEntityOperationFailed() != nil:
		v := e.GetEntityOperationFailed()
		h.RequestID, h.Failure = v.GetRequestId(), wire.ToFailure[Failure](v.GetFailureDetails())
	case e.GetEntityLockRequested() != nil:
		v := e.GetEntityLockRequested()
		h.RequestID, h.Name = v.GetCriticalSectionId(), strings.Join(v.GetLockSet(), ", ")
	case e.GetEntityLockGranted() != nil:
		h.RequestID = e.GetEntityLockGranted().GetCriticalSectionId()
	case e.GetEntityUnlockSent() != nil:
		v := e.GetEntityUnlockSent()
		h.RequestID, h.InstanceID = v.GetCriticalSectionId(), v.GetTargetInstanceId().GetValue()
	case e.GetGenericEvent() != nil:
		h.Input = wire.ToPayload(e.GetGenericEvent().GetData())
	case e.GetContinueAsNew() != nil:
		h.Input = wire.ToPayload(e.GetContinueAsNew().GetInput())
	case e.GetExecutionSuspended() != nil:
		h.Reason = e.GetExecutionSuspended().GetInput().GetValue()
	case e.GetExecutionResumed() != nil:
		h.Reason = e.GetExecutionResumed().GetInput().GetValue()
	case e.GetExecutionRewound() != nil:
		h.Reason = e.GetExecutionRewound().GetReason().GetValue()
	}
	return h
}

// kind is the name of the member of the union that is set, as Go and the other
// SDKs write it: TaskScheduled for taskScheduled.
func kind(e *dtspb.HistoryEvent) string {
	m := e.ProtoReflect()
	set := m.WhichOneof(m.Descriptor().Oneofs().ByName("eventType"))
	if set == nil {
		return "Unknown"
	}
	name := string(set.Name())
	return string(name[0]-'a'+'A') + name[1:]
}

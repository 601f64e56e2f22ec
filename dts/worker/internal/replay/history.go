package replay

import (
	"strings"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// apply applies one event and lets the orchestrator go on as far as it can.
func (t *Turn) apply(e *dtspb.HistoryEvent) {
	if e == nil || t.end.final() {
		return
	}
	if t.suspended && t.hold(e) {
		return
	}
	t.take(e)
	t.settle()
}

// take does what one event asks for. The kinds that are missing concern the
// scheduler only, or are newer than this code: they change nothing here.
func (t *Turn) take(e *dtspb.HistoryEvent) {
	switch k := e.GetEventType().(type) {
	case *dtspb.HistoryEvent_OrchestratorStarted:
		if ts := e.GetTimestamp(); ts != nil {
			t.now = ts.AsTime()
		}
		t.moves++ // an Until may ask for the time
	case *dtspb.HistoryEvent_ExecutionStarted:
		t.start(k.ExecutionStarted)

	case *dtspb.HistoryEvent_TaskScheduled:
		t.confirm(e.GetEventId(), activity, k.TaskScheduled.GetName(), "")
	case *dtspb.HistoryEvent_TimerCreated:
		t.confirm(e.GetEventId(), timer, "", "")
	case *dtspb.HistoryEvent_SubOrchestrationInstanceCreated:
		t.confirm(e.GetEventId(), orchestration, k.SubOrchestrationInstanceCreated.GetName(), "")
	case *dtspb.HistoryEvent_EventSent:
		if !t.confirmMark(e) {
			t.confirm(e.GetEventId(), sentEvent, k.EventSent.GetName(), "")
		}
	case *dtspb.HistoryEvent_EntityOperationCalled:
		c := k.EntityOperationCalled
		t.confirmRequest(e.GetEventId(), entityCall, c.GetOperation(), c.GetTargetInstanceId().GetValue(), c.GetRequestId())
	case *dtspb.HistoryEvent_EntityOperationSignaled:
		t.confirm(e.GetEventId(), entitySignal, k.EntityOperationSignaled.GetOperation(), k.EntityOperationSignaled.GetTargetInstanceId().GetValue())
	case *dtspb.HistoryEvent_EntityLockRequested:
		l := k.EntityLockRequested
		t.confirmRequest(e.GetEventId(), entityLock, strings.Join(l.GetLockSet(), ", "), "", l.GetCriticalSectionId())
	case *dtspb.HistoryEvent_EntityUnlockSent:
		t.confirm(e.GetEventId(), entityUnlock, "", k.EntityUnlockSent.GetTargetInstanceId().GetValue())

	case *dtspb.HistoryEvent_TaskCompleted:
		t.complete(k.TaskCompleted.GetTaskScheduledId(), activity, k.TaskCompleted.GetResult(), nil)
	case *dtspb.HistoryEvent_TaskFailed:
		t.complete(k.TaskFailed.GetTaskScheduledId(), activity, nil, present(k.TaskFailed.GetFailureDetails()))
	case *dtspb.HistoryEvent_SubOrchestrationInstanceCompleted:
		t.complete(k.SubOrchestrationInstanceCompleted.GetTaskScheduledId(), orchestration, k.SubOrchestrationInstanceCompleted.GetResult(), nil)
	case *dtspb.HistoryEvent_SubOrchestrationInstanceFailed:
		t.complete(k.SubOrchestrationInstanceFailed.GetTaskScheduledId(), orchestration, nil, present(k.SubOrchestrationInstanceFailed.GetFailureDetails()))
	case *dtspb.HistoryEvent_TimerFired:
		t.complete(k.TimerFired.GetTimerId(), timer, nil, nil)
	case *dtspb.HistoryEvent_EntityOperationCompleted:
		t.answer(k.EntityOperationCompleted.GetRequestId(), entityCall, k.EntityOperationCompleted.GetOutput(), nil)
	case *dtspb.HistoryEvent_EntityOperationFailed:
		t.answer(k.EntityOperationFailed.GetRequestId(), entityCall, nil, present(k.EntityOperationFailed.GetFailureDetails()))
	case *dtspb.HistoryEvent_EntityLockGranted:
		t.granted(k.EntityLockGranted.GetCriticalSectionId())
	case *dtspb.HistoryEvent_EventRaised:
		t.raise(e)

	case *dtspb.HistoryEvent_ExecutionSuspended:
		t.suspended = t.end == nil
	case *dtspb.HistoryEvent_ExecutionResumed:
		t.resume()
	case *dtspb.HistoryEvent_ExecutionTerminated:
		t.terminate(k.ExecutionTerminated.GetInput())
	}
}

// hold keeps an event for the time after the suspension and reports whether it
// did. The clock goes on and confirmations are taken, since neither lets the
// orchestrator move; a repeated suspension adds nothing.
func (t *Turn) hold(e *dtspb.HistoryEvent) bool {
	switch e.GetEventType().(type) {
	case *dtspb.HistoryEvent_ExecutionResumed, *dtspb.HistoryEvent_ExecutionTerminated:
		return false
	case *dtspb.HistoryEvent_EventRaised,
		*dtspb.HistoryEvent_TaskCompleted, *dtspb.HistoryEvent_TaskFailed,
		*dtspb.HistoryEvent_SubOrchestrationInstanceCompleted, *dtspb.HistoryEvent_SubOrchestrationInstanceFailed,
		*dtspb.HistoryEvent_EntityOperationCompleted, *dtspb.HistoryEvent_EntityOperationFailed, *dtspb.HistoryEvent_EntityLockGranted,
		*dtspb.HistoryEvent_TimerFired:
		t.held = append(t.held, e)
	default:
		t.take(e)
	}
	return true
}

// resume ends a suspension and applies what arrived in the meantime.
func (t *Turn) resume() {
	t.suspended = false
	t.settle() // an execution that was suspended before it began
	held := t.held
	t.held = nil
	for _, e := range held {
		t.apply(e)
	}
}

// start begins the execution.
func (t *Turn) start(e *dtspb.ExecutionStartedEvent) {
	if t.started != nil || e == nil {
		t.warn("a second start of the execution is ignored")
		return
	}
	t.started, t.began = e, t.now
	if id := e.GetOrchestrationInstance().GetInstanceId(); id != "" {
		t.instanceID = id
	}
	if id := e.GetOrchestrationInstance().GetExecutionId().GetValue(); id != "" {
		t.executionID = id
	}
	run := t.config.Find(e.GetName(), e.GetVersion().GetValue())
	if run == nil {
		t.fail(unregistered(e.GetName(), e.GetVersion().GetValue()))
		return
	}
	t.main.init(t, func() {
		var input []byte
		if e.GetInput() != nil {
			input = []byte(e.GetInput().GetValue())
		}
		t.finish(run(t, input))
	})
	t.ready.push(&t.main)
}

// present makes sure that a failed task has a failure, whatever the scheduler sent.
func present(f *dtspb.TaskFailureDetails) *dtspb.TaskFailureDetails {
	if f == nil {
		return &dtspb.TaskFailureDetails{ErrorType: "unknown", ErrorMessage: "the scheduler reported a failure without details"}
	}
	return f
}

package replay

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// CallEntity asks an entity for an operation and its result. Inside a critical
// section some calls are refused: their task is done, with a failure.
func (t *Turn) CallEntity(id, operation string, input []byte) *Task {
	t.guard("Context.CallEntity")
	if problem := t.section.refuseCall(id); problem != nil {
		return t.Refused(problem)
	}
	k := t.request(action{kind: entityCall, name: operation, target: id, input: input})
	t.section.calls(id, k)
	return k
}

// SignalEntity asks an entity for an operation of which nobody learns the result;
// the zero time means now. It returns why it did not, if so.
func (t *Turn) SignalEntity(id, operation string, input []byte, at time.Time) *dtspb.TaskFailureDetails {
	t.guard("Context.SignalEntity")
	if problem := t.section.refuseSignal(id); problem != nil {
		return problem
	}
	t.ask(&action{kind: entitySignal, name: operation, target: id, input: input, fireAt: at, request: t.nextRequest()})
	return nil
}

// Refused returns a task that is done with a failure and asks for nothing.
func (t *Turn) Refused(f *dtspb.TaskFailureDetails) *Task {
	return &Task{turn: t, state: done, failure: f}
}

// request schedules an action that is answered by the id of its request.
func (t *Turn) request(a action) *Task {
	a.request = t.nextRequest()
	k := t.schedule(a)
	if t.requests == nil {
		t.requests = make(map[string]*Task)
	}
	t.requests[a.request] = k
	return k
}

// confirmRequest is confirm for an action with a request. The id in history wins:
// the answer will have it. It differs after a rewind, which changes the execution.
func (t *Turn) confirmRequest(id int32, k kind, name, target, request string) {
	a := t.confirm(id, k, name, target)
	if a == nil || a.request == request {
		return
	}
	if task := t.requests[a.request]; task != nil {
		delete(t.requests, a.request)
		t.requests[request] = task
	}
	a.request = request
}

// answer gives the task of a request its outcome.
func (t *Turn) answer(request string, k kind, result *wrapperspb.StringValue, failure *dtspb.TaskFailureDetails) {
	task := t.requests[request]
	if task == nil || task.action.kind != k {
		t.warn("answer to a request that is not open is ignored", "kind", string(k), "request", request)
		return
	}
	delete(t.requests, request)
	t.tasks[task.action.id] = nil
	if task.state == open {
		task.result, task.failure = result, failure
		task.finish(done)
	}
}

// entityMessage returns a, which concerns an entity, as it is answered.
func (a *action) entityMessage(by *Turn) *dtspb.SendEntityMessageAction {
	parent := wire.FromText(by.instanceID)
	switch a.kind {
	case entityCall:
		return &dtspb.SendEntityMessageAction{EntityMessageType: &dtspb.SendEntityMessageAction_EntityOperationCalled{
			EntityOperationCalled: &dtspb.EntityOperationCalledEvent{
				RequestId: a.request, Operation: a.name, Input: wire.FromPayload(a.input), TargetInstanceId: wire.FromText(a.target),
				ParentInstanceId: parent, ParentExecutionId: wire.FromText(by.executionID),
			},
		}}
	case entitySignal:
		signal := &dtspb.EntityOperationSignaledEvent{
			RequestId: a.request, Operation: a.name, Input: wire.FromPayload(a.input), TargetInstanceId: wire.FromText(a.target),
		}
		if !a.fireAt.IsZero() {
			signal.ScheduledTime = timestamppb.New(a.fireAt)
		}
		return &dtspb.SendEntityMessageAction{EntityMessageType: &dtspb.SendEntityMessageAction_EntityOperationSignaled{EntityOperationSignaled: signal}}
	case entityLock:
		return &dtspb.SendEntityMessageAction{EntityMessageType: &dtspb.SendEntityMessageAction_EntityLockRequested{
			EntityLockRequested: &dtspb.EntityLockRequestedEvent{CriticalSectionId: a.request, LockSet: a.set, ParentInstanceId: parent},
		}}
	default: // entityUnlock
		return &dtspb.SendEntityMessageAction{EntityMessageType: &dtspb.SendEntityMessageAction_EntityUnlockSent{
			EntityUnlockSent: &dtspb.EntityUnlockSentEvent{
				CriticalSectionId: a.request, TargetInstanceId: wire.FromText(a.target), ParentInstanceId: parent,
			},
		}}
	}
}

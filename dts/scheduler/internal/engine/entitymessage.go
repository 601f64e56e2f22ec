package engine

import (
	"cmp"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// needEntities adds the entities that an orchestrator's message is for.
func (s *State) needEntities(a *dtspb.SendEntityMessageAction) {
	for _, id := range targets(a) {
		if id, err := wire.EntityID(id); err == nil {
			s.need(id)
		}
	}
}

// targets returns the entity ids of a message as the worker wrote them.
func targets(a *dtspb.SendEntityMessageAction) []string {
	switch t := a.GetEntityMessageType().(type) {
	case *dtspb.SendEntityMessageAction_EntityOperationSignaled:
		return []string{t.EntityOperationSignaled.GetTargetInstanceId().GetValue()}
	case *dtspb.SendEntityMessageAction_EntityOperationCalled:
		return []string{t.EntityOperationCalled.GetTargetInstanceId().GetValue()}
	case *dtspb.SendEntityMessageAction_EntityLockRequested:
		return t.EntityLockRequested.GetLockSet()
	case *dtspb.SendEntityMessageAction_EntityUnlockSent:
		return []string{t.EntityUnlockSent.GetTargetInstanceId().GetValue()}
	default:
		return nil
	}
}

// checkEntityMessage tells what makes a message impossible to send.
func (s *State) checkEntityMessage(a *dtspb.SendEntityMessageAction) *dtspb.TaskFailureDetails {
	ids := targets(a)
	if len(ids) == 0 {
		return failure(UnsupportedAction, fmt.Sprintf("an entity message without a target: %T", a.GetEntityMessageType()))
	}
	for _, id := range ids {
		if _, err := wire.EntityID(id); err != nil {
			return failure(InvalidEntityID, err.Error())
		}
	}
	call, signal := a.GetEntityOperationCalled(), a.GetEntityOperationSignaled()
	return cmp.Or(
		checkTime("a signal", signal.GetScheduledTime()),
		beyond(CheckName("name of the operation", call.GetOperation()), CheckName("name of the operation", signal.GetOperation()),
			CheckName("id of the request", call.GetRequestId()), CheckName("id of the request", signal.GetRequestId()),
			CheckName("id of the critical section", a.GetEntityLockRequested().GetCriticalSectionId())),
		s.tooLarge("input of the entity operation", "", call.GetInput()),
		s.tooLarge("input of the entity operation", "", signal.GetInput()))
}

// sendToEntity carries out an orchestrator's message to an entity; e becomes the
// event that confirms it.
func (s *State) sendToEntity(in *Instance, e *dtspb.HistoryEvent, a *dtspb.SendEntityMessageAction, now time.Time) {
	entity := func(id string) *Entity {
		id, _ = wire.EntityID(id) // checked before
		return s.Entity(id)
	}
	switch t := a.GetEntityMessageType().(type) {
	case *dtspb.SendEntityMessageAction_EntityOperationSignaled:
		e.EventType = &dtspb.HistoryEvent_EntityOperationSignaled{EntityOperationSignaled: t.EntityOperationSignaled}
		signal := t.EntityOperationSignaled
		s.signal(entity(signal.GetTargetInstanceId().GetValue()).ID(), &dtspb.EntityOperationSignaledEvent{
			RequestId: signal.GetRequestId(), Operation: signal.GetOperation(), Input: signal.GetInput(), ScheduledTime: signal.GetScheduledTime(),
		}, now)
	case *dtspb.SendEntityMessageAction_EntityOperationCalled:
		e.EventType = &dtspb.HistoryEvent_EntityOperationCalled{EntityOperationCalled: t.EntityOperationCalled}
		call := event(now)
		call.EventType = &dtspb.HistoryEvent_EntityOperationCalled{EntityOperationCalled: &dtspb.EntityOperationCalledEvent{
			RequestId: t.EntityOperationCalled.GetRequestId(), Operation: t.EntityOperationCalled.GetOperation(), Input: t.EntityOperationCalled.GetInput(),
			// Workers copy these into the answer; Python and .NET leave the execution out.
			ParentInstanceId: wrapperspb.String(in.ID()), ParentExecutionId: wrapperspb.String(in.Record.GetExecutionId()),
		}}
		s.enqueue(entity(t.EntityOperationCalled.GetTargetInstanceId().GetValue()), &record.EntityMessage{
			Event: call, Sender: &record.EntityOwner{InstanceId: in.ID(), ExecutionId: in.Record.GetExecutionId()},
		}, now)
	case *dtspb.SendEntityMessageAction_EntityLockRequested:
		e.EventType = &dtspb.HistoryEvent_EntityLockRequested{EntityLockRequested: t.EntityLockRequested}
		s.requestLock(in, t.EntityLockRequested, now)
	case *dtspb.SendEntityMessageAction_EntityUnlockSent:
		e.EventType = &dtspb.HistoryEvent_EntityUnlockSent{EntityUnlockSent: t.EntityUnlockSent}
		s.unlock(entity(t.EntityUnlockSent.GetTargetInstanceId().GetValue()), in)
	}
}

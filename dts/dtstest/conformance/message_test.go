package conformance

import (
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// kinds are the kinds of events by their names in the protocol.
func kinds(events []*dtspb.HistoryEvent) []string {
	var names []string
	for _, e := range events {
		m := e.ProtoReflect()
		if f := m.WhichOneof(m.Descriptor().Oneofs().ByName("eventType")); f != nil {
			names = append(names, string(f.Name()))
		} else {
			names = append(names, "none")
		}
	}
	return names
}

func (w *world) wantKinds(what string, events []*dtspb.HistoryEvent, want ...string) {
	w.Helper()
	w.wantSame(what, want, kinds(events))
}

// wantSame compares values or messages.
func (w *world) wantSame(what string, want, got any) {
	w.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		w.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// first returns the first event of a kind; get is its getter.
func first[E any](w *world, events []*dtspb.HistoryEvent, get func(*dtspb.HistoryEvent) *E) *E {
	w.Helper()
	for _, e := range events {
		if v := get(e); v != nil {
			return v
		}
	}
	w.Fatalf("no event of the wanted kind in %v", kinds(events))
	return nil
}

// all returns what get gets of each event that has it.
func all[E any](events []*dtspb.HistoryEvent, get func(*dtspb.HistoryEvent) *E) (found []*E) {
	for _, e := range events {
		if v := get(e); v != nil {
			found = append(found, v)
		}
	}
	return found
}

// raised are the names of the events that were raised to an instance.
func raised(events []*dtspb.HistoryEvent) (names []string) {
	for _, e := range all(events, (*dtspb.HistoryEvent).GetEventRaised) {
		names = append(names, e.GetName())
	}
	return names
}

// Options of world.start.

func input(s string) func(*dtspb.CreateInstanceRequest) {
	return func(r *dtspb.CreateInstanceRequest) { r.Input = text(s) }
}

func version(s string) func(*dtspb.CreateInstanceRequest) {
	return func(r *dtspb.CreateInstanceRequest) { r.Version = text(s) }
}

func named(s string) func(*dtspb.CreateInstanceRequest) {
	return func(r *dtspb.CreateInstanceRequest) { r.Name = s }
}

func due(t time.Time) func(*dtspb.CreateInstanceRequest) {
	return func(r *dtspb.CreateInstanceRequest) { r.ScheduledStartTimestamp = stamp(t) }
}

// replacing allows to replace an instance with one of the statuses; none is an
// empty list, which is not the same as no policy.
func replacing(statuses ...dtspb.OrchestrationStatus) func(*dtspb.CreateInstanceRequest) {
	return func(r *dtspb.CreateInstanceRequest) {
		r.OrchestrationIdReusePolicy = &dtspb.OrchestrationIdReusePolicy{ReplaceableStatus: statuses}
	}
}

// Actions of an orchestrator.

func schedule(id int32, name string) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_ScheduleTask{ScheduleTask: &dtspb.ScheduleTaskAction{Name: name}}}
}

func timer(id int32, at time.Time) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CreateTimer{CreateTimer: &dtspb.CreateTimerAction{FireAt: stamp(at)}}}
}

// child creates a sub-orchestration; an empty instance leaves the id to the scheduler.
func child(id int32, name, instance string) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CreateSubOrchestration{
		CreateSubOrchestration: &dtspb.CreateSubOrchestrationAction{Name: name, InstanceId: instance},
	}}
}

func send(id int32, instance, name, data string) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_SendEvent{
		SendEvent: &dtspb.SendEventAction{Instance: &dtspb.OrchestrationInstance{InstanceId: instance}, Name: name, Data: text(data)},
	}}
}

func end(id int32, c *dtspb.CompleteOrchestrationAction) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CompleteOrchestration{CompleteOrchestration: c}}
}

func complete(id int32, result string) *dtspb.OrchestratorAction {
	return end(id, &dtspb.CompleteOrchestrationAction{OrchestrationStatus: completed, Result: text(result)})
}

func fail(id int32, kind string) *dtspb.OrchestratorAction {
	return end(id, &dtspb.CompleteOrchestrationAction{OrchestrationStatus: failed, FailureDetails: &dtspb.TaskFailureDetails{ErrorType: kind, ErrorMessage: "it failed"}})
}

func continueAsNew(id int32, input string, carried ...*dtspb.HistoryEvent) *dtspb.OrchestratorAction {
	return end(id, &dtspb.CompleteOrchestrationAction{OrchestrationStatus: continued, Result: text(input), CarryoverEvents: carried})
}

// obey answers a terminate as the SDKs do.
func obey(id int32, t *turn) *dtspb.OrchestratorAction {
	t.w.Helper()
	output := first(t.w, t.news(), (*dtspb.HistoryEvent).GetExecutionTerminated).GetInput()
	return end(id, &dtspb.CompleteOrchestrationAction{OrchestrationStatus: terminated, Result: output})
}

// toEntity is what an orchestrator sends to an entity.
func toEntity(id int32, m *dtspb.SendEntityMessageAction) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_SendEntityMessage{SendEntityMessage: m}}
}

func ask(id int32, entity, request, input string) *dtspb.OrchestratorAction {
	return toEntity(id, &dtspb.SendEntityMessageAction{EntityMessageType: &dtspb.SendEntityMessageAction_EntityOperationCalled{
		EntityOperationCalled: &dtspb.EntityOperationCalledEvent{RequestId: request, Operation: "op", Input: text(input), TargetInstanceId: text(entity)},
	}})
}

func signal(id int32, entity, request, input string) *dtspb.OrchestratorAction {
	return toEntity(id, &dtspb.SendEntityMessageAction{EntityMessageType: &dtspb.SendEntityMessageAction_EntityOperationSignaled{
		EntityOperationSignaled: &dtspb.EntityOperationSignaledEvent{RequestId: request, Operation: "op", Input: text(input), TargetInstanceId: text(entity)},
	}})
}

func lock(id int32, t *turn, section string, entities ...string) *dtspb.OrchestratorAction {
	return toEntity(id, &dtspb.SendEntityMessageAction{EntityMessageType: &dtspb.SendEntityMessageAction_EntityLockRequested{
		EntityLockRequested: &dtspb.EntityLockRequestedEvent{CriticalSectionId: section, LockSet: entities, ParentInstanceId: text(t.GetInstanceId())},
	}})
}

func unlock(id int32, t *turn, section, entity string) *dtspb.OrchestratorAction {
	return toEntity(id, &dtspb.SendEntityMessageAction{EntityMessageType: &dtspb.SendEntityMessageAction_EntityUnlockSent{
		EntityUnlockSent: &dtspb.EntityUnlockSentEvent{CriticalSectionId: section, ParentInstanceId: text(t.GetInstanceId()), TargetInstanceId: text(entity)},
	}})
}

// Results of an entity's operations.

func succeeded(result *string) *dtspb.OperationResult {
	s := &dtspb.OperationResultSuccess{}
	if result != nil {
		s.Result = text(*result)
	}
	return &dtspb.OperationResult{ResultType: &dtspb.OperationResult_Success{Success: s}}
}

func broke(f *dtspb.TaskFailureDetails) *dtspb.OperationResult {
	return &dtspb.OperationResult{ResultType: &dtspb.OperationResult_Failure{Failure: &dtspb.OperationResultFailure{FailureDetails: f}}}
}

// failure is one with all that a failure can have.
func failure() *dtspb.TaskFailureDetails {
	return &dtspb.TaskFailureDetails{
		ErrorType: "Outer", ErrorMessage: "it broke", StackTrace: text("at line 1"), IsNonRetriable: true,
		InnerFailure: &dtspb.TaskFailureDetails{ErrorType: "Inner", ErrorMessage: "this is why"},
		Properties:   map[string]*structpb.Value{"code": structpb.NewStringValue("E7"), "tries": structpb.NewNumberValue(3)},
	}
}

// without returns the events that gone does not select.
func without(events []*dtspb.HistoryEvent, gone func(*dtspb.HistoryEvent) bool) (left []*dtspb.HistoryEvent) {
	for _, e := range events {
		if !gone(e) {
			left = append(left, proto.Clone(e).(*dtspb.HistoryEvent))
		}
	}
	return left
}

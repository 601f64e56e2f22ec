package engine

import (
	"cmp"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// check tells what makes a response impossible to carry out, as a failure for
// the orchestration: refusing the response would only bring it back for ever.
func (s *State) check(in *Instance, r *dtspb.OrchestratorResponse) *dtspb.TaskFailureDetails {
	if f := s.tooLarge("custom status", "", r.GetCustomStatus()); f != nil {
		return f
	}
	if f := beyond(within("span id", len(r.GetOrchestrationTraceContext().GetSpanID().GetValue()), MaxName)); f != nil {
		return f
	}
	for _, a := range r.GetActions() {
		if f := s.checkAction(in, a); f != nil {
			return f
		}
	}
	return nil
}

func (s *State) checkAction(in *Instance, a *dtspb.OrchestratorAction) *dtspb.TaskFailureDetails {
	switch t := a.GetOrchestratorActionType().(type) {
	case *dtspb.OrchestratorAction_ScheduleTask:
		c := t.ScheduleTask
		return cmp.Or(
			beyond(CheckName("name of the activity", c.GetName()), CheckName("version of the activity", c.GetVersion().GetValue()),
				CheckTags(c.GetTags()), CheckTrace(c.GetParentTraceContext())),
			s.tooLarge("input of activity", c.GetName(), c.GetInput()))
	case *dtspb.OrchestratorAction_CreateSubOrchestration:
		c := t.CreateSubOrchestration
		return cmp.Or(
			beyond(CheckName("name of the orchestration", c.GetName()), CheckName("version of the orchestration", c.GetVersion().GetValue()),
				CheckName("id of the orchestration", c.GetInstanceId()),
				checkChildTags(in.Record.GetTags(), c.GetTags()), CheckTrace(c.GetParentTraceContext())),
			s.tooLarge("input of orchestration", c.GetName(), c.GetInput()))
	case *dtspb.OrchestratorAction_CreateTimer:
		if !t.CreateTimer.GetFireAt().IsValid() {
			return failure(UnsupportedAction, "a timer without a valid time to fire at")
		}
		return nil
	case *dtspb.OrchestratorAction_SendEvent:
		c := t.SendEvent
		return cmp.Or(
			beyond(CheckName("name of the event", c.GetName()), CheckName("id that the event is for", c.GetInstance().GetInstanceId())),
			s.tooLarge("payload of event", c.GetName(), c.GetData()))
	case *dtspb.OrchestratorAction_SendEntityMessage:
		return s.checkEntityMessage(t.SendEntityMessage)
	case *dtspb.OrchestratorAction_TerminateOrchestration:
		return s.tooLarge("reason of termination", "", t.TerminateOrchestration.GetReason())
	case *dtspb.OrchestratorAction_CompleteOrchestration:
		return s.checkCompletion(t.CompleteOrchestration)
	default:
		return failure(UnsupportedAction, fmt.Sprintf("this scheduler does not know action %T", t))
	}
}

// checkTime refuses a time that is none; no time is fine. Anything else would have
// to be taken for now or for never.
func checkTime(what string, t *timestamppb.Timestamp) *dtspb.TaskFailureDetails {
	if t == nil || t.IsValid() {
		return nil
	}
	return failure(UnsupportedAction, fmt.Sprintf("%s for a time that is none: %d seconds and %d nanoseconds", what, t.GetSeconds(), t.GetNanos()))
}

func (s *State) checkCompletion(c *dtspb.CompleteOrchestrationAction) *dtspb.TaskFailureDetails {
	if st := c.GetOrchestrationStatus(); !Terminal(st) && st != dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CONTINUED_AS_NEW {
		return failure(UnsupportedAction, "a completion with status "+statusName(st))
	}
	if f := cmp.Or(s.tooLarge("result", "", c.GetResult()), s.tooLarge("details", "", c.GetDetails()),
		beyond(CheckName("version of the orchestration", c.GetNewVersion().GetValue()))); f != nil {
		return f
	}
	for _, e := range c.GetCarryoverEvents() {
		if f := beyond(CheckName("name of the event", e.GetEventRaised().GetName())); f != nil {
			return f
		}
		if f := s.tooLarge("payload of event", e.GetEventRaised().GetName(), e.GetEventRaised().GetInput()); f != nil {
			return f
		}
	}
	return s.failureTooLarge(c.GetFailureDetails())
}

func (s *State) tooLarge(what, name string, v *wrapperspb.StringValue) *dtspb.TaskFailureDetails {
	return s.exceeds(what, name, len(v.GetValue()))
}

func (s *State) failureTooLarge(f *dtspb.TaskFailureDetails) *dtspb.TaskFailureDetails {
	if f == nil {
		return nil
	}
	return s.exceeds("failure", "", proto.Size(f))
}

// exceeds refuses what is larger than a payload may be: what it is, of which name
// if it has one.
func (s *State) exceeds(what, name string, size int) *dtspb.TaskFailureDetails {
	if size <= s.MaxPayload {
		return nil
	}
	if name != "" {
		what = fmt.Sprintf("%s %q", what, name)
	}
	return failure(PayloadTooLarge, fmt.Sprintf(
		"%s has %d bytes, the limit is %d: keep large data outside and pass a reference", what, size, s.MaxPayload))
}

// Types of the failures that the scheduler makes.
const (
	PayloadTooLarge            = "PayloadTooLarge"
	UnsupportedAction          = "UnsupportedAction"
	InvalidInstanceID          = "InvalidInstanceID"
	InvalidEntityID            = "InvalidEntityID"
	OrchestrationAlreadyExists = "OrchestrationAlreadyExists"
)

// failAction ends the orchestration with f in place of actions.
func failAction(actions []*dtspb.OrchestratorAction, f *dtspb.TaskFailureDetails) *dtspb.OrchestratorAction {
	id := int32(0)
	for _, a := range actions {
		id = max(id, a.GetId())
	}
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CompleteOrchestration{
		CompleteOrchestration: &dtspb.CompleteOrchestrationAction{
			OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED, FailureDetails: f,
		},
	}}
}

package worker

import (
	"cmp"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// maxAnswer is how large one message to the scheduler may be: what .NET and Java
// workers use, a little under gRPC's default of 4 MiB (sdk.md 2.4).
const maxAnswer = 4_089_446

// overhead is what a part of an answer has besides its actions, and what each
// action has besides its own bytes: a tag and a length.
const (
	partOverhead   = 64
	actionOverhead = 6
)

// check says what the scheduler would refuse about an answer, nil if nothing.
// A refused answer comes back for ever, a failed instance tells its author why.
// Limit is the size of the largest payload: larger ones than the hub's were stored
// elsewhere before.
func check(limit int, answer *dtspb.OrchestratorResponse) *dtspb.TaskFailureDetails {
	if !fits(answer.GetCustomStatus()) {
		return misfit(limit, "custom status", wire.ToPayload(answer.GetCustomStatus()))
	}
	for _, a := range answer.GetActions() {
		what, name, p := payloadOf(a)
		shorten(a.GetCompleteOrchestration().GetFailureDetails())
		if err := cmp.Or(checkText("name", name), checkTexts(a)); err != nil {
			return refusal(typeInvalidPayload, err.Error())
		}
		if p != nil && !fits(*p) {
			if name != "" {
				what = fmt.Sprintf("%s %q", what, name)
			}
			return misfit(limit, what, wire.ToPayload(*p))
		}
	}
	return nil
}

// payloadOf returns where the payload of an action is, nil if it has none, with what
// it is and the name of the function it is for.
func payloadOf(a *dtspb.OrchestratorAction) (what, name string, at **wrapperspb.StringValue) {
	switch k := a.GetOrchestratorActionType().(type) {
	case *dtspb.OrchestratorAction_ScheduleTask:
		return "input of activity", k.ScheduleTask.GetName(), &k.ScheduleTask.Input
	case *dtspb.OrchestratorAction_CreateSubOrchestration:
		return "input of orchestration", k.CreateSubOrchestration.GetName(), &k.CreateSubOrchestration.Input
	case *dtspb.OrchestratorAction_SendEvent:
		return "payload of event", k.SendEvent.GetName(), &k.SendEvent.Data
	case *dtspb.OrchestratorAction_SendEntityMessage:
		if c := k.SendEntityMessage.GetEntityOperationCalled(); c != nil {
			return "input of operation", c.GetOperation(), &c.Input
		} else if s := k.SendEntityMessage.GetEntityOperationSignaled(); s != nil {
			return "input of operation", s.GetOperation(), &s.Input
		}
	case *dtspb.OrchestratorAction_CompleteOrchestration:
		if k.CompleteOrchestration.GetOrchestrationStatus() == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CONTINUED_AS_NEW {
			return "input for continue-as-new", "", &k.CompleteOrchestration.Result
		}
		return "result", "", &k.CompleteOrchestration.Result
	}
	return "", "", nil
}

// refuseID says what the scheduler would refuse about the id of an entity.
func refuseID(id dts.EntityID) *dtspb.TaskFailureDetails {
	if err := id.Check(); err != nil {
		return refusal(typeInvalidEntity, err.Error())
	}
	return nil
}

// checkResult says what the scheduler would refuse about a result, nil if nothing.
// No limit is that of the hub.
func checkResult(limit int, kind, name string, result []byte) *dtspb.TaskFailureDetails {
	if limit = cmp.Or(limit, wire.MaxPayload); len(result) <= limit && utf8.Valid(result) {
		return nil
	}
	return misfit(limit, fmt.Sprintf("result of %s %q", kind, name), result)
}

func fits(p *wrapperspb.StringValue) bool {
	return len(p.GetValue()) <= wire.MaxPayload && utf8.ValidString(p.GetValue())
}

func misfit(limit int, what string, payload []byte) *dtspb.TaskFailureDetails {
	return refusal(typeInvalidPayload, wire.CheckPayloadWithin(limit, what, payload).Error())
}

func refusal(kind, text string) *dtspb.TaskFailureDetails {
	return &dtspb.TaskFailureDetails{ErrorType: kind, ErrorMessage: text, IsNonRetriable: true}
}

// failed is the action that ends an instance.
func failed(id int32, f *dtspb.TaskFailureDetails) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{
		Id: id,
		OrchestratorActionType: &dtspb.OrchestratorAction_CompleteOrchestration{
			CompleteOrchestration: &dtspb.CompleteOrchestrationAction{
				OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED,
				FailureDetails:      f,
			},
		},
	}
}

// nextID returns a sequence id after those of actions.
func nextID(actions []*dtspb.OrchestratorAction) int32 {
	if len(actions) == 0 {
		return 0
	}
	return actions[len(actions)-1].GetId() + 1
}

// split makes parts of an answer that is too large for one message. What
// concerns the whole turn goes with the first; on the others, zero processed
// events say that they add none.
func split(answer *dtspb.OrchestratorResponse) []*dtspb.OrchestratorResponse {
	parts := []*dtspb.OrchestratorResponse{answer}
	if proto.Size(answer) <= maxAnswer {
		return parts
	}
	actions := answer.Actions
	answer.Actions = nil
	part, room := answer, maxAnswer-partOverhead-proto.Size(answer)
	for _, a := range actions {
		size := proto.Size(a) + actionOverhead
		if size > room && len(part.Actions) > 0 {
			part = &dtspb.OrchestratorResponse{
				InstanceId:         answer.InstanceId,
				CompletionToken:    answer.CompletionToken,
				NumEventsProcessed: wrapperspb.Int32(0),
			}
			room = maxAnswer - partOverhead - proto.Size(part)
			parts = append(parts, part)
		}
		if size > room && a.GetRewindOrchestration() == nil { // a history is as long as it is
			answer.Actions = []*dtspb.OrchestratorAction{failed(nextID(actions), refusal(typeAnswerTooLarge,
				fmt.Sprintf("one action of the orchestrator has %d bytes, the limit is %d: "+
					"pass fewer events on when continuing as new, or use smaller tags", size, maxAnswer)))}
			return parts[:1]
		}
		part.Actions = append(part.Actions, a)
		room -= size
	}
	for i, p := range parts {
		p.IsPartial = i < len(parts)-1
		p.ChunkIndex = wrapperspb.Int32(int32(i))
	}
	return parts
}

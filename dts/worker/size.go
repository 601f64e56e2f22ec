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
func check(answer *dtspb.OrchestratorResponse) *dtspb.TaskFailureDetails {
	if !fits(answer.GetCustomStatus()) {
		return misfit("custom status", wire.ToPayload(answer.GetCustomStatus()))
	}
	for _, a := range answer.GetActions() {
		var what, name string
		var p *wrapperspb.StringValue
		switch k := a.GetOrchestratorActionType().(type) {
		case *dtspb.OrchestratorAction_ScheduleTask:
			what, name, p = "input of activity", k.ScheduleTask.GetName(), k.ScheduleTask.GetInput()
		case *dtspb.OrchestratorAction_CreateSubOrchestration:
			what, name, p = "input of orchestration", k.CreateSubOrchestration.GetName(), k.CreateSubOrchestration.GetInput()
		case *dtspb.OrchestratorAction_SendEvent:
			what, name, p = "payload of event", k.SendEvent.GetName(), k.SendEvent.GetData()
		case *dtspb.OrchestratorAction_SendEntityMessage:
			if c := k.SendEntityMessage.GetEntityOperationCalled(); c != nil {
				what, name, p = "input of operation", c.GetOperation(), c.GetInput()
			} else if s := k.SendEntityMessage.GetEntityOperationSignaled(); s != nil {
				what, name, p = "input of operation", s.GetOperation(), s.GetInput()
			}
		case *dtspb.OrchestratorAction_CompleteOrchestration:
			if k.CompleteOrchestration.GetOrchestrationStatus() == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CONTINUED_AS_NEW {
				what, p = "input for continue-as-new", k.CompleteOrchestration.GetResult()
			}
			shorten(k.CompleteOrchestration.GetFailureDetails())
		}
		if err := cmp.Or(checkText("name", name), checkTexts(a)); err != nil {
			return refusal(typeInvalidPayload, err.Error())
		}
		if !fits(p) {
			if name != "" {
				what = fmt.Sprintf("%s %q", what, name)
			}
			return misfit(what, wire.ToPayload(p))
		}
	}
	return nil
}

// refuseID says what the scheduler would refuse about the id of an entity.
func refuseID(id dts.EntityID) *dtspb.TaskFailureDetails {
	if err := id.Check(); err != nil {
		return refusal(typeInvalidEntity, err.Error())
	}
	return nil
}

// checkResult says what the scheduler would refuse about a result, nil if nothing.
func checkResult(kind, name string, result []byte) *dtspb.TaskFailureDetails {
	if len(result) <= wire.MaxPayload && utf8.Valid(result) {
		return nil
	}
	return misfit(fmt.Sprintf("result of %s %q", kind, name), result)
}

func fits(p *wrapperspb.StringValue) bool {
	return len(p.GetValue()) <= wire.MaxPayload && utf8.ValidString(p.GetValue())
}

func misfit(what string, payload []byte) *dtspb.TaskFailureDetails {
	return refusal(typeInvalidPayload, wire.CheckPayload(what, payload).Error())
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

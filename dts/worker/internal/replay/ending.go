package replay

import (
	"fmt"
	"runtime/debug"
	"strings"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// Types of the failures that replay makes itself.
const (
	typePanic          = "panic"
	typeExited         = "Goexit"
	typeTrespass       = "ForeignGoroutine"
	typeNonDeterminism = "NonDeterminismError"
	typeUnregistered   = "OrchestratorTaskNotFound"
	typeSection        = "CriticalSectionError"
)

// continuation is what a continue-as-new asked for.
type continuation struct {
	input      []byte
	version    *string
	dropEvents bool
}

// ending is how the execution ends. Its action has the sequence id that was
// next; the other actions go along unless it stands alone.
type ending struct {
	id     int32
	alone  bool
	action dtspb.CompleteOrchestrationAction
}

// final reports that no further event matters. An orchestrator that has
// returned can still be terminated, and passes on events that come after.
func (e *ending) final() bool {
	return e != nil && e.alone && e.action.OrchestrationStatus == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED
}

func (t *Turn) conclude(status dtspb.OrchestrationStatus, alone bool) *ending {
	if !alone {
		t.unlockAll()
	}
	t.end = &ending{id: t.pending.last, alone: alone}
	t.end.action.OrchestrationStatus = status
	return t.end
}

// finish ends the execution with what the orchestrator returned.
func (t *Turn) finish(result []byte, failure *dtspb.TaskFailureDetails) {
	if failure == nil && t.next != nil {
		failure = t.section.refuseEnd()
	}
	switch {
	case failure != nil:
		t.fail(failure)
	case t.next != nil:
		end := t.conclude(dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CONTINUED_AS_NEW, false)
		end.action.Result, end.action.NewVersion = wire.FromPayload(t.next.input), optional(t.next.version)
	case t.canceled != nil:
		t.conclude(dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED, false).action.Result = t.canceled.output
	default:
		t.conclude(dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED, false).action.Result = wire.FromPayload(result)
	}
}

// fail ends the execution with a failure. What was asked for before still happens.
func (t *Turn) fail(f *dtspb.TaskFailureDetails) {
	t.conclude(dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED, false).action.FailureDetails = f
}

// diverge ends the execution because history and code disagree: nothing that
// the code asked for can be trusted.
func (t *Turn) diverge(id int32, was, is string) {
	f := &dtspb.TaskFailureDetails{
		ErrorType: typeNonDeterminism,
		ErrorMessage: fmt.Sprintf("the orchestrator does not repeat its history: with sequence id %d history has %s, the code has %s; "+
			"code of running instances must not change its order of calls, and must not depend on time, random numbers or other outside state",
			id, was, is),
		IsNonRetriable: true,
	}
	t.conclude(dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED, true).action.FailureDetails = f
}

func describe(k kind, name, target string) string {
	s := string(k)
	if name != "" {
		s += fmt.Sprintf(" %q", name)
	}
	if target != "" && (k == entityCall || k == entitySignal || k == entityUnlock) {
		s += " of " + target
	}
	return s
}

// terminate ends the execution from outside; it wins over any other end.
func (t *Turn) terminate(output *wrapperspb.StringValue) {
	t.conclude(dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED, true).action.Result = output
}

// Actions returns what the turn answers: all that no event has confirmed yet,
// by ascending id. It changes nothing, so more events can follow.
func (t *Turn) Actions() []*dtspb.OrchestratorAction {
	if f := t.trespass.Load(); f != nil && !t.end.final() {
		t.conclude(dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED, true).action.FailureDetails = f
	}
	if t.suspended && t.end == nil {
		return t.markActions() // the others go out when the instance is resumed
	}
	var actions []*dtspb.OrchestratorAction
	if t.end == nil || !t.end.alone {
		open := t.pending.open()
		actions = make([]*dtspb.OrchestratorAction, 0, len(open)+len(t.marks)+1)
		actions = append(actions, t.markActions()...)
		for _, a := range open {
			actions = append(actions, a.message(t))
		}
	}
	if end := t.end; end != nil {
		if end.action.OrchestrationStatus == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CONTINUED_AS_NEW {
			end.action.CarryoverEvents = t.carryover(t.next.dropEvents)
		}
		actions = append(actions, &dtspb.OrchestratorAction{
			Id:                     end.id,
			OrchestratorActionType: &dtspb.OrchestratorAction_CompleteOrchestration{CompleteOrchestration: &end.action},
		})
	}
	return actions
}

// Panicked is the failure of a function that panicked with cause; the deferred
// function that recovered calls it, for the stack.
func Panicked(cause any) *dtspb.TaskFailureDetails {
	return &dtspb.TaskFailureDetails{
		ErrorType:    typePanic,
		ErrorMessage: strings.ToValidUTF8(fmt.Sprint(cause), "\uFFFD"),
		StackTrace:   wrapperspb.String(string(debug.Stack())),
	}
}

// Exited is the failure of a function that ended its goroutine; a deferred
// function of it calls Exited, for the stack.
func Exited() *dtspb.TaskFailureDetails {
	if expelled() {
		return &dtspb.TaskFailureDetails{
			ErrorType: typeTrespass,
			ErrorMessage: "the function used the context or a future of another orchestration, or of one in an activity; " +
				"they work in the function that got them only: pass values on instead",
			StackTrace:     wrapperspb.String(string(debug.Stack())),
			IsNonRetriable: true,
		}
	}
	return &dtspb.TaskFailureDetails{
		ErrorType:    typeExited,
		ErrorMessage: "the function ended its goroutine with runtime.Goexit, as t.Fatal does; return an error instead",
		StackTrace:   wrapperspb.String(string(debug.Stack())),
	}
}

func unregistered(name, version string) *dtspb.TaskFailureDetails {
	what := fmt.Sprintf("orchestrator %q", name)
	if version != "" {
		what = fmt.Sprintf("version %q of %s", version, what)
	}
	return &dtspb.TaskFailureDetails{
		ErrorType:      typeUnregistered,
		ErrorMessage:   what + " is not registered in this worker",
		IsNonRetriable: true,
	}
}

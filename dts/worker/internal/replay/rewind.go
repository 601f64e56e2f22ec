package replay

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Rewind answers a work item that asks for a failed instance to be rewound; no
// orchestrator runs. ok is false for every other item. The failed tasks leave the
// history, and with them the end, so that the next turn schedules them again: all
// but those that were tried again since. What follows them in history is how the
// orchestrator went on, and only the last attempt made it fail.
func Rewind(past, events []*dtspb.HistoryEvent, newExecutionID func() string) (_ *dtspb.OrchestratorAction, ok bool) {
	if len(events) != 2 || events[0].GetOrchestratorStarted() == nil || events[1].GetExecutionRewound() == nil {
		return nil, false
	}
	rewound := events[1].GetExecutionRewound()
	failed, ok := lastAttempts(past)
	if !ok {
		return nil, false
	}
	final := 0 // where the turn that failed begins
	for i, e := range past {
		if e.GetOrchestratorStarted() != nil {
			final = i
		}
	}
	history := make([]*dtspb.HistoryEvent, 0, len(past)+len(events))
	for i, e := range past {
		switch e.GetEventType().(type) {
		case *dtspb.HistoryEvent_EntityUnlockSent:
			if i > final {
				continue // it came with the failure; if not, it is sent again and changes nothing
			}
		case *dtspb.HistoryEvent_ExecutionCompleted:
			continue
		case *dtspb.HistoryEvent_TaskFailed, *dtspb.HistoryEvent_SubOrchestrationInstanceFailed:
			if failed[failedTask(e)] {
				continue
			}
		case *dtspb.HistoryEvent_TaskScheduled:
			if failed[e.GetEventId()] {
				continue
			}
		case *dtspb.HistoryEvent_ExecutionStarted:
			e = restarted(e, newExecutionID(), rewound.GetParentExecutionId())
		}
		history = append(history, e)
	}
	return &dtspb.OrchestratorAction{
		Id: -1,
		OrchestratorActionType: &dtspb.OrchestratorAction_RewindOrchestration{
			RewindOrchestration: &dtspb.RewindOrchestrationAction{NewHistory: append(history, events...)},
		},
	}, true
}

// failedTask is the sequence id of what an event says has failed.
func failedTask(e *dtspb.HistoryEvent) int32 {
	if f := e.GetTaskFailed(); f != nil {
		return f.GetTaskScheduledId()
	}
	return e.GetSubOrchestrationInstanceFailed().GetTaskScheduledId()
}

// attempt is an activity or a child as the next attempt asks for it again.
type attempt struct {
	child       bool
	name, input string
}

// lastAttempts returns the sequence ids of what has failed and was not tried again
// after that; ended is false for a history without an end.
func lastAttempts(past []*dtspb.HistoryEvent) (failed map[int32]bool, ended bool) {
	asked := make(map[int32]attempt)
	open := make(map[attempt][]int32) // failures that no other attempt has followed
	for _, e := range past {
		var a attempt
		switch k := e.GetEventType().(type) {
		case *dtspb.HistoryEvent_TaskScheduled:
			a = attempt{false, k.TaskScheduled.GetName(), k.TaskScheduled.GetInput().GetValue()}
		case *dtspb.HistoryEvent_SubOrchestrationInstanceCreated:
			a = attempt{true, k.SubOrchestrationInstanceCreated.GetName(), k.SubOrchestrationInstanceCreated.GetInput().GetValue()}
		case *dtspb.HistoryEvent_TaskFailed, *dtspb.HistoryEvent_SubOrchestrationInstanceFailed:
			id := failedTask(e)
			open[asked[id]] = append(open[asked[id]], id)
			continue
		case *dtspb.HistoryEvent_ExecutionCompleted:
			ended = true
			continue
		default:
			continue
		}
		asked[e.GetEventId()] = a
		if ids := open[a]; len(ids) > 0 {
			open[a] = ids[1:]
		}
	}
	failed = make(map[int32]bool)
	for _, ids := range open {
		for _, id := range ids {
			failed[id] = true
		}
	}
	return failed, ended
}

// restarted copies the first event for another execution, with its parent's
// new execution if there is one.
func restarted(e *dtspb.HistoryEvent, executionID string, parent *wrapperspb.StringValue) *dtspb.HistoryEvent {
	e = proto.CloneOf(e)
	started := e.GetExecutionStarted()
	if started.OrchestrationInstance == nil {
		started.OrchestrationInstance = &dtspb.OrchestrationInstance{}
	}
	started.OrchestrationInstance.ExecutionId = wrapperspb.String(executionID)
	if p := started.GetParentInstance().GetOrchestrationInstance(); p != nil && parent != nil {
		p.ExecutionId = wrapperspb.String(parent.GetValue())
	}
	return e
}

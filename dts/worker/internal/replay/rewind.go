package replay

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Rewind answers a work item that asks for a failed instance to be rewound; no
// orchestrator runs. ok is false for every other item. The failed tasks leave the
// history, and with them the end, so that the next turn schedules them again.
func Rewind(past, events []*dtspb.HistoryEvent, newExecutionID func() string) (_ *dtspb.OrchestratorAction, ok bool) {
	if len(events) != 2 || events[0].GetOrchestratorStarted() == nil || events[1].GetExecutionRewound() == nil {
		return nil, false
	}
	rewound := events[1].GetExecutionRewound()
	failed := make(map[int32]bool)
	for _, e := range past {
		switch k := e.GetEventType().(type) {
		case *dtspb.HistoryEvent_ExecutionCompleted:
			ok = true
		case *dtspb.HistoryEvent_TaskFailed:
			failed[k.TaskFailed.GetTaskScheduledId()] = true
		}
	}
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
		case *dtspb.HistoryEvent_ExecutionCompleted, *dtspb.HistoryEvent_TaskFailed, *dtspb.HistoryEvent_SubOrchestrationInstanceFailed:
			continue
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

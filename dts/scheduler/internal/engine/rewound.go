package engine

import (
	"slices"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// rewoundHistory returns the history in a worker's answer to a rewind, nil if it
// answered something else. The request itself, which workers leave at the end, is
// not part of it.
func rewoundHistory(r *dtspb.OrchestratorResponse) []*dtspb.HistoryEvent {
	for _, a := range r.GetActions() {
		if h := a.GetRewindOrchestration().GetNewHistory(); h != nil {
			if n := len(h); n >= 2 && h[n-1].GetExecutionRewound() != nil && h[n-2].GetOrchestratorStarted() != nil {
				return h[:n-2]
			}
			return h
		}
	}
	return nil
}

// turnsOf cuts a history where turns begin. It returns nil for what cannot be
// the history of an execution that is to go on.
func turnsOf(h []*dtspb.HistoryEvent) [][]*dtspb.HistoryEvent {
	if len(h) < 2 || h[0].GetOrchestratorStarted() == nil || h[1].GetExecutionStarted() == nil {
		return nil
	}
	var turns [][]*dtspb.HistoryEvent
	for i, e := range h {
		switch {
		case e.GetEventType() == nil || e.GetExecutionCompleted() != nil || i != 1 && e.GetExecutionStarted() != nil:
			return nil
		case e.GetOrchestratorStarted() != nil:
			turns = append(turns, nil)
		}
		last := len(turns) - 1
		turns[last] = append(turns[last], e)
	}
	return turns
}

// entangled says what keeps a failed execution from being rewound, empty if
// nothing does. Its locks and its calls ended with it: an execution that went on
// would believe that it holds the lock, or wait for an answer that never comes.
func entangled(history []*dtspb.HistoryEvent) string {
	final := 0 // where the turn that failed begins
	for i, e := range history {
		if e.GetOrchestratorStarted() != nil {
			final = i
		}
	}
	asked := make(map[string]bool)    // requests without an answer
	sets := make(map[string][]string) // entities by the request that wants them
	held := make(map[string][]string) // entities by the request that got them
	for i, e := range history {
		switch t := e.GetEventType().(type) {
		case *dtspb.HistoryEvent_EntityOperationCalled:
			asked[t.EntityOperationCalled.GetRequestId()] = true
		case *dtspb.HistoryEvent_EntityOperationCompleted:
			delete(asked, t.EntityOperationCompleted.GetRequestId())
		case *dtspb.HistoryEvent_EntityOperationFailed:
			delete(asked, t.EntityOperationFailed.GetRequestId())
		case *dtspb.HistoryEvent_EntityLockRequested:
			id := t.EntityLockRequested.GetCriticalSectionId()
			asked[id], sets[id] = true, lockSet(t.EntityLockRequested)
		case *dtspb.HistoryEvent_EntityLockGranted:
			id := t.EntityLockGranted.GetCriticalSectionId()
			delete(asked, id)
			held[id] = sets[id]
		case *dtspb.HistoryEvent_EntityUnlockSent:
			// Workers end what is still locked with the turn that fails.
			if id, err := wire.EntityID(t.EntityUnlockSent.GetTargetInstanceId().GetValue()); err == nil && i < final {
				section := t.EntityUnlockSent.GetCriticalSectionId()
				held[section] = slices.DeleteFunc(held[section], func(e string) bool { return e == id })
			}
		}
	}
	for _, locked := range held {
		if len(locked) > 0 {
			return "failed while it had an entity locked"
		}
	}
	if len(asked) > 0 {
		return "failed while it waited for an entity"
	}
	return ""
}

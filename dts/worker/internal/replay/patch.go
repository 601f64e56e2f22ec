package replay

import (
	"cmp"
	"slices"
	"strings"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// patchEvent begins the name of the event that marks a patch in history; the id of
// the change follows. The protocol has no markers. An event that is sent to nobody is
// something that every scheduler writes down and every client can read.
const patchEvent = "funchost.patch/"

// patch is the answer for one change, the same for the whole execution.
type patch struct {
	change string
	new    bool
}

// Patched reports whether the execution takes the way of the code with the change: it
// does if it came here first with that code, and then history says so.
//
//	                      history has the mark ──► true, mark
//	first time here ──┬── replaying, no mark ────► false: the old code was here
//	                  └── not replaying ─────────► true, mark
//
// The mark takes no sequence id of its own, so that the call can be taken out of the
// code when no execution from before the change is left: histories with the mark
// still fit.
func (t *Turn) Patched(change string) bool {
	t.guard("Context.Patched")
	for _, p := range t.patches {
		if p.change == change {
			return p.new
		}
	}
	p := patch{change: change, new: !t.Replaying() || t.marked(change)}
	t.patches = append(t.patches, p)
	if p.new {
		t.marks = append(t.marks, change)
	}
	return p.new
}

// marked reports whether the events that are to be applied have the mark.
func (t *Turn) marked(change string) bool {
	for _, e := range t.ahead {
		if c, ok := markOf(e); ok && c == change {
			return true
		}
	}
	return false
}

// confirmMark takes an event that marks a patch as proof that it is in history. Code
// from which the call was taken out has nothing to confirm.
func (t *Turn) confirmMark(e *dtspb.HistoryEvent) (ok bool) {
	change, ok := markOf(e)
	if !ok {
		return false
	}
	t.marks = slices.DeleteFunc(t.marks, func(m string) bool { return m == change })
	return true
}

func markOf(e *dtspb.HistoryEvent) (change string, ok bool) {
	return strings.CutPrefix(e.GetEventSent().GetName(), patchEvent)
}

// markActions are the marks that history has not yet. They go to an instance that
// cannot exist, and share the sequence id of the action that comes next.
func (t *Turn) markActions() []*dtspb.OrchestratorAction {
	if len(t.marks) == 0 {
		return nil
	}
	id := t.pending.last
	if open := t.pending.open(); len(open) > 0 {
		id = open[0].id
	}
	nobody := cmp.Or(t.executionID, t.instanceID) + ":patch"
	actions := make([]*dtspb.OrchestratorAction, len(t.marks))
	for i, change := range t.marks {
		actions[i] = &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_SendEvent{
			SendEvent: &dtspb.SendEventAction{Instance: &dtspb.OrchestrationInstance{InstanceId: nobody}, Name: patchEvent + change},
		}}
	}
	return actions
}

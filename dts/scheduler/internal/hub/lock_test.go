package hub_test

import (
	"testing"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// TestALockThatHasToWaitIsNotAskedForAgain: a request that is first with one of
// its entities and not with the other was looked at again and again without a
// pause, which kept a core busy and, in a bubble, the time from moving.
func TestALockThatHasToWaitIsNotAskedForAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := w.worker()
		w.do(start("first"))
		if err := w.answer(w.turn(s), lockAction("of first", "@e@b")); err != nil {
			t.Fatal(err)
		}
		holds := w.turn(s)
		w.do(start("second"))
		if err := w.answer(w.turn(s), lockAction("of second", "@e@a", "@e@b")); err != nil {
			t.Fatal(err)
		}
		if item := w.next(s); item != nil {
			t.Fatalf("got %v, want nothing: the second has to wait", item)
		}
		if err := w.answer(holds, complete(2, "done")); err != nil {
			t.Fatal(err)
		}
		granted := w.turn(s).GetOrchestratorRequest()
		if got := granted.GetNewEvents()[1].GetEntityLockGranted().GetCriticalSectionId(); granted.GetInstanceId() != "second" || got != "of second" {
			t.Errorf("got a turn of %q with the lock %q, want the second with its own", granted.GetInstanceId(), got)
		}
	})
}

func lockAction(section string, ids ...string) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{OrchestratorActionType: &dtspb.OrchestratorAction_SendEntityMessage{
		SendEntityMessage: &dtspb.SendEntityMessageAction{EntityMessageType: &dtspb.SendEntityMessageAction_EntityLockRequested{
			EntityLockRequested: &dtspb.EntityLockRequestedEvent{CriticalSectionId: section, LockSet: ids},
		}},
	}}
}

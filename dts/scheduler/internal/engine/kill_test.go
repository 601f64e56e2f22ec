package engine

import (
	"errors"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// kill ends an instance without its worker and reports whether it was live.
func (w *world) kill(id string) bool {
	w.t.Helper()
	killed := false
	w.do(Kill{ID: id, Reason: text1(`"enough"`), Killed: &killed})
	return killed
}

func TestKillEndsWithoutAWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("parent")
	w.turn("parent", actChild(3, "a"))
	w.turn("a", actTask(1, "t"), actTimer(2, w.now.Add(time.Hour)), actChild(4, "c"))
	if !w.kill("a") {
		t.Error("an instance that waits is not killed")
	}
	w.wantStatus("a", terminated)
	w.wantHistory("a", "-1 orchestratorStarted", "0 executionStarted", "1 taskScheduled t", "2 timerCreated", "4 subOrchestrationInstanceCreated c",
		"-1 orchestratorStarted", "-1 executionTerminated", "0 executionCompleted terminated")
	if got := w.live["a"].Record.GetOutput().GetValue(); got != `"enough"` {
		t.Errorf("output is %q", got)
	}
	if len(w.rows.Tasks)+len(w.rows.Timers) != 0 {
		t.Errorf("left behind: %v %v", w.rows.Tasks, w.rows.Timers)
	}
	w.wantStatus("c", pending)
	w.wantInbox("parent", "-1 subOrchestrationInstanceFailed of 3 OrchestrationTerminated")
	for _, id := range []string{"a", "nobody"} {
		if w.kill(id) || len(w.fx.Writes) != 0 {
			t.Errorf("%q is killed again", id)
		}
	}
}

func TestKillTakesTheTurnOutOfAWorkersHands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	answer := w.answer("a", w.deliver("a"))
	w.do(Raise{ID: "a", Name: "e"})
	w.kill("a")
	if diff := gocmp.Diff([]TaskKey{w.live["a"].TurnKey()}, w.fx.Withdrawn); diff != "" {
		t.Errorf("withdrawn (-want +got):\n%s", diff)
	}
	if err := w.try(answer); !errors.Is(err, ErrStale) {
		t.Errorf("the worker's answer: got %v, want ErrStale", err)
	}
}

func TestDelayedStartIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(Start{Request: &dtspb.CreateInstanceRequest{InstanceId: "a", Name: "orc", ScheduledStartTimestamp: at(w.now.Add(time.Hour))}})
	if !w.kill("a") || len(w.rows.Timers) != 0 {
		t.Errorf("left behind: %v", w.rows.Timers)
	}
	w.wantStatus("a", terminated)
}

// TestKilledRewindIsGivenUp: the instance has ended before and has no other end.
func TestKilledRewindIsGivenUp(t *testing.T) {
	t.Parallel()
	w := failedAfterActivity(t)
	w.do(Rewind{ID: "a"})
	if w.kill("a") {
		t.Error("a failed instance is terminated")
	}
	w.wantStatus("a", failed)
}

package engine

import (
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestTimerFiresAtItsTimeAndOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	due := w.now.Add(time.Hour)
	w.turn("a", actTimer(5, due))
	timer := w.fx.Timers[0]
	w.now = due.Add(-time.Minute)
	w.restart()
	w.wantInbox("a")
	w.wait(time.Minute)
	w.wantInbox("a", "-1 timerFired of 5")
	w.do(TimerDue{Timer: timer})
	w.wantInbox("a", "-1 timerFired of 5")
	events := w.turn("a")
	if !events[0].GetTimestamp().AsTime().After(due) || !events[1].GetTimerFired().GetFireAt().AsTime().Equal(due) {
		t.Errorf("turn: got %v", events)
	}
	w.rows.Timers[timer] = true // as if it had been read before
	w.do(TimerDue{Timer: timer})
	w.wantInbox("a")
}

// TestTurnIsLaterThanItsTimers: Java's worker creates the timer again while its
// clock is not past the time.
func TestTurnIsLaterThanItsTimers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	due := w.now.Add(time.Hour)
	w.turn("a", actTimer(1, due))
	w.do(Raise{ID: "a", Name: "e"})
	w.wait(time.Hour)
	w.now = w.now.Add(-3 * time.Hour) // somebody sets the clock back
	events := w.deliver("a")
	if got := events[0].GetTimestamp().AsTime(); !got.After(due) {
		t.Errorf("turn begins at %v, want after %v", got, due)
	}
	w.do(w.answer("a", events))
	w.do(Raise{ID: "a", Name: "e"})
	if again := w.deliver("a"); !again[0].GetTimestamp().AsTime().After(events[0].GetTimestamp().AsTime()) {
		t.Errorf("the clock went from %v to %v", events[0].GetTimestamp().AsTime(), again[0].GetTimestamp().AsTime())
	}
}

func TestTimersOfAnyTime(t *testing.T) {
	t.Parallel()
	now := newWorld(t).now
	for name, tc := range map[string]struct {
		fireAt *timestamppb.Timestamp
		now    bool // fires at once
	}{
		"the past":    {at(now.Add(-time.Hour)), true},
		"1970":        {&timestamppb.Timestamp{}, true},
		"before 1970": {at(time.Date(1969, 7, 20, 0, 0, 0, 0, time.UTC)), true},
		"1019":        {at(time.Date(1019, 1, 1, 0, 0, 0, 0, time.UTC)), true},
		"year 1":      {at(time.Time{}), true},
		"in 2262":     {at(time.Date(2262, 4, 11, 0, 0, 0, 0, time.UTC)), false},
		"in 2600":     {at(time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC)), false},
		"year 9999":   {at(time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start("a")
			a := actTimer(1, time.Time{})
			a.GetCreateTimer().FireAt = tc.fireAt
			w.turn("a", a)
			if due := w.fx.Timers[0].Due; due < 0 || due == math.MaxInt64 {
				t.Errorf("due at %d", due)
			}
			w.wait(200 * 365 * 24 * time.Hour)
			if fired := len(w.live["a"].Inbox) == 1; fired != tc.now {
				t.Errorf("fired is %v, want %v", fired, tc.now)
			}
			if got := w.live["a"].History[2].GetTimerCreated().GetFireAt(); !got.AsTime().Equal(tc.fireAt.AsTime()) {
				t.Errorf("history says %v, want %v", got.AsTime(), tc.fireAt.AsTime())
			}
			w.restart()
			if tc.now {
				w.turn("a", actComplete(2, completed, ""))
			}
		})
	}
}

// TestTurnOfTimersOnlySurvivesARestart: the timers of a turn at a worker have no
// rows of that turn, and messages that came meanwhile have rows of the next.
func TestTurnOfTimersOnlySurvivesARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actTimer(1, w.now.Add(time.Second)))
	w.wait(2 * time.Second)
	w.deliver("a")
	w.do(Raise{ID: "a", Name: "meanwhile"})
	w.restart()
	w.turn("a", actTask(2, "t"))
	w.activityDone("a", 2, "")
	w.turn("a", actComplete(3, completed, ""))
	w.wantHistory("a", "-1 orchestratorStarted", "0 executionStarted", "1 timerCreated",
		"-1 orchestratorStarted", "-1 eventRaised meanwhile", "-1 timerFired of 1", "2 taskScheduled t",
		"-1 orchestratorStarted", "-1 taskCompleted of 2", "3 executionCompleted completed")
}

func TestTimersEndWithTheirExecution(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]dtspb.OrchestrationStatus{"completed": completed, "continued": continued} {
		w := newWorld(t)
		w.start("a")
		w.turn("a", actTimer(1, w.now.Add(time.Minute)), actTimer(2, w.now.Add(time.Hour)))
		timers := w.fx.Timers
		w.wait(time.Minute)
		w.turn("a", actTimer(3, w.now.Add(time.Hour)), actTask(4, "t"), actComplete(5, status, "next"))
		if len(w.rows.Timers)+len(w.rows.Tasks)+len(w.fx.Timers)+len(w.fx.Tasks) != 0 {
			t.Errorf("%s: left behind %v %v %v", name, w.rows.Timers, w.rows.Tasks, w.fx)
		}
		if status == continued {
			w.turn("a", actTimer(2, w.now.Add(2*time.Hour)))
		}
		for _, timer := range timers {
			w.rows.Timers[timer] = true // as if it had been read before
			w.do(TimerDue{Timer: timer})
		}
		w.wantInbox("a")
	}
}

// TestYear9999IsNever: what SDKs take for the end of time is more than our rows can
// say.
func TestYear9999IsNever(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actTimer(1, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)))
	w.wait(235 * 365 * 24 * time.Hour)
	w.wantStatus("a", running)
	w.wantInbox("a")
}

func TestTimesOfSignalsAreTimes(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]*timestamppb.Timestamp{"negative": {Nanos: -5}, "too large": {Seconds: 1 << 62}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start("a")
			w.turn("a", signalOf(&dtspb.EntityOperationSignaledEvent{Operation: "op", ScheduledTime: at}))
			w.wantStatus("a", failed)
			if f := w.live["a"].Record.GetFailure(); f.GetErrorType() != UnsupportedAction {
				t.Errorf("got %v", f)
			}
		})
	}
}

package conformance

import (
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

var timerScenarios = []scenario{
	{
		name: "a-timer-fires-once-and-not-early",
		rule: "A timer fires once, with its id and time, in a turn whose clock is later than that time",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			at := t.now().Add(200*time.Millisecond + 1)
			t.answer(timer(5, at))
			t = k.turn()
			w.wantKinds("turn", t.news(), "timerFired")
			w.wantSame("event", &dtspb.TimerFiredEvent{FireAt: stamp(at), TimerId: 5}, t.news()[0].GetTimerFired())
			if !t.now().After(at) {
				w.Errorf("the clock is %v, the time of the timer was %v", t.now(), at)
			}
			t.answer()
			w.raise(id, "fence", "")
			w.wantKinds("turn after it", k.turn().news(), "eventRaised")
			if s := w.state(id); s.GetLastUpdatedTimestamp().AsTime().Before(at) {
				w.Errorf("last updated at %v, before the timer", s.GetLastUpdatedTimestamp().AsTime())
			}
		},
	},
	{
		name: "a-time-that-has-passed-is-now",
		rule: "A timer for a time that has passed fires at once",
		from: documented,
		run: func(w *world) {
			k, _ := w.worker(), w.start("a")
			t := k.turn()
			at := t.now().Add(-time.Hour)
			t.answer(timer(1, at))
			w.wantSame("event", &dtspb.TimerFiredEvent{FireAt: stamp(at), TimerId: 1}, k.turn().news()[0].GetTimerFired())
		},
	},
	{
		name: "a-timer-is-in-the-history",
		rule: "The history has `TimerCreated` with the id of the action, and `TimerFired` with event id -1",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			t.answer(timer(3, t.now()))
			k.turn().answer()
			events := w.wantHistory(id, "orchestratorStarted", "executionStarted", "timerCreated", "orchestratorStarted", "timerFired")
			if events[2].GetEventId() != 3 || events[4].GetEventId() != -1 || events[4].GetTimerFired().GetTimerId() != 3 {
				w.Errorf("got %v", events)
			}
		},
	},
	{
		name: "timers-fire-in-the-order-of-their-times",
		rule: "Timers of an instance fire in the order of their times",
		from: documented,
		run: func(w *world) {
			k, _ := w.worker(), w.start("a")
			t := k.turn()
			t.answer(timer(1, t.now().Add(200*time.Millisecond)), timer(2, t.now().Add(50*time.Millisecond)), timer(3, t.now().Add(120*time.Millisecond)))
			var fired []int32
			for len(fired) < 3 {
				t := k.turn()
				for _, e := range all(t.news(), (*dtspb.HistoryEvent).GetTimerFired) {
					fired = append(fired, e.GetTimerId())
				}
				t.answer()
			}
			w.wantSame("order", []int32{2, 3, 1}, fired)
		},
	},
	{
		name: "a-timer-does-not-cross-executions",
		rule: "A timer of an execution that has continued as new, or was replaced, does not fire in the next, which uses the same ids",
		from: documented,
		run: func(w *world) {
			k, _ := w.worker(), w.start("a")
			t := k.turn()
			t.answer(timer(1, t.now().Add(50*time.Millisecond)), continueAsNew(2, ""))
			t = k.turn()
			at := t.now().Add(250 * time.Millisecond)
			t.answer(timer(1, at))
			w.wantSame("event", &dtspb.TimerFiredEvent{FireAt: stamp(at), TimerId: 1}, k.turn().news()[0].GetTimerFired())
		},
	},
	{
		name: "a-timer-ends-with-its-instance",
		rule: "A timer of an instance that has ended wakes nobody, and the instance stays as it is",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			at := t.now().Add(50 * time.Millisecond)
			t.answer(timer(1, at), complete(2, "out"))
			before := w.state(id)
			fence := w.start("fence")
			t = k.turn()
			t.answer(timer(1, at.Add(100*time.Millisecond)))
			if t = k.turn(); t.GetInstanceId() != fence {
				w.Errorf("a turn of %s", t.GetInstanceId())
			}
			w.wantSame("state", before, w.state(id))
		},
	},
}

package conformance

import (
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

var eventScenarios = []scenario{
	{
		name: "an-event-arrives-as-it-was-raised",
		rule: "A raised event arrives as `EventRaised` with event id -1, its name in the case it had, and its input",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer()
			w.raise(id, "Go", "in")
			call(w, w.RaiseEvent, &dtspb.RaiseEventRequest{InstanceId: id, Name: "go"})
			t := k.turnWith(id, "eventRaised")
			e := t.news()[0]
			if e.GetEventId() != -1 || e.GetTimestamp() == nil {
				w.Errorf("got %v", e)
			}
			w.wantSame("event", &dtspb.EventRaisedEvent{Name: "Go", Input: text("in")}, e.GetEventRaised())
			if len(t.news()) == 1 {
				t.answer()
				t = k.turn()
			}
			events := t.news()
			w.wantSame("event without input", &dtspb.EventRaisedEvent{Name: "go"}, events[len(events)-1].GetEventRaised())
		},
	},
	{
		name: "early-events-stand-behind-the-start",
		rule: "Events of an instance that is Pending are kept and stand behind `ExecutionStarted`, in the order they came",
		from: documented,
		run: func(w *world) {
			id := w.start("a")
			for i := range 3 {
				w.raise(id, fmt.Sprint(i), "")
			}
			t := w.worker().turn()
			w.wantKinds("first turn", t.news(), "executionStarted", "eventRaised", "eventRaised", "eventRaised")
			w.wantSame("order", []string{"0", "1", "2"}, raised(t.news()))
		},
	},
	{
		name: "events-come-in-order-and-once",
		rule: "Events of one sender arrive in their order, each once, while turns go on",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer()
			var want, got []string
			for i := range 20 {
				w.raise(id, fmt.Sprint(i), "")
				want = append(want, fmt.Sprint(i))
			}
			for len(got) < len(want) {
				t := k.turn()
				got = append(got, raised(t.news())...)
				t.answer()
			}
			w.wantSame("events", want, got)
		},
	},
	{
		name: "a-suspended-instance-keeps-events",
		rule: "An event for a suspended instance is kept, and the worker has it when the instance goes on",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer()
			w.suspend(k, id)
			w.raise(id, "e", "")
			call(w, w.ResumeInstance, &dtspb.ResumeRequest{InstanceId: id})
			t := k.turnWith(id, "executionResumed")
			w.wantSame("events until the resume", []string{"e"}, raised(append(t.GetPastEvents(), t.news()...)))
		},
	},
	{
		name: "an-event-for-an-ended-instance-is-dropped",
		rule: "An event for an instance that has ended is accepted and changes nothing",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.finish(id, "out")
			before := w.state(id)
			w.raise(id, "e", "")
			w.wantSame("state", before, w.state(id))
		},
	},
	{
		name: "an-event-for-nobody-is-not-found",
		rule: "An event for an unknown id is `NOT_FOUND`",
		from: decided,
		run: func(w *world) {
			refused(w, codes.NotFound, w.id("nobody"), w.RaiseEvent, &dtspb.RaiseEventRequest{InstanceId: w.id("nobody"), Name: "e"})
		},
	},
	{
		name: "one-orchestration-sends-to-another",
		rule: "What an orchestration sends to another arrives there as `EventRaised`; the sender's history has `EventSent` with the id of the action",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			id, other := w.start("a"), w.start("b")
			k.turnOf(other).answer()
			k.turnOf(id).answer(send(7, other, "hello", "data"))
			e := k.turnOf(other).news()[0]
			if e.GetEventId() != -1 {
				w.Errorf("event id is %d", e.GetEventId())
			}
			w.wantSame("arrived", &dtspb.EventRaisedEvent{Name: "hello", Input: text("data")}, e.GetEventRaised())
			events := w.wantHistory(id, "orchestratorStarted", "executionStarted", "eventSent")
			w.wantSame("sent", &dtspb.EventSentEvent{InstanceId: other, Name: "hello", Input: text("data")}, events[2].GetEventSent())
			if events[2].GetEventId() != 7 {
				w.Errorf("event id of EventSent is %d", events[2].GetEventId())
			}
		},
	},
	{
		name: "sending-to-nobody-is-dropped",
		rule: "What an orchestration sends to an id that is unknown or has ended is dropped, and the sender goes on",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			over := w.start("over")
			k.finish(over, "")
			id := w.start("a")
			k.turn().answer(send(1, w.id("nobody"), "e", ""), send(2, over, "e", ""), complete(3, "out"))
			w.wantStatus(id, completed)
			w.wantGone(w.id("nobody"))
		},
	},
	{
		name: "events-that-were-not-processed-come-again",
		rule: "With `numEventsProcessed` the events behind that number come again in the next turn, in front of what has arrived since",
		from: documented,
		run: func(w *world) {
			id := w.start("a")
			for i := range 3 {
				w.raise(id, fmt.Sprint(i), "")
			}
			k := w.worker()
			t := k.turn()
			w.raise(id, "3", "")
			r := t.response()
			r.NumEventsProcessed = number(2) // ExecutionStarted and the first event
			call(w, w.CompleteOrchestratorTask, r)
			t = k.turn()
			w.wantSame("past", []string{"0"}, raised(t.GetPastEvents()))
			w.wantSame("again", []string{"1", "2", "3"}, raised(t.news()))
		},
	},
}

// suspend suspends an instance and lets the worker take note of it.
func (w *world) suspend(k *worker, id string) {
	w.Helper()
	call(w, w.SuspendInstance, &dtspb.SuspendRequest{InstanceId: id, Reason: text("wait")})
	k.turnWith(id, "executionSuspended").answer()
}

package conformance

import (
	"fmt"
	"strings"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

var childScenarios = []scenario{
	{
		name: "a-child-knows-its-parent",
		rule: "A child's `ExecutionStarted` names the parent: its ids, name, version and the id of the action; the child's state names the parent's id",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", version("1"))
			t := k.turn()
			a := child(4, w.orc, w.id("b"))
			a.GetCreateSubOrchestration().Input = text("in")
			t.answer(a)
			s := first(w, k.turnOf(w.id("b")).news(), (*dtspb.HistoryEvent).GetExecutionStarted)
			w.wantSame("parent", &dtspb.ParentInstanceInfo{
				TaskScheduledId: 4, Name: text(w.orc), Version: text("1"),
				OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: id, ExecutionId: t.GetExecutionId()},
			}, s.GetParentInstance())
			if s.GetInput().GetValue() != "in" || w.state(w.id("b")).GetParentInstanceId().GetValue() != id {
				w.Errorf("got %v and %v", s, w.state(w.id("b")))
			}
		},
	},
	{
		name: "the-parent-hears-of-the-result",
		rule: "A child that completes brings its parent `SubOrchestrationInstanceCompleted` with the id of the action and the result, once",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(child(4, w.orc, w.id("b")))
			k.finish(w.id("b"), "out")
			t := k.turnOf(id)
			w.wantKinds("turn", t.news(), "subOrchestrationInstanceCompleted")
			w.wantSame("event", &dtspb.SubOrchestrationInstanceCompletedEvent{TaskScheduledId: 4, Result: text("out")}, t.news()[0].GetSubOrchestrationInstanceCompleted())
			t.answer()
			w.raise(id, "fence", "")
			w.wantKinds("turn after it", k.turn().news(), "eventRaised")
		},
	},
	{
		name: "the-parent-hears-of-the-failure-as-it-was",
		rule: "A child that fails brings its parent `SubOrchestrationInstanceFailed` with its failure as it was: type, stack, inner failure, properties, whether to try again",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(child(4, w.orc, w.id("b")))
			k.turnOf(w.id("b")).answer(end(1, &dtspb.CompleteOrchestrationAction{OrchestrationStatus: failed, FailureDetails: failure()}))
			e := first(w, k.turnOf(id).news(), (*dtspb.HistoryEvent).GetSubOrchestrationInstanceFailed)
			w.wantSame("event", &dtspb.SubOrchestrationInstanceFailedEvent{TaskScheduledId: 4, FailureDetails: failure()}, e)
			w.wantSame("state", failure(), w.state(w.id("b")).GetFailureDetails())
		},
	},
	{
		name: "a-terminated-child-is-a-failure",
		rule: "A child that is terminated fails for its parent, with the error type `OrchestrationTerminated` and the reason as message",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(child(4, w.orc, w.id("b")))
			k.turnOf(w.id("b")).answer()
			w.terminate(w.id("b"), "enough")
			t := k.turnOf(w.id("b"))
			t.answer(obey(1, t))
			f := first(w, k.turnOf(id).news(), (*dtspb.HistoryEvent).GetSubOrchestrationInstanceFailed).GetFailureDetails()
			if f.GetErrorType() != "OrchestrationTerminated" || f.GetErrorMessage() != "enough" {
				w.Errorf("got %v", f)
			}
		},
	},
	{
		name: "an-empty-id-is-derived",
		rule: "A child without an id gets `<execution id of the parent>:<id of the action, four hexadecimal digits>`, in the history too",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			t.answer(child(31, w.orc, ""))
			want := fmt.Sprintf("%s:001f", t.GetExecutionId().GetValue())
			w.made = append(w.made, want)
			k.finish(want, "")
			events, _ := w.history(&dtspb.StreamInstanceHistoryRequest{InstanceId: id})
			if got := first(w, events, (*dtspb.HistoryEvent).GetSubOrchestrationInstanceCreated).GetInstanceId(); got != want {
				w.Errorf("the history has %q, want %q", got, want)
			}
		},
	},
	{
		name: "tags-are-inherited",
		rule: "A child has its parent's tags, overlaid by its own",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.start("a", func(r *dtspb.CreateInstanceRequest) { r.Tags = map[string]string{"a": "1", "b": "1"} })
			a := child(1, w.orc, w.id("b"))
			a.GetCreateSubOrchestration().Tags = map[string]string{"b": "2", "c": "2"}
			k.turn().answer(a)
			w.wantSame("tags", map[string]string{"a": "1", "b": "2", "c": "2"}, w.state(w.id("b")).GetTags())
		},
	},
	{
		name: "a-version-is-not-inherited",
		rule: "A child without a version has none, whatever its parent has",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.start("a", version("1"))
			k.turn().answer(child(1, w.orc, w.id("b")))
			if v := first(w, k.turnOf(w.id("b")).news(), (*dtspb.HistoryEvent).GetExecutionStarted).GetVersion().GetValue(); v != "" {
				w.Errorf("version is %q", v)
			}
		},
	},
	{
		name: "an-id-that-is-live-fails-the-call",
		rule: "A child with the id of a live instance fails for its parent, with the error type `OrchestrationAlreadyExists`; the live one goes on",
		from: decided,
		run: func(w *world) {
			k, id, other := w.worker(), w.start("a"), w.start("b", input("first"))
			k.turnOf(other).answer()
			k.turnOf(id).answer(child(1, w.orc, other))
			f := first(w, k.turnOf(id).news(), (*dtspb.HistoryEvent).GetSubOrchestrationInstanceFailed).GetFailureDetails()
			if f.GetErrorType() != "OrchestrationAlreadyExists" || w.state(other).GetInput().GetValue() != "first" {
				w.Errorf("got %v", f)
			}
		},
	},
	{
		name: "an-id-that-has-ended-is-replaced",
		rule: "A child with the id of an instance that has ended replaces it, as retries of Python do",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			for range 2 {
				k.turnOf(id).answer(child(1, w.orc, w.id("b")))
				k.turnOf(w.id("b")).answer(fail(1, "E"))
			}
			w.wantKinds("turn", k.turnOf(id).news(), "subOrchestrationInstanceFailed")
		},
	},
	{
		name: "an-id-that-cannot-be-fails-the-call",
		rule: "A child with an id of more than 100 characters fails for its parent, and the parent goes on",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(child(1, w.orc, w.id(strings.Repeat("x", 101))))
			t := k.turn()
			w.wantKinds("turn", t.news(), "subOrchestrationInstanceFailed")
			t.answer(complete(2, "out"))
			w.wantStatus(id, completed)
		},
	},
	{
		name: "a-child-outlives-its-parent",
		rule: "A child goes on when its parent completes, and its own end is told to nobody",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(child(1, w.orc, w.id("b")), complete(2, "out"))
			before := w.state(id)
			k.finish(w.id("b"), "out")
			w.wantStatus(w.id("b"), completed)
			w.wantSame("parent", before, w.state(id))
			w.wantHistory(id, "orchestratorStarted", "executionStarted", "subOrchestrationInstanceCreated", "executionCompleted")
		},
	},
}

var continueScenarios = []scenario{
	{
		name: "a-new-execution-with-an-empty-history",
		rule: "Continue-as-new makes a new execution id and an empty history; the new input is the result, and the name, the tags and the parent stay",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.start("a", input("1"), func(r *dtspb.CreateInstanceRequest) { r.Tags = map[string]string{"k": "v"} })
			t := k.turn()
			t.answer(schedule(1, w.act), continueAsNew(2, "2"))
			next := k.turn()
			s := first(w, next.news(), (*dtspb.HistoryEvent).GetExecutionStarted)
			if !madeID.MatchString(next.GetExecutionId().GetValue()) || next.GetExecutionId().GetValue() == t.GetExecutionId().GetValue() || len(next.GetPastEvents()) != 0 {
				w.Errorf("execution %s follows %s with the history %v", next.GetExecutionId(), t.GetExecutionId(), next.GetPastEvents())
			}
			if s.GetName() != w.orc || s.GetInput().GetValue() != "2" || s.GetTags()["k"] != "v" ||
				s.GetOrchestrationInstance().GetExecutionId().GetValue() != next.GetExecutionId().GetValue() {
				w.Errorf("got %v", s)
			}
		},
	},
	{
		name: "the-instance-runs-on",
		rule: "An instance that continues as new is Running, never ContinuedAsNew, and a wait for its completion goes on",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			end := w.waiting(w.WaitForInstanceCompletion, id)
			k.turn().answer(continueAsNew(1, "2"))
			w.wantStatus(id, running)
			t := k.turn()
			w.wantStatus(id, running)
			t.answer(complete(1, "out"))
			if s := <-end; s.GetOrchestrationStatus() != completed || s.GetOutput().GetValue() != "out" {
				w.Errorf("got %v", s)
			}
			w.wantHistory(id, "orchestratorStarted", "executionStarted", "executionCompleted")
		},
	},
	{
		name: "what-is-carried-over-comes-first",
		rule: "Events that are carried over stand behind the new `ExecutionStarted` in their order, and what arrived meanwhile behind them",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			w.raise(id, "3", "")
			t.answer(continueAsNew(1, "", carried("1"), carried("2")))
			t = k.turn()
			w.wantKinds("first turn", t.news(), "executionStarted", "eventRaised", "eventRaised", "eventRaised")
			w.wantSame("order", []string{"1", "2", "3"}, raised(t.news()))
		},
	},
	{
		name: "a-terminate-that-waits-is-not-lost",
		rule: "A terminate that arrives while the worker answers with continue-as-new ends the new execution",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			w.terminate(id, "out")
			t.answer(continueAsNew(1, ""))
			t = k.turnWith(id, "executionTerminated")
			t.answer(obey(1, t))
			w.wantStatus(id, terminated)
		},
	},
	{
		name: "late-results-are-dropped",
		rule: "The result of an activity of the execution before does not reach the new one, whose activity has the same id",
		from: documented,
		run: func(w *world) {
			k, _ := w.worker(), w.start("a")
			t := k.turn()
			w.raise(t.GetInstanceId(), "wake", "")
			t.answer(schedule(1, w.act))
			old := k.activity()
			k.turn().answer(continueAsNew(2, ""))
			k.turn().answer(schedule(1, w.act))
			fresh := k.activity()
			if _, err := w.CompleteActivityTask(w.ctx, old.response()); err != nil {
				w.wantCode(err, 5, "") // NOT_FOUND; OK is as good
			}
			fresh.answer("fresh")
			w.wantSame("event", &dtspb.TaskCompletedEvent{TaskScheduledId: 1, Result: text("fresh")}, k.turn().news()[0].GetTaskCompleted())
		},
	},
	{
		name: "the-version-may-change",
		rule: "The new execution has the version that the answer names, else the one before",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", version("1"))
			k.turn().answer(continueAsNew(1, ""))
			t := k.turn()
			if v := first(w, t.news(), (*dtspb.HistoryEvent).GetExecutionStarted).GetVersion().GetValue(); v != "1" {
				w.Errorf("version is %q", v)
			}
			t.answer(end(1, &dtspb.CompleteOrchestrationAction{OrchestrationStatus: continued, NewVersion: text("2")}))
			if v := first(w, k.turn().news(), (*dtspb.HistoryEvent).GetExecutionStarted).GetVersion().GetValue(); v != "2" || w.state(id).GetVersion().GetValue() != "2" {
				w.Errorf("version is %q, shown is %v", v, w.state(id))
			}
		},
	},
	{
		name: "the-last-execution-answers-the-parent",
		rule: "A child that continues as new tells its parent when the last execution ends, and only then",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turnOf(id).answer(child(1, w.orc, w.id("b")))
			k.turnOf(w.id("b")).answer(continueAsNew(1, ""))
			if p := first(w, k.turnOf(w.id("b")).news(), (*dtspb.HistoryEvent).GetExecutionStarted).GetParentInstance().GetOrchestrationInstance(); p.GetInstanceId() != id {
				w.Errorf("parent is %v", p)
			}
			k.lose()
			k = w.worker()
			k.finish(w.id("b"), "out")
			t := k.turnOf(id)
			w.wantKinds("turn", t.news(), "subOrchestrationInstanceCompleted")
			w.wantSame("result", text("out"), t.news()[0].GetSubOrchestrationInstanceCompleted().GetResult())
		},
	},
	{
		name: "the-custom-status-and-the-creation-stay",
		rule: "An instance that continues as new keeps its custom status and the time of its creation",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			created := w.state(id).GetCreatedTimestamp()
			r := k.turn().response(continueAsNew(1, ""))
			r.CustomStatus = text("status")
			call(w, w.CompleteOrchestratorTask, r)
			k.turn().answer()
			w.wantSame("custom status", text("status"), w.state(id).GetCustomStatus())
			w.wantSame("created", created, w.state(id).GetCreatedTimestamp())
		},
	},
}

// carried is an event as a worker carries it over.
func carried(name string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_EventRaised{EventRaised: &dtspb.EventRaisedEvent{Name: name}}}
}

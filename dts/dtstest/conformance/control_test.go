package conformance

import (
	"google.golang.org/grpc/codes"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

var suspendScenarios = []scenario{
	{
		name: "suspended-when-the-turn-is-committed",
		rule: "A suspend arrives as `ExecutionSuspended` with its reason, and the instance is Suspended when that turn is committed",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer()
			call(w, w.SuspendInstance, &dtspb.SuspendRequest{InstanceId: id, Reason: text("why")})
			t := k.turn()
			w.wantSame("event", &dtspb.ExecutionSuspendedEvent{Input: text("why")}, t.news()[0].GetExecutionSuspended())
			w.wantStatus(id, running)
			t.answer()
			w.wantStatus(id, suspended)
		},
	},
	{
		name: "running-again-after-a-resume",
		rule: "A resume arrives as `ExecutionResumed` with its reason, and the instance is Running when that turn is committed",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer()
			w.suspend(k, id)
			call(w, w.ResumeInstance, &dtspb.ResumeRequest{InstanceId: id, Reason: text("go")})
			t := k.turnWith(id, "executionResumed")
			w.wantSame("event", &dtspb.ExecutionResumedEvent{Input: text("go")}, first(w, t.news(), (*dtspb.HistoryEvent).GetExecutionResumed))
			t.answer()
			w.wantStatus(id, running)
		},
	},
	{
		name: "suspending-twice-is-no-error",
		rule: "A suspend of a suspended instance and a resume of a running one change no status",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer()
			call(w, w.ResumeInstance, &dtspb.ResumeRequest{InstanceId: id})
			w.suspend(k, id)
			w.wantStatus(id, suspended)
			call(w, w.SuspendInstance, &dtspb.SuspendRequest{InstanceId: id})
			w.wantStatus(id, suspended)
			call(w, w.ResumeInstance, &dtspb.ResumeRequest{InstanceId: id})
			k.turnWith(id, "executionResumed").answer(complete(1, ""))
			w.wantStatus(id, completed)
		},
	},
	{
		name: "results-wait-for-the-resume",
		rule: "The result of an activity that ends while its instance is suspended is not lost",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(schedule(1, w.act))
			work := k.activity()
			w.suspend(k, id)
			work.answer("done")
			w.wantStatus(id, suspended)
			call(w, w.ResumeInstance, &dtspb.ResumeRequest{InstanceId: id})
			t := k.turnWith(id, "executionResumed")
			w.wantSame("result", text("done"), first(w, append(t.GetPastEvents(), t.news()...), (*dtspb.HistoryEvent).GetTaskCompleted).GetResult())
		},
	},
}

var terminateScenarios = []scenario{
	{
		name: "the-worker-ends-a-running-one",
		rule: "A terminate arrives as `ExecutionTerminated` with its output, and the instance ends with the worker's answer, the output unchanged",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer()
			w.terminate(id, `{"a": 1 }`)
			t := k.turn()
			w.wantSame("event", &dtspb.ExecutionTerminatedEvent{Input: text(`{"a": 1 }`)}, t.news()[0].GetExecutionTerminated())
			t.answer(obey(1, t))
			if s := w.state(id); s.GetOrchestrationStatus() != terminated || s.GetOutput().GetValue() != `{"a": 1 }` || s.GetCompletedTimestamp() == nil {
				w.Errorf("got %v", s)
			}
		},
	},
	{
		name: "one-that-no-worker-has-ends-at-once",
		rule: "A terminate of an instance that no worker has seen needs no worker",
		from: decided,
		run: func(w *world) {
			id := w.start("a")
			w.terminate(id, "out")
			if s := w.state(id); s.GetOrchestrationStatus() != terminated || s.GetOutput().GetValue() != "out" {
				w.Errorf("got %v", s)
			}
		},
	},
	{
		name: "several-are-one",
		rule: "Several terminates before the next turn are one `ExecutionTerminated`",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			for range 3 {
				w.terminate(id, "first")
			}
			t.answer()
			w.wantKinds("next turn", k.turn().news(), "executionTerminated")
		},
	},
	{
		name: "a-suspended-one-ends",
		rule: "A suspended instance can be terminated",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer()
			w.suspend(k, id)
			w.terminate(id, "out")
			t := k.turnWith(id, "executionTerminated")
			t.answer(obey(1, t))
			w.wantStatus(id, terminated)
		},
	},
	{
		name: "an-ended-one-stays-as-it-is",
		rule: "A terminate of an instance that has ended is accepted and changes nothing",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.finish(id, "out")
			before := w.state(id)
			w.terminate(id, "other")
			w.wantSame("state", before, w.state(id))
		},
	},
	{
		name: "nobody-is-not-found",
		rule: "Terminate, suspend and resume of an unknown id are `NOT_FOUND`",
		from: decided,
		run: func(w *world) {
			id := w.id("nobody")
			refused(w, codes.NotFound, id, w.TerminateInstance, &dtspb.TerminateRequest{InstanceId: id})
			refused(w, codes.NotFound, id, w.SuspendInstance, &dtspb.SuspendRequest{InstanceId: id})
			refused(w, codes.NotFound, id, w.ResumeInstance, &dtspb.ResumeRequest{InstanceId: id})
		},
	},
	{
		name: "recursive-reaches-children",
		rule: "A recursive terminate ends the children that are live, and theirs, when the instance has ended",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turnOf(id).answer(child(1, w.orc, w.id("b")))
			k.turnOf(w.id("b")).answer(child(1, w.orc, w.id("c")))
			k.turnOf(w.id("c")).answer()
			call(w, w.TerminateInstance, &dtspb.TerminateRequest{InstanceId: id, Output: text("out"), Recursive: true})
			for _, name := range []string{"a", "b", "c"} {
				t := k.turnWith(w.id(name), "executionTerminated")
				if e := first(w, t.news(), (*dtspb.HistoryEvent).GetExecutionTerminated); !e.GetRecurse() || e.GetInput().GetValue() != "out" {
					w.Errorf("%s gets %v", name, e)
				}
				t.answer(obey(9, t))
				w.wantStatus(w.id(name), terminated)
			}
		},
	},
	{
		name: "children-go-on-otherwise",
		rule: "A terminate that is not recursive leaves the children as they are",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turnOf(id).answer(child(1, w.orc, w.id("b")))
			k.turnOf(w.id("b")).answer()
			w.terminate(id, "out")
			t := k.turnOf(id)
			t.answer(obey(2, t))
			w.raise(w.id("b"), "e", "")
			w.wantKinds("the child's turn", k.turnOf(w.id("b")).news(), "eventRaised")
		},
	},
	{
		name: "an-orchestration-terminates-another",
		rule: "The action to terminate another instance brings it `ExecutionTerminated` and leaves nothing in the sender's history",
		from: documented,
		run: func(w *world) {
			k, id, other := w.worker(), w.start("a"), w.start("b")
			k.turnOf(other).answer()
			k.turnOf(id).answer(&dtspb.OrchestratorAction{Id: 1, OrchestratorActionType: &dtspb.OrchestratorAction_TerminateOrchestration{
				TerminateOrchestration: &dtspb.TerminateOrchestrationAction{InstanceId: other, Reason: text("why")},
			}})
			w.wantSame("event", &dtspb.ExecutionTerminatedEvent{Input: text("why")}, k.turnOf(other).news()[0].GetExecutionTerminated())
			w.wantHistory(id, "orchestratorStarted", "executionStarted")
		},
	},
	{
		name: "skipping-the-worker-ends-at-once",
		rule: "`SkipGracefulOrchestrationTerminations` ends instances at once; what their workers answer then is `NOT_FOUND`",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			if r := call(w, w.SkipGracefulOrchestrationTerminations, skip(id)); len(r.GetUnterminatedInstanceIds()) > 0 {
				w.Errorf("not terminated: %v", r)
			}
			w.wantStatus(id, terminated)
			t.tooLate()
		},
	},
	{
		name: "skipping-names-what-it-left",
		rule: "`SkipGracefulOrchestrationTerminations` returns the ids that it did not end: ended ones, entities, unknown ones",
		from: documented,
		run: func(w *world) {
			k, over := w.worker(), w.start("over")
			k.finish(over, "out")
			id := w.start("a")
			r := call(w, w.SkipGracefulOrchestrationTerminations, skip(over, id, w.id("nobody"), w.entity("e")))
			w.wantSame("left", []string{over, w.id("nobody"), w.entity("e")}, r.GetUnterminatedInstanceIds())
			if got := w.state(over).GetOutput().GetValue(); got != "out" {
				w.Errorf("output is %q", got)
			}
		},
	},
	{
		name: "the-parent-hears-of-a-skip",
		rule: "The parent of an instance that was ended without its worker hears of `OrchestrationTerminated` with the reason; the output is the reason",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(child(1, w.orc, w.id("b")))
			call(w, w.SkipGracefulOrchestrationTerminations, skip(w.id("b")))
			f := first(w, k.turnOf(id).news(), (*dtspb.HistoryEvent).GetSubOrchestrationInstanceFailed).GetFailureDetails()
			if f.GetErrorType() != "OrchestrationTerminated" || f.GetErrorMessage() != "skipped" || w.state(w.id("b")).GetOutput().GetValue() != "skipped" {
				w.Errorf("got %v", f)
			}
		},
	},
}

package conformance

import (
	"slices"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

var leaseScenarios = []scenario{
	{
		name: "a-lost-workers-work-goes-to-another",
		rule: "When a stream ends, what it held is handed out at once to another, of all three kinds, under other tokens",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.start("a")
			k.turn().answer(schedule(1, w.act), signal(2, w.entity("e"), guid(1), "in"))
			w.start("b")
			tokens := []string{k.turn().token, k.activity().token, k.batch().token}
			k.lose()
			k = w.worker()
			t, a, b := k.turn(), k.activity(), k.batch()
			w.wantKinds("turn", t.news(), "executionStarted")
			w.wantSame("operations", []string{"in"}, b.operations())
			for _, token := range []string{t.token, a.token, b.token} {
				if slices.Contains(tokens, token) {
					w.Errorf("the token is the same, %q", token)
				}
			}
			t.answer(complete(1, ""))
			a.answer("done")
			b.answer("state")
			w.wantKinds("next turn", k.turn().news(), "taskCompleted")
		},
	},
	{
		name: "a-late-answer-is-refused",
		rule: "The answer of a worker that was lost is `NOT_FOUND` once another has its work, of all three kinds, and changes nothing",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.start("a")
			k.turn().answer(schedule(1, w.act), signal(2, w.entity("e"), guid(1), ""))
			id := w.start("b")
			oldTurn, oldActivity, oldBatch := k.turn(), k.activity(), k.batch()
			k.lose()
			k = w.worker()
			t, a, b := k.turn(), k.activity(), k.batch()
			oldTurn.tooLate()
			oldActivity.tooLate()
			oldBatch.tooLate()
			w.wantStatus(id, pending)
			t.answer(complete(1, "second"))
			a.answer("second")
			b.answer("second")
			w.wantSame("output", text("second"), w.state(id).GetOutput())
			w.wantSame("result", text("second"), k.turn().news()[0].GetTaskCompleted().GetResult())
			w.wantSame("state", text("second"), w.entityOf("e").GetSerializedState())
		},
	},
	{
		name: "an-answer-before-the-next-worker-counts",
		rule: "The answer of a worker that was lost counts as long as nobody else has its work",
		from: decided,
		run: func(w *world) {
			k := w.worker()
			w.start("a")
			k.turn().answer(schedule(1, w.act))
			a := k.activity()
			k.lose()
			a.answer("in time")
			t := w.worker().turn()
			w.wantSame("result", text("in time"), t.news()[0].GetTaskCompleted().GetResult())
		},
	},
	{
		name: "the-same-answer-again-is-fine",
		rule: "The same answer again, since the first acknowledgement may have been lost, is acknowledged and changes nothing, of all three kinds",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			for range 2 {
				t.answer(schedule(1, w.act), signal(2, w.entity("e"), guid(1), ""))
			}
			a, b := k.activity(), k.batch()
			for range 2 {
				a.answer("done")
				b.answer("state")
			}
			t = k.turn()
			w.wantKinds("next turn", t.news(), "taskCompleted")
			for range 2 {
				t.answer(complete(3, ""))
			}
			w.wantHistory(id, "orchestratorStarted", "executionStarted", "taskScheduled", "entityOperationSignaled", "orchestratorStarted", "taskCompleted", "executionCompleted")
			k.wantEmpty()
		},
	},
	{
		name: "a-foreign-token-is-not-found",
		rule: "An answer with a token that is none is `NOT_FOUND`, which makes workers give up, of all three kinds",
		from: documented,
		run: func(w *world) {
			(&turn{w: w, token: "?", OrchestratorRequest: &dtspb.OrchestratorRequest{InstanceId: w.id("a")}}).tooLate()
			(&activity{w: w, token: "?"}).tooLate()
			(&batch{w: w, token: "?"}).tooLate()
		},
	},
	{
		name: "a-token-is-of-one-kind",
		rule: "A token of a work item answers nothing of another kind",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			(&activity{w: w, token: t.token}).tooLate()
			(&batch{w: w, token: t.token}).tooLate()
			w.wantStatus(id, pending)
			t.answer(complete(1, ""))
			w.wantStatus(id, completed)
		},
	},
	{
		name: "what-is-abandoned-comes-again",
		rule: "A work item that is abandoned is handed out again after a while, of all three kinds, and the answer for the old token is `NOT_FOUND`",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.start("a")
			k.turn().answer(schedule(1, w.act), signal(2, w.entity("e"), guid(1), ""))
			id := w.start("b")
			t, a, b := k.turn(), k.activity(), k.batch()
			call(w, w.AbandonTaskOrchestratorWorkItem, &dtspb.AbandonOrchestrationTaskRequest{CompletionToken: t.token})
			call(w, w.AbandonTaskActivityWorkItem, &dtspb.AbandonActivityTaskRequest{CompletionToken: a.token})
			call(w, w.AbandonTaskEntityWorkItem, &dtspb.AbandonEntityTaskRequest{CompletionToken: b.token})
			w.wantStatus(id, pending)
			again, activity, batch := k.turn(), k.activity(), k.batch()
			t.tooLate()
			a.tooLate()
			b.tooLate()
			again.answer(complete(1, ""))
			activity.answer("")
			batch.answer("state")
			w.wantStatus(id, completed)
		},
	},
	{
		name: "abandoning-what-one-has-not-is-fine",
		rule: "Abandoning with a token that is none is no error, of all three kinds",
		from: decided,
		run: func(w *world) {
			call(w, w.AbandonTaskOrchestratorWorkItem, &dtspb.AbandonOrchestrationTaskRequest{CompletionToken: "?"})
			call(w, w.AbandonTaskActivityWorkItem, &dtspb.AbandonActivityTaskRequest{CompletionToken: "?"})
			call(w, w.AbandonTaskEntityWorkItem, &dtspb.AbandonEntityTaskRequest{})
		},
	},
	{
		name: "chunks-of-a-lost-worker-are-forgotten",
		rule: "Chunks of an answer that a worker was lost in the middle of are forgotten",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			r := k.turn().response(schedule(1, w.act))
			r.IsPartial = true
			call(w, w.CompleteOrchestratorTask, r)
			k.lose()
			w.worker().turn().answer(complete(2, ""))
			w.wantHistory(id, "orchestratorStarted", "executionStarted", "executionCompleted")
		},
	},
	{
		name: "what-kills-ten-workers-is-failed",
		rule: "A work item that was lost with ten workers in a row is failed with `PoisonWorkItem`: a turn fails its instance, an activity itself",
		from: decided,
		run: func(w *world) {
			id := w.start("a")
			k := w.worker()
			for range 10 {
				k.turnOf(id)
				k.lose()
				k = w.worker()
			}
			if s := <-w.waiting(w.WaitForInstanceCompletion, id); s.GetFailureDetails().GetErrorType() != "PoisonWorkItem" || !s.GetFailureDetails().GetIsNonRetriable() {
				w.Errorf("got %v", s)
			}
			w.start("b")
			k.turn().answer(schedule(1, w.act))
			for range 10 {
				k.activity()
				k.lose()
				k = w.worker()
			}
			w.wantSame("type", "PoisonWorkItem", first(w, k.turn().news(), (*dtspb.HistoryEvent).GetTaskFailed).GetFailureDetails().GetErrorType())
		},
	},
}

package conformance

import (
	"crypto/rand"
	"encoding/hex"

	"google.golang.org/grpc/codes"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

var restartScenarios = []scenario{
	{
		name: "an-ended-one-starts-again",
		rule: "A restart under the same id has the name, version and input of the first start, a new execution id and an empty history",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", input("in"), version("1"))
			k.finish(id, "out")
			before := w.state(id)
			if r := call(w, w.RestartInstance, &dtspb.RestartInstanceRequest{InstanceId: id}); r.GetInstanceId() != id {
				w.Errorf("the answer has id %q", r.GetInstanceId())
			}
			s := w.state(id)
			if s.GetOrchestrationStatus() != pending || s.GetOutput() != nil || s.GetInput().GetValue() != "in" || s.GetVersion().GetValue() != "1" ||
				s.GetName() != w.orc || s.GetExecutionId().GetValue() == before.GetExecutionId().GetValue() {
				w.Errorf("got %v", s)
			}
			t := k.turn()
			w.wantKinds("new events", t.news(), "executionStarted")
			if len(t.GetPastEvents()) != 0 || t.news()[0].GetExecutionStarted().GetInput().GetValue() != "in" {
				w.Errorf("got %v after %v", t.news(), t.GetPastEvents())
			}
		},
	},
	{
		name: "under-a-new-id-it-may-be-live",
		rule: "A restart under a new id, 32 hexadecimal digits, is allowed while the instance is live, and leaves that as it is",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", input("in"))
			k.turn().answer()
			fresh := call(w, w.RestartInstance, &dtspb.RestartInstanceRequest{InstanceId: id, RestartWithNewInstanceId: true}).GetInstanceId()
			w.made = append(w.made, fresh)
			if !madeID.MatchString(fresh) {
				w.Errorf("new id is %q", fresh)
			}
			if s := w.state(fresh); s.GetInput().GetValue() != "in" || s.GetName() != w.orc {
				w.Errorf("got %v", s)
			}
			k.finish(fresh, "out")
			w.wantStatus(id, running)
		},
	},
	{
		name: "a-live-one-keeps-its-id",
		rule: "A restart of a live instance under its own id is `FAILED_PRECONDITION`, Pending, Running or Suspended",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			refused(w, codes.FailedPrecondition, "", w.RestartInstance, &dtspb.RestartInstanceRequest{InstanceId: id})
			k.turn().answer()
			refused(w, codes.FailedPrecondition, "", w.RestartInstance, &dtspb.RestartInstanceRequest{InstanceId: id})
			w.suspend(k, id)
			refused(w, codes.FailedPrecondition, "", w.RestartInstance, &dtspb.RestartInstanceRequest{InstanceId: id})
			w.wantStatus(id, suspended)
		},
	},
	{
		name: "nobody-is-not-found",
		rule: "A restart of an unknown id is `NOT_FOUND`, under a new id too",
		from: documented,
		run: func(w *world) {
			id := w.id("nobody")
			refused(w, codes.NotFound, id, w.RestartInstance, &dtspb.RestartInstanceRequest{InstanceId: id})
			refused(w, codes.NotFound, id, w.RestartInstance, &dtspb.RestartInstanceRequest{InstanceId: id, RestartWithNewInstanceId: true})
		},
	},
	{
		name: "a-restarted-child-has-no-parent",
		rule: "A restart copies the tags and leaves the parent out, who hears nothing more",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", func(r *dtspb.CreateInstanceRequest) { r.Tags = map[string]string{"k": "v"} })
			k.turnOf(id).answer(child(1, w.orc, w.id("b")))
			k.finish(w.id("b"), "first")
			k.turnOf(id).answer(timer(2, w.now().AddDate(0, 0, 1)))
			call(w, w.RestartInstance, &dtspb.RestartInstanceRequest{InstanceId: w.id("b")})
			t := k.turnOf(w.id("b"))
			s := first(w, t.news(), (*dtspb.HistoryEvent).GetExecutionStarted)
			w.wantSame("tags", map[string]string{"k": "v"}, s.GetTags())
			if s.GetParentInstance() != nil || w.state(w.id("b")).GetParentInstanceId() != nil {
				w.Errorf("the parent is %v", s.GetParentInstance())
			}
			t.answer(complete(1, "second"))
			w.raise(id, "fence", "")
			w.wantKinds("the parent's turn", k.turnOf(id).news(), "eventRaised")
		},
	},
}

// failedInstance brings an instance to fail behind an activity that succeeded and
// one that failed.
func (w *world) failedInstance(k *worker, id string) {
	w.Helper()
	k.turnOf(id).answer(schedule(1, w.act))
	k.activity().answer("good")
	k.turnOf(id).answer(schedule(2, w.act))
	k.activity().fail(failure())
	k.turnOf(id).answer(fail(3, "E"))
	w.wantStatus(id, failed)
}

// rewound is the answer of a worker to a request to rewind: the history without
// what failed and with a new execution id.
func rewound(t *turn) *dtspb.OrchestratorAction {
	history := append(append([]*dtspb.HistoryEvent{}, t.GetPastEvents()...), t.GetNewEvents()...)
	broken := map[int32]bool{}
	for _, f := range all(history, (*dtspb.HistoryEvent).GetTaskFailed) {
		broken[f.GetTaskScheduledId()] = true
	}
	history = without(history, func(e *dtspb.HistoryEvent) bool {
		return e.GetTaskFailed() != nil || e.GetTaskScheduled() != nil && broken[e.GetEventId()] ||
			e.GetSubOrchestrationInstanceFailed() != nil || e.GetExecutionCompleted() != nil
	})
	var id [16]byte
	rand.Read(id[:])
	first(t.w, history, (*dtspb.HistoryEvent).GetExecutionStarted).GetOrchestrationInstance().ExecutionId = text(hex.EncodeToString(id[:]))
	return &dtspb.OrchestratorAction{Id: -1, OrchestratorActionType: &dtspb.OrchestratorAction_RewindOrchestration{
		RewindOrchestration: &dtspb.RewindOrchestrationAction{NewHistory: history},
	}}
}

// rewind asks for a rewind and answers it.
func (w *world) rewind(k *worker, id string) {
	w.Helper()
	call(w, w.RewindInstance, &dtspb.RewindInstanceRequest{InstanceId: id, Reason: text("why")})
	t := k.turnOf(id)
	t.answer(rewound(t))
}

var rewindScenarios = []scenario{
	{
		name: "the-worker-gets-the-whole-history",
		rule: "A rewind makes a work item whose new events are `OrchestratorStarted` and `ExecutionRewound` with the reason, behind a history that ends with `ExecutionCompleted`",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			w.failedInstance(k, id)
			call(w, w.RewindInstance, &dtspb.RewindInstanceRequest{InstanceId: id, Reason: text("why")})
			t := k.turn()
			w.wantKinds("new events", t.news(), "executionRewound")
			if got := t.news()[0].GetExecutionRewound().GetReason().GetValue(); got != "why" {
				w.Errorf("reason is %q", got)
			}
			past := kinds(t.GetPastEvents())
			if past[len(past)-1] != "executionCompleted" {
				w.Errorf("the history ends with %v", past)
			}
		},
	},
	{
		name: "what-arrives-meanwhile-waits",
		rule: "While a worker has the request to rewind, nothing else is handed out for the instance; what arrives is in the turn after it",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			w.failedInstance(k, id)
			call(w, w.RewindInstance, &dtspb.RewindInstanceRequest{InstanceId: id})
			w.raise(id, "e", "")
			t := k.turn()
			w.wantKinds("request", t.news(), "executionRewound")
			t.answer(rewound(t))
			w.wantSame("events of the next turn", []string{"e"}, raised(k.turnWith(id, "eventRaised").news()))
		},
	},
	{
		name: "it-goes-on-from-what-failed",
		rule: "The history in the worker's answer becomes that of a new execution, which goes on: what succeeded is not run again, what failed can be",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			w.failedInstance(k, id)
			before := w.state(id)
			w.rewind(k, id)
			t := k.turn()
			if past := append(t.GetPastEvents(), t.news()...); len(all(past, (*dtspb.HistoryEvent).GetTaskCompleted)) != 1 ||
				len(all(past, (*dtspb.HistoryEvent).GetTaskFailed)) != 0 || len(all(past, (*dtspb.HistoryEvent).GetExecutionCompleted)) != 0 {
				w.Errorf("the history has %v", kinds(past))
			}
			t.answer(schedule(2, w.act))
			a := k.activity()
			if a.GetTaskId() != 2 {
				w.Errorf("activity %d runs", a.GetTaskId())
			}
			a.answer("good")
			k.finish(id, "out")
			if s := w.state(id); s.GetOrchestrationStatus() != completed || s.GetFailureDetails() != nil ||
				s.GetExecutionId().GetValue() == before.GetExecutionId().GetValue() || s.GetExecutionId().GetValue() != t.GetExecutionId().GetValue() {
				w.Errorf("got %v", s)
			}
		},
	},
	{
		name: "it-can-be-done-twice",
		rule: "An instance that failed again can be rewound again",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			w.failedInstance(k, id)
			for range 2 {
				w.rewind(k, id)
				k.turn().answer(fail(3, "E"))
				w.wantStatus(id, failed)
			}
		},
	},
	{
		name: "only-failed-ones",
		rule: "A rewind of an instance of another status is `FAILED_PRECONDITION`, of an unknown one `NOT_FOUND`",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			request := &dtspb.RewindInstanceRequest{InstanceId: id}
			refused(w, codes.FailedPrecondition, "not allow", w.RewindInstance, request)
			k.turn().answer()
			refused(w, codes.FailedPrecondition, "running", w.RewindInstance, request)
			w.raise(id, "e", "")
			k.finish(id, "out")
			refused(w, codes.FailedPrecondition, "not allow", w.RewindInstance, request)
			w.wantStatus(id, completed)
			refused(w, codes.NotFound, w.id("nobody"), w.RewindInstance, &dtspb.RewindInstanceRequest{InstanceId: w.id("nobody")})
		},
	},
	{
		name: "a-failed-child-is-rewound",
		rule: "A child that failed is rewound with its parent: its `ExecutionRewound` has the parent's new execution id, and its end reaches the new execution",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turnOf(id).answer(child(1, w.orc, w.id("b")))
			k.turnOf(w.id("b")).answer(fail(1, "E"))
			k.turnOf(id).answer(fail(2, "E"))
			w.rewind(k, id)
			t := k.turnOf(w.id("b"))
			e := first(w, t.news(), (*dtspb.HistoryEvent).GetExecutionRewound)
			w.wantSame("execution of the parent", w.state(id).GetExecutionId(), e.GetParentExecutionId())
			t.answer(rewound(t))
			k.turnOf(w.id("b")).answer(complete(1, "out"))
			t = k.turnWith(id, "subOrchestrationInstanceCompleted")
			w.wantSame("result", text("out"), first(w, t.news(), (*dtspb.HistoryEvent).GetSubOrchestrationInstanceCompleted).GetResult())
		},
	},
	{
		name: "a-purged-child-is-made-again",
		rule: "A child that failed and was purged is created again when its parent is rewound",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turnOf(id).answer(child(1, w.orc, w.id("b")))
			k.turnOf(w.id("b")).answer(fail(1, "E"))
			k.turnOf(id).answer(fail(2, "E"))
			call(w, w.PurgeInstances, purgeOf(w.id("b")))
			w.rewind(k, id)
			t := k.turnOf(w.id("b"))
			w.wantKinds("the child's new events", t.news(), "executionStarted")
			t.answer(complete(1, "out"))
			k.turnWith(id, "subOrchestrationInstanceCompleted").answer(complete(2, ""))
			w.wantStatus(id, completed)
		},
	},
	{
		name: "it-is-running-as-soon-as-it-is-asked-for",
		rule: "The instance is Running and has no outcome as soon as its rewind is acknowledged",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			w.failedInstance(k, id)
			call(w, w.RewindInstance, &dtspb.RewindInstanceRequest{InstanceId: id})
			if s := w.state(id); s.GetOrchestrationStatus() != running || s.GetFailureDetails() != nil || s.GetCompletedTimestamp() != nil {
				w.Errorf("got %v", s)
			}
		},
	},
	{
		name: "workers-that-cannot-leave-the-failure",
		rule: "After the third worker that gives a rewind back the instance is failed as it was",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			w.failedInstance(k, id)
			before := w.state(id)
			call(w, w.RewindInstance, &dtspb.RewindInstanceRequest{InstanceId: id})
			for range 3 {
				call(w, w.AbandonTaskOrchestratorWorkItem, &dtspb.AbandonOrchestrationTaskRequest{CompletionToken: k.turn().token})
			}
			s := w.state(id)
			s.LastUpdatedTimestamp = before.GetLastUpdatedTimestamp()
			w.wantSame("state", before, s)
		},
	},
	{
		name: "a-lock-forbids-it",
		rule: "A rewind of an instance that failed while it had an entity locked is `FAILED_PRECONDITION`",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			t.answer(lock(1, t, guid(1), w.entity("e")))
			k.turn().answer(fail(2, "E"))
			refused(w, codes.FailedPrecondition, "lock", w.RewindInstance, &dtspb.RewindInstanceRequest{InstanceId: id})
			w.wantStatus(id, failed)
		},
	},
}

package conformance

import (
	"google.golang.org/grpc/codes"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// again is a request to start an id once more.
func (w *world) again(id string, with ...func(*dtspb.CreateInstanceRequest)) *dtspb.CreateInstanceRequest {
	r := &dtspb.CreateInstanceRequest{InstanceId: id, Name: w.orc, Input: text("second")}
	for _, f := range with {
		f(r)
	}
	return r
}

var reuseScenarios = []scenario{
	{
		name: "without-a-policy-a-live-id-is-taken",
		rule: "A start without a policy is `ALREADY_EXISTS` while the id is live, Pending or Running",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", input("first"))
			refused(w, codes.AlreadyExists, id, w.StartInstance, w.again(id))
			k.turn().answer()
			refused(w, codes.AlreadyExists, id, w.StartInstance, w.again(id))
			if got := w.state(id).GetInput().GetValue(); got != "first" {
				w.Errorf("input is %q", got)
			}
		},
	},
	{
		name: "without-a-policy-an-ended-id-is-replaced",
		rule: "A start without a policy replaces an instance that has ended",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", input("first"))
			k.finish(id, "out")
			before := w.state(id).GetExecutionId().GetValue()
			call(w, w.StartInstance, w.again(id))
			if s := w.state(id); s.GetInput().GetValue() != "second" || s.GetOutput() != nil || s.GetExecutionId().GetValue() == before || s.GetOrchestrationStatus() != pending {
				w.Errorf("got %v", s)
			}
		},
	},
	{
		name: "an-empty-policy-replaces-nothing",
		rule: "A policy with an empty list is not the same as none: it keeps an instance that has ended",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", replacing()) // there is nothing to replace yet
			refused(w, codes.AlreadyExists, id, w.StartInstance, w.again(id, replacing()))
			k.finish(id, "out")
			refused(w, codes.AlreadyExists, id, w.StartInstance, w.again(id, replacing()))
			w.wantStatus(id, completed)
		},
	},
	{
		name: "a-policy-replaces-the-statuses-it-lists",
		rule: "A policy replaces an ended instance of a status that it lists, and keeps one of another",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(fail(1, "E"))
			refused(w, codes.AlreadyExists, id, w.StartInstance, w.again(id, replacing(completed, terminated, canceled)))
			w.wantStatus(id, failed)
			call(w, w.StartInstance, w.again(id, replacing(failed)))
			w.wantStatus(id, pending)
		},
	},
	{
		name: "a-live-status-that-is-not-listed-is-kept",
		rule: "A policy without Running keeps a running instance, which goes on untouched",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", input("first"))
			t := k.turn()
			t.answer(schedule(1, w.act))
			refused(w, codes.AlreadyExists, id, w.StartInstance, w.again(id, replacing(completed, failed, terminated, canceled, pending, suspended)))
			k.activity().answer("done")
			k.finish(id, "out")
			if s := w.state(id); s.GetInput().GetValue() != "first" || s.GetOutput().GetValue() != "out" || s.GetExecutionId().GetValue() != t.GetExecutionId().GetValue() {
				w.Errorf("got %v", s)
			}
		},
	},
	{
		name: "a-live-one-that-is-listed-is-replaced",
		rule: "A policy with all statuses replaces a running instance: there is a new execution with the new input, and answers for the old one are `NOT_FOUND`",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", input("first"))
			k.turn().answer(schedule(1, w.act))
			work := k.activity()
			w.raise(id, "e", "")
			old := k.turn()
			call(w, w.StartInstance, w.again(id, replacing(completed, failed, terminated, canceled, pending, running, suspended)))
			fresh := k.turn()
			if s := first(w, fresh.news(), (*dtspb.HistoryEvent).GetExecutionStarted); s.GetInput().GetValue() != "second" || len(fresh.GetPastEvents()) != 0 ||
				fresh.GetExecutionId().GetValue() == old.GetExecutionId().GetValue() {
				w.Errorf("got %v", fresh)
			}
			old.tooLate()
			if _, err := w.CompleteActivityTask(w.ctx, work.response()); err != nil {
				w.wantCode(err, codes.NotFound, "")
			}
			fresh.answer(timer(1, fresh.now())) // the id that the old activity had
			w.wantKinds("next turn", k.turn().news(), "timerFired")
		},
	},
	{
		name: "replacing-a-live-one-wants-terminated",
		rule: "A policy with a live status and without Terminated is `INVALID_ARGUMENT`, with the text that SDKs know, and changes nothing",
		from: documented,
		run: func(w *world) {
			const words = "Invalid reusable statuses: cannot exclude 'Terminated' while also allowing reuse of running instances"
			id := w.start("a", input("first"))
			for _, live := range []dtspb.OrchestrationStatus{pending, running, suspended} {
				refused(w, codes.InvalidArgument, words, w.StartInstance, w.again(id, replacing(completed, live)))
			}
			refused(w, codes.InvalidArgument, words, w.StartInstance, w.again(w.id("new"), replacing(running)))
			if got := w.state(id).GetInput().GetValue(); got != "first" {
				w.Errorf("input is %q", got)
			}
			w.wantGone(w.id("new"))
		},
	},
	{
		name: "the-parent-of-a-replaced-child-hears-of-it",
		rule: "Replacing a child that is live fails it for its parent, with the error type `OrchestrationReplaced`; its own children go on",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turnOf(id).answer(child(1, w.orc, w.id("b")))
			k.turnOf(w.id("b")).answer(child(1, w.orc, w.id("c")))
			call(w, w.StartInstance, w.again(w.id("b"), replacing(running, terminated)))
			f := first(w, k.turnOf(id).news(), (*dtspb.HistoryEvent).GetSubOrchestrationInstanceFailed)
			if f.GetTaskScheduledId() != 1 || f.GetFailureDetails().GetErrorType() != "OrchestrationReplaced" {
				w.Errorf("got %v", f)
			}
			w.wantStatus(w.id("c"), pending)
		},
	},
	{
		name: "waits-go-on-with-the-new-one",
		rule: "Who waits for the end of an instance that is replaced waits for the end of the new one",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn()
			end := w.waiting(w.WaitForInstanceCompletion, id)
			call(w, w.StartInstance, w.again(id, replacing(pending, running, terminated)))
			k.finish(id, "new")
			if s := <-end; s.GetOutput().GetValue() != "new" {
				w.Errorf("got %v", s)
			}
		},
	},
}

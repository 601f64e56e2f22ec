package conformance

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

var turnScenarios = []scenario{
	{
		name: "a-work-item-has-what-workers-read",
		rule: "A turn has a token, the instance's id, an execution id that is that of its `ExecutionStarted`, and the entity parameters with their duration",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			started := first(w, t.news(), (*dtspb.HistoryEvent).GetExecutionStarted).GetOrchestrationInstance()
			if t.token == "" || t.GetInstanceId() != id || !madeID.MatchString(t.GetExecutionId().GetValue()) ||
				started.GetExecutionId().GetValue() != t.GetExecutionId().GetValue() || t.GetEntityParameters().GetEntityMessageReorderWindow() == nil {
				w.Errorf("got %v", t)
			}
		},
	},
	{
		name: "there-is-nothing-to-reorder",
		rule: "The window for reordering messages of entities is zero: the scheduler orders them",
		from: decided,
		run: func(w *world) {
			w.start("a")
			w.wantSame("window", &durationpb.Duration{}, w.worker().turn().GetEntityParameters().GetEntityMessageReorderWindow())
		},
	},
	{
		name: "the-first-has-the-start-and-no-past",
		rule: "The first turn is `OrchestratorStarted` and `ExecutionStarted`, behind no past; what comes in later has event id -1",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			w.wantKinds("first turn", t.GetNewEvents(), "orchestratorStarted", "executionStarted")
			if len(t.GetPastEvents()) != 0 || t.news()[0].GetEventId() != 0 {
				w.Errorf("got %v after %v", t.news(), t.GetPastEvents())
			}
			t.answer()
			w.raise(id, "e", "")
			t = k.turn()
			w.wantKinds("second turn", t.GetNewEvents(), "orchestratorStarted", "eventRaised")
			w.wantKinds("its past", t.GetPastEvents(), "orchestratorStarted", "executionStarted")
			for _, e := range t.GetNewEvents() {
				if e.GetEventId() != -1 || e.GetTimestamp() == nil {
					w.Errorf("got %v", e)
				}
			}
		},
	},
	{
		name: "one-turn-of-an-instance-at-a-time",
		rule: "An instance has one work item at a time: what arrives meanwhile is in the next",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			w.raise(id, "e", "")
			fence := w.start("fence")
			if next := k.turn(); next.GetInstanceId() != fence {
				w.Errorf("another turn of the instance is out: %v", next)
			}
			t.answer()
			w.wantSame("next turn", []string{"e"}, raised(k.turnOf(id).news()))
		},
	},
	{
		name: "actions-are-in-the-history-in-their-order",
		rule: "A turn adds to the history its new events and then one event for each action, in the order of the actions and with their ids",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			t.answer(timer(11, w.now().AddDate(0, 0, 1)), schedule(12, w.act), send(13, id, "e", ""), child(14, w.orc, w.id("b")))
			events := w.wantHistory(id, "orchestratorStarted", "executionStarted", "timerCreated", "taskScheduled", "eventSent", "subOrchestrationInstanceCreated")
			for i, want := range []int32{11, 12, 13, 14} {
				if got := events[2+i].GetEventId(); got != want {
					w.Errorf("event %d has id %d, want %d", 2+i, got, want)
				}
			}
		},
	},
	{
		name: "the-custom-status-is-set-emptied-and-kept",
		rule: "A custom status in the answer replaces the one before, an empty one too; without one it stays",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			for i, status := range []string{"half", "", "done", "-"} {
				t := k.turn()
				r := t.response()
				if status != "-" {
					r.CustomStatus = text(status)
				} else {
					status = "done" // as before
				}
				call(w, w.CompleteOrchestratorTask, r)
				w.wantSame(fmt.Sprint("turn ", i), text(status), w.state(id).GetCustomStatus())
				w.raise(id, "next", "")
			}
		},
	},
	{
		name: "a-trace-context-comes-back",
		rule: "The trace context of an answer comes with the next turn",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			r := k.turn().response()
			r.OrchestrationTraceContext = &dtspb.OrchestrationTraceContext{SpanID: text("b7ad6b7169203331"), SpanStartTime: &timestamppb.Timestamp{Seconds: 1e9}}
			call(w, w.CompleteOrchestratorTask, r)
			w.raise(id, "e", "")
			w.wantSame("trace context", r.GetOrchestrationTraceContext(), k.turn().GetOrchestrationTraceContext())
		},
	},
	{
		name: "an-answer-without-a-token-is-matched",
		rule: "An answer without a token, as of the old Go SDK, is matched by the instance, an activity's by instance and task",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			r := k.turn().response(schedule(1, w.act))
			r.CompletionToken = ""
			call(w, w.CompleteOrchestratorTask, r)
			a := k.activity().response()
			a.CompletionToken, a.Result = "", text("done")
			call(w, w.CompleteActivityTask, a)
			w.wantSame("result", text("done"), k.turn().news()[0].GetTaskCompleted().GetResult())
			w.wantStatus(id, running)
		},
	},
	{
		name: "an-answer-may-come-in-chunks",
		rule: "An answer in chunks counts when the last is there, which is the one that is not partial; the actions are in the order of the chunks",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			for i := range int32(3) {
				r := t.response(schedule(i, w.act))
				r.IsPartial, r.ChunkIndex = i < 2, number(i)
				if i > 0 {
					r.NumEventsProcessed = number(0) // as .NET sends it, and it does not mean none
				}
				w.wantStatus(id, pending)
				call(w, w.CompleteOrchestratorTask, r)
			}
			w.wantHistory(id, "orchestratorStarted", "executionStarted", "taskScheduled", "taskScheduled", "taskScheduled")
			for want := range int32(3) {
				if got := k.activity().GetTaskId(); got != want {
					w.Errorf("activity %d comes, want %d", got, want)
				}
			}
		},
	},
	{
		name: "chunks-may-come-in-any-order",
		rule: "Chunks of an answer that arrive in another order than theirs, the last still at the end, are put into theirs",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			for _, i := range []int32{1, 0, 2} {
				r := t.response(schedule(i, w.act))
				r.IsPartial, r.ChunkIndex = i < 2, number(i)
				call(w, w.CompleteOrchestratorTask, r)
			}
			events := w.wantHistory(id, "orchestratorStarted", "executionStarted", "taskScheduled", "taskScheduled", "taskScheduled")
			for i, e := range events[2:] {
				if e.GetEventId() != int32(i) {
					w.Errorf("event %d has id %d", i, e.GetEventId())
				}
			}
		},
	},
	{
		name: "a-worker-that-lacks-the-history-gets-it",
		rule: "An answer with `requiresHistory` decides nothing, and the turn comes again with its whole past and another token",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer()
			w.raise(id, "e", "")
			t := k.turn()
			r := t.response(complete(1, "not this"))
			r.RequiresHistory = true
			call(w, w.CompleteOrchestratorTask, r)
			again := k.turn()
			w.wantKinds("past", again.GetPastEvents(), "orchestratorStarted", "executionStarted")
			w.wantKinds("new events", again.news(), "eventRaised")
			if again.token == t.token {
				w.Errorf("the token is the same, %q", t.token)
			}
			w.wantStatus(id, running)
		},
	},
	{
		name: "answers-may-be-larger-than-four-mebibytes",
		rule: "An answer of more than 4 MiB in one message is taken, as JavaScript sends it",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			var actions []*dtspb.OrchestratorAction
			for i := range int32(5) {
				a := schedule(i, w.act)
				a.GetScheduleTask().Input = text(strings.Repeat("x", maxPayload))
				actions = append(actions, a)
			}
			k.turn().answer(actions...)
			for range actions {
				if n := len(k.activity().GetInput().GetValue()); n != maxPayload {
					w.Errorf("an input of %d bytes", n)
				}
			}
			w.wantStatus(id, running)
		},
	},
	{
		name: "what-cannot-be-carried-out-fails-the-orchestration",
		rule: "An answer with an unknown action, or a payload above the limit, is taken and fails the orchestration with a reason that is not to be retried; the worker goes on",
		from: decided,
		run: func(w *world) {
			k := w.worker()
			large := schedule(1, w.act)
			large.GetScheduleTask().Input = text(strings.Repeat("x", maxPayload+1))
			for want, action := range map[string]*dtspb.OrchestratorAction{"UnsupportedAction": {Id: 1}, "PayloadTooLarge": large} {
				id := w.start(want)
				k.turnOf(id).answer(action)
				f := w.state(id).GetFailureDetails()
				if w.wantStatus(id, failed); f.GetErrorType() != want || f.GetErrorMessage() == "" || !f.GetIsNonRetriable() {
					w.Errorf("%s: got %v", want, f)
				}
			}
		},
	},
	{
		name: "a-worker-may-end-as-canceled",
		rule: "A worker may end an orchestration as Canceled, which has ended like any other",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(end(1, &dtspb.CompleteOrchestrationAction{OrchestrationStatus: canceled}))
			w.wantStatus(id, canceled)
			w.purged(1, purgeOf(id))
		},
	},
}

var activityScenarios = []scenario{
	{
		name: "an-activity-arrives-as-it-was-scheduled",
		rule: "An activity has the name, version, input, tags and trace context that it was scheduled with, the id of its action and the orchestration's ids",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			trace := &dtspb.TraceContext{TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
			t := k.turn()
			t.answer(&dtspb.OrchestratorAction{Id: 6, OrchestratorActionType: &dtspb.OrchestratorAction_ScheduleTask{ScheduleTask: &dtspb.ScheduleTaskAction{
				Name: w.act, Version: text("3"), Input: text("in"), Tags: map[string]string{"k": "v"}, ParentTraceContext: trace,
			}}})
			w.wantSame("activity", &dtspb.ActivityRequest{
				Name: w.act, Version: text("3"), Input: text("in"), Tags: map[string]string{"k": "v"}, ParentTraceContext: trace, TaskId: 6,
				OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: id, ExecutionId: t.GetExecutionId()},
			}, k.activity().ActivityRequest)
		},
	},
	{
		name: "a-version-is-only-what-was-scheduled",
		rule: "An activity that was scheduled without a version, input and tags has none, whatever its orchestration has",
		from: decided,
		run: func(w *world) {
			k := w.worker()
			w.start("a", version("2"))
			k.turn().answer(schedule(1, w.act))
			if a := k.activity(); a.GetVersion() != nil || a.GetInput() != nil || len(a.GetTags()) != 0 {
				w.Errorf("got %v", a)
			}
		},
	},
	{
		name: "a-failure-arrives-as-it-was",
		rule: "A failure of an activity reaches the orchestration as it was: type, message, stack, inner failure, properties, whether to try again",
		from: documented,
		run: func(w *world) {
			k, _ := w.worker(), w.start("a")
			k.turn().answer(schedule(6, w.act))
			k.activity().fail(failure())
			w.wantSame("event", &dtspb.TaskFailedEvent{TaskScheduledId: 6, FailureDetails: failure()}, k.turn().news()[0].GetTaskFailed())
		},
	},
	{
		name: "an-empty-failure-is-a-failure",
		rule: "The presence of `failureDetails` makes a failure, though nothing is in it; a result may be absent",
		from: documented,
		run: func(w *world) {
			k, _ := w.worker(), w.start("a")
			k.turn().answer(schedule(1, w.act))
			k.activity().fail(&dtspb.TaskFailureDetails{})
			t := k.turn()
			w.wantKinds("turn", t.news(), "taskFailed")
			t.answer(schedule(2, w.act))
			call(w, w.CompleteActivityTask, k.activity().response())
			w.wantSame("event", &dtspb.TaskCompletedEvent{TaskScheduledId: 2}, k.turn().news()[0].GetTaskCompleted())
		},
	},
	{
		name: "a-retry-may-use-the-same-id",
		rule: "An activity that is scheduled again under the id of one that has failed runs again, as retries of Python do",
		from: documented,
		run: func(w *world) {
			k, _ := w.worker(), w.start("a")
			k.turn().answer(schedule(1, w.act))
			k.activity().fail(failure())
			k.turn().answer(schedule(1, w.act))
			k.activity().answer("second")
			w.wantSame("event", &dtspb.TaskCompletedEvent{TaskScheduledId: 1, Result: text("second")}, k.turn().news()[0].GetTaskCompleted())
		},
	},
	{
		name: "a-result-counts-once",
		rule: "The first result of an activity is the one that counts: another answer with the same token changes nothing",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(schedule(1, w.act))
			a := k.activity()
			a.answer("first")
			r := a.response()
			r.Result = text("second")
			_, _ = w.CompleteActivityTask(w.ctx, r) // OK or NOT_FOUND
			t := k.turn()
			w.wantKinds("turn", t.news(), "taskCompleted")
			w.wantSame("result", text("first"), t.news()[0].GetTaskCompleted().GetResult())
			t.answer()
			w.raise(id, "fence", "")
			w.wantKinds("next turn", k.turn().news(), "eventRaised")
		},
	},
	{
		name: "a-result-for-an-ended-one-is-dropped",
		rule: "The result of an activity whose orchestration has ended changes nothing; activities that no worker has are not run any more",
		from: documented,
		run: func(w *world) {
			k, id := w.workerWith(&dtspb.GetWorkItemsRequest{WorkItemFilters: w.filters(), MaxConcurrentActivityWorkItems: 1}), w.start("a")
			k.turn().answer(schedule(1, w.act), schedule(2, w.act))
			a := k.activity()
			w.raise(id, "e", "")
			k.turn().answer(complete(3, "out"))
			before := w.state(id)
			r := a.response()
			r.Result = text("late")
			_, _ = w.CompleteActivityTask(w.ctx, r) // OK or NOT_FOUND
			w.wantSame("state", before, w.state(id))
			fence := w.start("fence")
			k.turn().answer(schedule(9, w.act))
			if got := k.activity(); got.GetOrchestrationInstance().GetInstanceId() != fence {
				w.Errorf("activity %d of the ended one still runs", got.GetTaskId())
			}
		},
	},
	{
		name: "a-result-that-is-too-large-fails-the-activity",
		rule: "A result above the limit is taken and fails the activity with `PayloadTooLarge`, not to be retried",
		from: decided,
		run: func(w *world) {
			k, _ := w.worker(), w.start("a")
			k.turn().answer(schedule(1, w.act))
			k.activity().answer(strings.Repeat("x", maxPayload+1))
			f := first(w, k.turn().news(), (*dtspb.HistoryEvent).GetTaskFailed).GetFailureDetails()
			if f.GetErrorType() != "PayloadTooLarge" || !f.GetIsNonRetriable() {
				w.Errorf("got %v", f)
			}
		},
	},
}

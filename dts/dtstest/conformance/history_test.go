package conformance

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

var historyScenarios = []scenario{
	{
		name: "a-sequence-has-six-events",
		rule: "One activity makes the six events that real DTS writes, with event id 0 for `ExecutionStarted`, -1 for what comes in and the action's for what goes out, each with a time; there is no `OrchestratorCompleted`",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			a := schedule(1, w.act)
			a.GetScheduleTask().Input = text("in")
			k.turn().answer(a)
			k.activity().answer("done")
			k.turn().answer(complete(2, "out"))
			events := w.wantHistory(id, "orchestratorStarted", "executionStarted", "taskScheduled", "orchestratorStarted", "taskCompleted", "executionCompleted")
			var ids []int32
			for _, e := range events {
				ids = append(ids, e.GetEventId())
				if e.GetTimestamp() == nil {
					w.Errorf("without a time: %v", e)
				}
			}
			w.wantSame("event ids", []int32{-1, 0, 1, -1, -1, 2}, ids)
			w.wantSame("scheduled", &dtspb.TaskScheduledEvent{Name: w.act, Input: text("in")}, events[2].GetTaskScheduled())
			w.wantSame("completed", &dtspb.TaskCompletedEvent{TaskScheduledId: 1, Result: text("done")}, events[4].GetTaskCompleted())
			w.wantSame("end", &dtspb.ExecutionCompletedEvent{OrchestrationStatus: completed, Result: text("out")}, events[5].GetExecutionCompleted())
		},
	},
	{
		name: "an-activity-a-timer-and-a-child",
		rule: "An activity, a timer and a child in turn make the twelve events that real DTS writes",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turnOf(id).answer(schedule(1, w.act))
			k.activity().answer("done")
			t := k.turnOf(id)
			t.answer(timer(2, t.now()))
			k.turnOf(id).answer(child(3, w.orc, w.id("b")))
			k.finish(w.id("b"), "")
			k.turnOf(id).answer(complete(4, ""))
			w.wantHistory(id,
				"orchestratorStarted", "executionStarted", "taskScheduled", "orchestratorStarted", "taskCompleted", "timerCreated", "orchestratorStarted",
				"timerFired", "subOrchestrationInstanceCreated", "orchestratorStarted", "subOrchestrationInstanceCompleted", "executionCompleted")
		},
	},
	{
		name: "the-end-is-there-once",
		rule: "The history of a failed or terminated instance ends with one `ExecutionCompleted`, with the status, result and failure",
		from: documented,
		run: func(w *world) {
			k, bad, stopped := w.worker(), w.start("bad"), w.start("stopped")
			k.turnOf(bad).answer(end(1, &dtspb.CompleteOrchestrationAction{OrchestrationStatus: failed, FailureDetails: failure()}))
			k.turnOf(stopped).answer()
			w.terminate(stopped, "out")
			t := k.turnOf(stopped)
			t.answer(obey(1, t))
			for id, want := range map[string]*dtspb.ExecutionCompletedEvent{
				bad: {OrchestrationStatus: failed, FailureDetails: failure()}, stopped: {OrchestrationStatus: terminated, Result: text("out")},
			} {
				events, _ := w.history(&dtspb.StreamInstanceHistoryRequest{InstanceId: id})
				w.wantSame("ends", []*dtspb.ExecutionCompletedEvent{want}, all(events, (*dtspb.HistoryEvent).GetExecutionCompleted))
				w.wantSame("last", want, events[len(events)-1].GetExecutionCompleted())
			}
		},
	},
	{
		name: "only-what-is-committed",
		rule: "The history of a live instance is what is committed: nothing of a turn that a worker has",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer()
			w.raise(id, "e", "")
			t := k.turn()
			w.wantHistory(id, "orchestratorStarted", "executionStarted")
			t.answer()
			w.wantHistory(id, "orchestratorStarted", "executionStarted", "orchestratorStarted", "eventRaised")
		},
	},
	{
		name: "the-worker-gets-what-is-streamed",
		rule: "The past events of a work item are the committed history, payloads included",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", input("in"))
			a := schedule(1, w.act)
			a.GetScheduleTask().Input = text("activity's")
			k.turn().answer(a)
			w.raise(id, "e", "event's")
			t := k.turn()
			events, _ := w.history(&dtspb.StreamInstanceHistoryRequest{InstanceId: id})
			w.wantSame("past", events, t.GetPastEvents())
		},
	},
	{
		name: "of-nobody-is-not-found",
		rule: "The history of an unknown id, and of another execution than the current one, is `NOT_FOUND`",
		from: decided,
		run: func(w *world) {
			id := w.start("a")
			for _, r := range []*dtspb.StreamInstanceHistoryRequest{
				{InstanceId: w.id("nobody")}, {InstanceId: id, ExecutionId: text(strings.Repeat("0", 32)), ForWorkItemProcessing: true},
			} {
				_, _, err := w.tryHistory(r)
				w.wantCode(err, codes.NotFound, "")
			}
		},
	},
	{
		name: "a-large-one-comes-in-chunks",
		rule: "A history of more than 256 KiB comes in several chunks, none of them so large that a client could not receive it",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer()
			w.grow(k, id, 6)
			events, chunks := w.history(&dtspb.StreamInstanceHistoryRequest{InstanceId: id})
			if size := sizeOf(events); chunks < 2 || size < 6*largeEvent {
				w.Errorf("%d bytes in %d chunks", size, chunks)
			}
		},
	},
	{
		name: "a-worker-that-can-streams-a-large-one",
		rule: "A worker that announced history streaming gets a history above 1 MiB by `StreamInstanceHistory`, and no past events; one that did not gets them",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer()
			w.grow(k, id, 12)
			k.lose()
			k = w.workerWith(&dtspb.GetWorkItemsRequest{
				WorkItemFilters: w.filters(), Capabilities: []dtspb.WorkerCapability{dtspb.WorkerCapability_WORKER_CAPABILITY_HISTORY_STREAMING},
			})
			w.raise(id, "e", "")
			t := k.turn()
			if !t.GetRequiresHistoryStreaming() || len(t.GetPastEvents()) != 0 {
				w.Errorf("streaming is %t with %d past events", t.GetRequiresHistoryStreaming(), len(t.GetPastEvents()))
			}
			w.raise(id, "later", "")
			events, chunks := w.history(&dtspb.StreamInstanceHistoryRequest{InstanceId: id, ExecutionId: t.GetExecutionId(), ForWorkItemProcessing: true})
			if size := sizeOf(events); size < 12*largeEvent || chunks < size/(1<<20) {
				w.Errorf("%d bytes in %d chunks", size, chunks)
			}
			k.lose()
			t = w.worker().turn()
			w.wantSame("the past for another", kinds(events), kinds(t.GetPastEvents()))
			t.answer(complete(1, ""))
		},
	},
}

// largeEvent is the payload of the events that grow sends, in bytes.
const largeEvent = 100 << 10

// grow adds n large events to a history.
func (w *world) grow(k *worker, id string, n int) {
	w.Helper()
	for i := range n {
		w.raise(id, fmt.Sprint(i), strings.Repeat("x", largeEvent))
		k.turnOf(id).answer()
	}
}

func sizeOf(events []*dtspb.HistoryEvent) (n int) {
	for _, e := range events {
		n += proto.Size(e)
	}
	return n
}

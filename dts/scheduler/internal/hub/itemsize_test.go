package hub_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// huge is more than any worker could receive. Neither clients nor workers can send
// it; it is on disk since before there were limits.
var huge = wrapperspb.String(strings.Repeat("x", 4<<20))

// TestItemThatNoWorkerCouldReceiveIsFailedBeforeItIsSent: it ended ten streams,
// with all the innocent work that was there.
func TestItemThatNoWorkerCouldReceiveIsFailedBeforeItIsSent(t *testing.T) {
	for name, o := range map[string]dispatch.StreamOptions{"streams histories": {Streaming: true}, "streams none": {}} {
		t.Run("a turn for a worker that "+name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.do(engine.Start{Request: &dtspb.CreateInstanceRequest{InstanceId: "a", Name: "orc", Input: huge}})
				if item := w.next(w.workerFor(o)); item != nil {
					t.Errorf("a worker got %d bytes", len(item.String()))
				}
				w.wantStatus("a", failed)
				if f := w.state("a").GetFailureDetails(); f.GetErrorType() != "WorkItemTooLarge" || !strings.Contains(f.GetErrorMessage(), `orchestrator "orc" has 41`) {
					t.Errorf("got %v", f)
				}
			})
		})
	}
	t.Run("an activity", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w *world) {
			w.do(start("a"))
			s := w.worker()
			if err := w.answer(w.turn(s), schedule(1, "act")); err != nil {
				t.Fatal(err)
			}
			item := w.next(s)
			l, _ := w.hub.Queue.Find(item.GetCompletionToken())
			rec, err := w.store.Hub("default", true, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if err := w.store.Submit(rec.GetNumber(), []engine.Write{{Op: engine.PutTask, ID: "a", Gen: l.Item.Key.Gen, TaskID: l.Item.Key.TaskID, Task: &record.Task{
				Scheduled: &dtspb.TaskScheduledEvent{Name: "act", Input: huge}, ExecutionId: l.Item.Task.Task.GetExecutionId(),
			}}}, func() {}).Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.reopen()
			done := w.turn(w.worker()).GetOrchestratorRequest().GetNewEvents()[1].GetTaskFailed()
			if f := done.GetFailureDetails(); f.GetErrorType() != "WorkItemTooLarge" || !f.GetIsNonRetriable() {
				t.Errorf("got %v", done)
			}
		})
	})
	t.Run("an operation", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w *world) {
			w.do(engine.Signal{ID: "@e@a", Event: &dtspb.EntityOperationSignaledEvent{Operation: "huge", Input: huge}})
			w.do(engine.Signal{ID: "@e@a", Event: &dtspb.EntityOperationSignaledEvent{Operation: "small"}})
			got := w.next(w.worker()).GetEntityRequestV2().GetOperationRequests()
			if len(got) != 1 || got[0].GetEntityOperationSignaled().GetOperation() != "small" {
				t.Errorf("got %d operations, want the small one", len(got))
			}
		})
	})
}

package rpc_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestEndedIDsComeInPages(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.start("live")
		begin := time.Now()
		for _, id := range []string{"b", "a", "c"} {
			w.start(id)
		}
		for _, id := range []string{"c", "a", "b"} {
			time.Sleep(time.Second)
			w.terminate(id)
		}
		after := func(seconds int) *timestamppb.Timestamp {
			return stamp(begin.Add(time.Duration(seconds) * time.Second))
		}
		pages := func(r *dtspb.ListInstanceIdsRequest) (got [][]string) {
			for range 9 {
				resp, err := w.ListInstanceIds(w.ctx(""), r)
				must(t, err)
				got = append(got, resp.GetInstanceIds())
				if resp.GetLastInstanceKey() == nil {
					return got
				}
				r.LastInstanceKey = resp.GetLastInstanceKey()
			}
			t.Fatal("pages without end")
			return nil
		}
		for name, tc := range map[string]struct {
			r    *dtspb.ListInstanceIdsRequest
			want [][]string
		}{
			"all":                   {&dtspb.ListInstanceIdsRequest{}, [][]string{{"c", "a", "b"}}},
			"with an empty key":     {&dtspb.ListInstanceIdsRequest{LastInstanceKey: text("")}, [][]string{{"c", "a", "b"}}},
			"less than none":        {&dtspb.ListInstanceIdsRequest{PageSize: -1}, [][]string{{"c", "a", "b"}}},
			"pages of two":          {&dtspb.ListInstanceIdsRequest{PageSize: 2}, [][]string{{"c", "a"}, {"b"}}},
			"pages that fit":        {&dtspb.ListInstanceIdsRequest{PageSize: 3}, [][]string{{"c", "a", "b"}}},
			"from is in, to is not": {&dtspb.ListInstanceIdsRequest{CompletedTimeFrom: after(1), CompletedTimeTo: after(3)}, [][]string{{"c", "a"}}},
			"of another status":     {&dtspb.ListInstanceIdsRequest{RuntimeStatus: []dtspb.OrchestrationStatus{completed, running}}, [][]string{nil}},
			"of two statuses":       {&dtspb.ListInstanceIdsRequest{RuntimeStatus: []dtspb.OrchestrationStatus{completed, terminated}, PageSize: 1}, [][]string{{"c"}, {"a"}, {"b"}}},
			"from nonsense":         {&dtspb.ListInstanceIdsRequest{CompletedTimeFrom: &timestamppb.Timestamp{Seconds: -1 << 63}, CompletedTimeTo: &timestamppb.Timestamp{Seconds: 1<<63 - 1}}, [][]string{{"c", "a", "b"}}},
		} {
			if diff := cmp.Diff(tc.want, pages(tc.r)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		w.start("a") // has not ended any more
		if diff := cmp.Diff([][]string{{"c", "b"}}, pages(&dtspb.ListInstanceIdsRequest{})); diff != "" {
			t.Errorf("after a new start (-want +got):\n%s", diff)
		}
	})
}

func TestTerminationsAreNotGraceful(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		for _, id := range []string{"leased", "waits", "over"} {
			w.start(id)
		}
		w.terminate("over")
		k := w.worker(&dtspb.GetWorkItemsRequest{})
		items := map[string]*dtspb.WorkItem{}
		for range 2 {
			item := k.turn()
			items[item.GetOrchestratorRequest().GetInstanceId()] = item
		}
		must(t, w.answer(items["waits"]))
		r, err := w.SkipGracefulOrchestrationTerminations(w.ctx(""), &dtspb.SkipGracefulOrchestrationTerminationsRequest{
			InstanceBatch: &dtspb.InstanceBatch{InstanceIds: []string{"leased", "nobody", "over", "waits", "@counter@1", "waits"}}, Reason: text(`"enough"`),
		})
		must(t, err)
		if diff := cmp.Diff([]string{"nobody", "over", "@counter@1", "waits"}, r.GetUnterminatedInstanceIds()); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		for _, id := range []string{"leased", "waits"} {
			if s := w.state(id); s.GetOrchestrationStatus() != terminated || s.GetOutput().GetValue() != `"enough"` {
				t.Errorf("%s: got %v", id, s)
			}
		}
		wantError(t, "the worker's answer", w.answer(items["leased"]), codes.NotFound, "not found")
		_, err = w.SkipGracefulOrchestrationTerminations(w.ctx(""), &dtspb.SkipGracefulOrchestrationTerminationsRequest{})
		must(t, err)
	})
}

// failedInstance brings an instance to its failure by the worker.
func (w *world) failedInstance(id string, k *worker) {
	w.t.Helper()
	w.start(id)
	must(w.t, w.answer(k.turn(), schedule(1, "good"), schedule(2, "bad")))
	for range 2 {
		item := k.next()
		a := &dtspb.ActivityResponse{InstanceId: id, TaskId: item.GetActivityRequest().GetTaskId(), CompletionToken: item.GetCompletionToken(), Result: text("r")}
		if item.GetActivityRequest().GetName() == "bad" {
			a.FailureDetails = &dtspb.TaskFailureDetails{ErrorType: "E", ErrorMessage: "no"}
		}
		_, err := w.CompleteActivityTask(w.ctx(""), a)
		must(w.t, err)
	}
	for w.state(id).GetOrchestrationStatus() != failed {
		item := k.turn()
		must(w.t, w.answer(item, fail(3)...)) // with the first or the second outcome
	}
}

func fail(id int32) []*dtspb.OrchestratorAction {
	return []*dtspb.OrchestratorAction{{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CompleteOrchestration{
		CompleteOrchestration: &dtspb.CompleteOrchestrationAction{OrchestrationStatus: failed, FailureDetails: &dtspb.TaskFailureDetails{ErrorType: "E"}},
	}}}
}

// TestRewindOverTheWire is what workers of other languages see of a rewind.
func TestRewindOverTheWire(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		k := w.worker(&dtspb.GetWorkItemsRequest{})
		w.failedInstance("a", k)
		_, err := w.RewindInstance(w.ctx(""), &dtspb.RewindInstanceRequest{InstanceId: "a", Reason: text("why")})
		must(t, err)
		w.wantStatus("a", running)
		item := k.turn()
		past, events := item.GetOrchestratorRequest().GetPastEvents(), item.GetOrchestratorRequest().GetNewEvents()
		if len(events) != 2 || events[0].GetOrchestratorStarted() == nil || events[1].GetExecutionRewound().GetReason().GetValue() != "why" || past[len(past)-1].GetExecutionCompleted() == nil {
			t.Fatalf("got %v after %v", events, past)
		}
		rewound := &dtspb.RewindOrchestrationAction{}
		for _, e := range append(slices.Clip(past), events...) {
			if e.GetTaskFailed() == nil && e.GetExecutionCompleted() == nil && e.GetTaskScheduled().GetName() != "bad" {
				rewound.NewHistory = append(rewound.NewHistory, e)
			}
		}
		must(t, w.answer(item, &dtspb.OrchestratorAction{Id: -1, OrchestratorActionType: &dtspb.OrchestratorAction_RewindOrchestration{RewindOrchestration: rewound}}))
		for item = k.next(); item.GetOrchestratorRequest() == nil; item = k.next() { // what was under way is handed out, too
			if name := item.GetActivityRequest().GetName(); name != "good" {
				t.Fatalf("got activity %q, want the one that was under way, or the turn", name)
			}
		}
		for _, e := range item.GetOrchestratorRequest().GetPastEvents() {
			if e.GetExecutionCompleted() != nil || e.GetTaskFailed() != nil {
				t.Errorf("the history still has %v", e)
			}
		}
		must(t, w.answer(item, complete(2, "out")))
		w.wantStatus("a", completed)
	})
}

// TestWorkersThatCannotRewindLeaveTheFailure: there are SDKs that do not know the
// request and give it back.
func TestWorkersThatCannotRewindLeaveTheFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		k := w.worker(&dtspb.GetWorkItemsRequest{})
		w.failedInstance("a", k)
		before := w.state("a")
		_, err := w.RewindInstance(w.ctx(""), &dtspb.RewindInstanceRequest{InstanceId: "a"})
		must(t, err)
		for i := range 3 {
			w.wantStatus("a", running)
			_, err := w.AbandonTaskOrchestratorWorkItem(w.ctx(""), &dtspb.AbandonOrchestrationTaskRequest{CompletionToken: k.turn().GetCompletionToken()})
			if err != nil {
				t.Fatal(i, err)
			}
		}
		after := w.state("a")
		after.LastUpdatedTimestamp = before.GetLastUpdatedTimestamp()
		if fmt.Sprint(before) != fmt.Sprint(after) {
			t.Errorf("before\n%v\nafter\n%v", before, after)
		}
		m, err := w.backend.GetMetrics(w.ctx(""), &dtspb.GetMetricsRequest{})
		must(t, err)
		if n := m.GetMetrics().GetOrchestratorWorkItems(); n.GetPending()+n.GetActive() != 0 {
			t.Errorf("work is left: %v", n)
		}
	})
}

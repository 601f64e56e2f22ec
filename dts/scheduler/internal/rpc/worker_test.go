package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestLifeOfAnInstance(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		k := w.worker(&dtspb.GetWorkItemsRequest{})
		w.start("a")
		item := k.turn()
		r := item.GetOrchestratorRequest()
		started := r.GetNewEvents()[1].GetExecutionStarted()
		if r.GetInstanceId() != "a" || r.GetExecutionId().GetValue() == "" || started.GetOrchestrationInstance().GetExecutionId().GetValue() != r.GetExecutionId().GetValue() ||
			r.GetEntityParameters().GetEntityMessageReorderWindow() == nil || len(r.GetPastEvents()) != 0 {
			t.Errorf("first turn: got %v", r)
		}
		w.wantStatus("a", pending) // until the turn commits
		must(t, w.answer(item, schedule(1, "hello")))
		w.wantStatus("a", running)
		activity := k.next()
		if a := activity.GetActivityRequest(); a.GetName() != "hello" || a.GetTaskId() != 1 || a.GetInput() != nil ||
			a.GetOrchestrationInstance().GetInstanceId() != "a" || a.GetOrchestrationInstance().GetExecutionId().GetValue() != r.GetExecutionId().GetValue() {
			t.Errorf("activity: got %v", a)
		}
		must(t, w.answerActivity(activity, "hi"))
		must(t, w.answerActivity(activity, "hi again")) // the first answer may have been lost
		item = k.turn()
		if past, events := item.GetOrchestratorRequest().GetPastEvents(), item.GetOrchestratorRequest().GetNewEvents(); len(past) != 3 || events[1].GetTaskCompleted().GetResult().GetValue() != "hi" {
			t.Errorf("second turn: got %v and %v", past, events)
		}
		must(t, w.answer(item, complete(2, "out")))
		must(t, w.answer(item, complete(2, "other")))
		if got := w.state("a"); got.GetOrchestrationStatus() != completed || got.GetOutput().GetValue() != "out" {
			t.Errorf("got %v", got)
		}
		events, _, err := w.history(&dtspb.StreamInstanceHistoryRequest{InstanceId: "a"})
		if err != nil || len(events) != 6 {
			t.Errorf("history: got %v, %v", events, err)
		}
	})
}

// TestWorkersThatEchoNoToken: the old Go SDK.
func TestWorkersThatEchoNoToken(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		k := w.worker(&dtspb.GetWorkItemsRequest{})
		w.start("a")
		item := k.turn()
		item.CompletionToken = ""
		must(t, w.answer(item, schedule(1, "hello")))
		activity := k.next()
		activity.CompletionToken = ""
		must(t, w.answerActivity(activity, "hi"))
		item = k.turn()
		item.CompletionToken = ""
		must(t, w.answer(item, complete(2, "")))
		w.wantStatus("a", completed)
	})
}

func TestWorkersGetWhatTheyWant(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		orchestrators := w.worker(&dtspb.GetWorkItemsRequest{WorkItemFilters: &dtspb.WorkItemFilters{
			Orchestrations: []*dtspb.OrchestrationFilter{{Name: "one"}, {Name: "two", Versions: []string{"", "2"}}},
		}})
		activities := w.worker(&dtspb.GetWorkItemsRequest{WorkItemFilters: &dtspb.WorkItemFilters{
			// A version that is wanted does not narrow what is wanted anyway.
			Activities: []*dtspb.ActivityFilter{{Name: "hello"}, {Name: "hello", Versions: []string{"9"}}},
		}})
		for i, name := range []string{"unwanted", "two", "one"} {
			w.startNamed(fmt.Sprint(i), name)
		}
		for _, want := range []string{"two", "one"} {
			item := orchestrators.turn()
			if got := item.GetOrchestratorRequest().GetNewEvents()[1].GetExecutionStarted().GetName(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			must(t, w.answer(item, schedule(1, "unwanted"), schedule(2, "hello")))
			if got := activities.next().GetActivityRequest(); got.GetName() != "hello" {
				t.Errorf("got %v", got)
			}
		}
		w.wantStatus("0", pending)
		m, err := w.backend.GetMetrics(w.ctx(""), &dtspb.GetMetricsRequest{})
		must(t, err)
		want := &dtspb.BackendMetrics{
			OrchestratorWorkItems: &dtspb.WorkItemMetrics{Pending: 1}, EntityWorkItems: &dtspb.WorkItemMetrics{},
			ActivityWorkItems: &dtspb.WorkItemMetrics{Pending: 2, Active: 2}, ConnectedWorkers: &dtspb.ConnectedWorkerMetrics{Count: 2},
		}
		if diff := cmp.Diff(want, m.GetMetrics(), protocmp.Transform(), protocmp.IgnoreFields(&dtspb.WorkItemMetrics{}, "oldestAgeInSeconds")); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	})
}

// TestActivityIsMatchedByTheVersionOfItsOrchestration when it has none itself:
// JavaScript and Python schedule none and list theirs.
func TestActivityIsMatchedByTheVersionOfItsOrchestration(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		only := func(version string) *worker {
			return w.worker(&dtspb.GetWorkItemsRequest{WorkItemFilters: &dtspb.WorkItemFilters{Activities: []*dtspb.ActivityFilter{{Name: "hello", Versions: []string{version}}}}})
		}
		orchestrators := w.worker(&dtspb.GetWorkItemsRequest{WorkItemFilters: &dtspb.WorkItemFilters{Orchestrations: []*dtspb.OrchestrationFilter{{Name: "orc"}}}})
		_, err := w.StartInstance(w.ctx(""), &dtspb.CreateInstanceRequest{InstanceId: "a", Name: "orc", Version: text("2")})
		must(t, err)
		explicit, unversioned := schedule(2, "hello"), schedule(3, "hello")
		explicit.GetScheduleTask().Version, unversioned.GetScheduleTask().Version = text("3"), text("")
		must(t, w.answer(orchestrators.turn(), schedule(1, "hello"), explicit, unversioned))
		for version, want := range map[string]int32{"2": 1, "3": 2, "": 3} {
			if got := only(version).next().GetActivityRequest(); got.GetTaskId() != want || got.GetVersion().GetValue() != map[string]string{"3": "3"}[version] {
				t.Errorf("version %q: got %v, want task %d", version, got, want)
			}
		}
	})
}

func TestWindowsOfAWorker(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		k := w.worker(&dtspb.GetWorkItemsRequest{MaxConcurrentOrchestrationWorkItems: 2, MaxConcurrentActivityWorkItems: 1})
		for i := range 4 {
			w.start(fmt.Sprint(i))
		}
		first, second := k.turn(), k.turn()
		must(t, w.answer(second, schedule(1, "x"), schedule(2, "x")))
		seen := map[bool]int{}
		for range 2 { // the slot is for a turn, and there is one for an activity
			seen[k.next().GetActivityRequest() != nil]++
		}
		if seen[true] != 1 || seen[false] != 1 {
			t.Errorf("got %d activities and %d turns", seen[true], seen[false])
		}
		must(t, w.answer(first))
		if item := k.next(); item.GetOrchestratorRequest() == nil {
			t.Errorf("got %v, want a turn", item)
		}
	})
}

// TestWorkOfALostWorkerGoesToAnother, of all kinds, and its answers come too late.
func TestWorkOfALostWorkerGoesToAnother(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		k := w.worker(&dtspb.GetWorkItemsRequest{})
		w.start("a")
		must(t, w.answer(k.turn(), schedule(1, "hello")))
		activity := k.next()
		w.start("b")
		turn := k.turn()
		k.lose()
		other := w.worker(&dtspb.GetWorkItemsRequest{})
		var again []*dtspb.WorkItem
		for range 2 {
			again = append(again, other.next())
		}
		if again[0].GetActivityRequest() == nil { // the older comes first
			t.Errorf("got %v first", again[0])
		}
		wantError(t, "late answer of a turn", w.answer(turn, complete(1, "late")), codes.NotFound, "handed to another worker")
		wantError(t, "late answer of an activity", w.answerActivity(activity, "late"), codes.NotFound, "handed to another worker")
		must(t, w.answerActivity(again[0], "in time"))
		must(t, w.answer(again[1], complete(1, "in time")))
		if got := w.state("b").GetOutput().GetValue(); got != "in time" {
			t.Errorf("output is %q", got)
		}
		if got := other.turn().GetOrchestratorRequest().GetNewEvents()[1].GetTaskCompleted().GetResult().GetValue(); got != "in time" {
			t.Errorf("result is %q", got)
		}
	})
}

func TestDrainingWorkerKeepsWhatItHolds(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "workerid", "w")
		k := w.workerOf(ctx, &dtspb.GetWorkItemsRequest{})
		w.start("a")
		must(t, w.answer(k.turn(), schedule(1, "kept"), schedule(2, "left")))
		kept, left := k.next(), k.next()
		for _, who := range []struct {
			ctx  context.Context
			want bool
		}{{ctx, true}, {ctx, true}, {metadata.AppendToOutgoingContext(t.Context(), "workerid", "v"), false}, {t.Context(), false}} {
			r, err := w.backend.BeginWorkerDrain(who.ctx, &dtspb.BeginWorkerDrainRequest{})
			must(t, err)
			if r.GetWorkerFound() != who.want {
				t.Errorf("worker is found: %t, want %t", r.GetWorkerFound(), who.want)
			}
		}
		other := w.worker(&dtspb.GetWorkItemsRequest{})
		must(t, w.answerActivity(kept, "kept"))
		turn := other.turn() // not at the one that drains, and no activity before it
		if got := turn.GetOrchestratorRequest().GetNewEvents()[1].GetTaskCompleted().GetResult().GetValue(); got != "kept" {
			t.Errorf("result is %q, want the first worker's", got)
		}
		must(t, w.answer(turn))
		k.lose()
		if again := other.next().GetActivityRequest(); again.GetTaskId() != left.GetActivityRequest().GetTaskId() {
			t.Errorf("got %v, want what the worker left behind", again)
		}
	})
}

func TestPoisonIsFailedAfterTenLosses(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		w.start("a")
		for range 10 {
			k := w.worker(&dtspb.GetWorkItemsRequest{})
			k.turn()
			k.lose()
		}
		k := w.worker(&dtspb.GetWorkItemsRequest{})
		r, err := w.WaitForInstanceCompletion(w.ctx(""), &dtspb.GetInstanceRequest{InstanceId: "a", GetInputsAndOutputs: true})
		must(t, err)
		if f := r.GetOrchestrationState().GetFailureDetails(); f.GetErrorType() != "PoisonWorkItem" || !f.GetIsNonRetriable() {
			t.Errorf("got %v", r)
		}
		w.start("b")
		must(t, w.answer(k.turn(), schedule(1, "boom")))
		for range 10 {
			if item := k.next(); item.GetActivityRequest() == nil {
				t.Fatalf("got %v, want the activity", item)
			}
			k.lose()
			k = w.worker(&dtspb.GetWorkItemsRequest{})
		}
		if f := k.turn().GetOrchestratorRequest().GetNewEvents()[1].GetTaskFailed().GetFailureDetails(); f.GetErrorType() != "PoisonWorkItem" {
			t.Errorf("got %v", f)
		}
	})
}

func TestLargeHistoryIsStreamed(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		k := w.worker(&dtspb.GetWorkItemsRequest{Capabilities: []dtspb.WorkerCapability{dtspb.WorkerCapability_WORKER_CAPABILITY_HISTORY_STREAMING}})
		w.start("a")
		item := k.turn()
		for i := range 12 { // each as large as an event may be without filling a chunk
			w.raise("a", fmt.Sprint(i), strings.Repeat("x", 100<<10))
		}
		for !item.GetOrchestratorRequest().GetRequiresHistoryStreaming() {
			must(t, w.answer(item))
			w.raise("a", "next", "")
			item = k.turn()
		}
		r := item.GetOrchestratorRequest()
		events, chunks, err := w.history(&dtspb.StreamInstanceHistoryRequest{InstanceId: "a", ExecutionId: r.GetExecutionId(), ForWorkItemProcessing: true})
		must(t, err)
		size := 0
		for _, e := range events {
			size += proto.Size(e)
		}
		if len(r.GetPastEvents()) != 0 || size < 1<<20 || chunks < size/(256<<10) {
			t.Errorf("%d past events, %d bytes in %d chunks", len(r.GetPastEvents()), size, chunks)
		}
		must(t, w.answer(item, complete(1, "")))
		all, _, err := w.history(&dtspb.StreamInstanceHistoryRequest{InstanceId: "a"})
		must(t, err)
		if diff := cmp.Diff(events, all[:len(events)], protocmp.Transform()); diff != "" {
			t.Errorf("history grew in the middle (-at the turn +at the end):\n%.500s", diff)
		}
	})
}

// TestAnswersBeyondFourMiBAndInChunks: JavaScript never splits them, .NET and Java do.
func TestAnswersBeyondFourMiBAndInChunks(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		k := w.worker(&dtspb.GetWorkItemsRequest{})
		var actions []*dtspb.OrchestratorAction
		for i := range int32(6) {
			a := schedule(i, "x")
			a.GetScheduleTask().Input = text(strings.Repeat("x", 1<<20))
			actions = append(actions, a)
		}
		w.start("whole")
		must(t, w.answer(k.turn(), actions...))
		for range actions {
			if a := k.next().GetActivityRequest(); len(a.GetInput().GetValue()) != 1<<20 {
				t.Errorf("activity %d has an input of %d bytes", a.GetTaskId(), len(a.GetInput().GetValue()))
			}
		}
		w.start("chunks")
		item := k.turn()
		for i := range actions {
			_, err := w.CompleteOrchestratorTask(w.ctx(""), &dtspb.OrchestratorResponse{
				InstanceId: "chunks", CompletionToken: item.GetCompletionToken(), Actions: actions[i : i+1], IsPartial: i < 5, ChunkIndex: number(int32(i)),
				NumEventsProcessed: number(map[bool]int32{true: 1}[i == 0]),
			})
			must(t, err)
		}
		events, _, err := w.history(&dtspb.StreamInstanceHistoryRequest{InstanceId: "chunks"})
		if err != nil || len(events) != 2+len(actions) {
			t.Errorf("history has %d events, %v", len(events), err)
		}
	})
}

func TestStreamsEndInOrderWhenTheServerStops(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		k := w.worker(&dtspb.GetWorkItemsRequest{})
		w.start("a")
		k.turn()
		waiting := make(chan error, 1)
		go func() {
			_, err := w.WaitForInstanceCompletion(w.ctx(""), &dtspb.GetInstanceRequest{InstanceId: "a"})
			waiting <- err
		}()
		ended := make(chan error, 1)
		go func() {
			_, err := k.stream.Recv()
			ended <- err
		}()
		w.stop()
		if err := <-ended; !errors.Is(err, io.EOF) {
			t.Errorf("stream: got %v, want its end", err)
		}
		wantError(t, "wait", <-waiting, codes.Unavailable, "")
		_, err := w.StartInstance(w.ctx(""), &dtspb.CreateInstanceRequest{Name: "orc"})
		wantError(t, "start", err, codes.Unavailable, "")
	})
}

// TestPingsKeepAStreamAudible: SDKs give up on a silent one after two minutes.
func TestPingsKeepAStreamAudible(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		k := w.worker(&dtspb.GetWorkItemsRequest{})
		begin := time.Now()
		for i := 1; i <= 4; i++ {
			item, err := k.stream.Recv()
			if err != nil || item.GetHealthPing() == nil || time.Since(begin) != time.Duration(i)*30*time.Second {
				t.Errorf("got %v, %v after %v", item, err, time.Since(begin))
			}
		}
	})
}

func TestMetricsThroughALife(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var steps []string
		note := func(step string) {
			synctest.Wait()
			r, err := w.backend.GetMetrics(w.ctx(""), &dtspb.GetMetricsRequest{})
			must(t, err)
			m := r.GetMetrics()
			o, a := m.GetOrchestratorWorkItems(), m.GetActivityWorkItems()
			steps = append(steps, fmt.Sprintf("%s: %d/%d %ds, %d/%d %ds, %d", step, o.GetPending(), o.GetActive(), o.GetOldestAgeInSeconds(),
				a.GetPending(), a.GetActive(), a.GetOldestAgeInSeconds(), m.GetConnectedWorkers().GetCount()))
		}
		note("empty")
		w.start("a")
		time.Sleep(90 * time.Second)
		note("started")
		ctx := metadata.AppendToOutgoingContext(t.Context(), "workerid", "w")
		k := w.workerOf(ctx, &dtspb.GetWorkItemsRequest{})
		twin := w.workerOf(ctx, &dtspb.GetWorkItemsRequest{WorkItemFilters: &dtspb.WorkItemFilters{}})
		item := k.turn()
		note("at a worker")
		w.raise("a", "e", "")
		note("and an event")
		must(t, w.answer(item, schedule(1, "x"), schedule(2, "x")))
		item, x := k.next(), k.next()
		if x.GetOrchestratorRequest() != nil {
			item, x = x, item
		}
		note("activities")
		k.lose()
		time.Sleep(time.Minute)
		note("worker lost")
		twin.lose()
		k = w.workerOf(ctx, &dtspb.GetWorkItemsRequest{})
		for range 3 {
			if got := k.next(); got.GetOrchestratorRequest() != nil {
				item = got
			} else {
				x = got
			}
		}
		_, err := w.AbandonTaskActivityWorkItem(w.ctx(""), &dtspb.AbandonActivityTaskRequest{CompletionToken: x.GetCompletionToken()})
		must(t, err)
		note("one given back")
		timer := &dtspb.OrchestratorAction{Id: 3, OrchestratorActionType: &dtspb.OrchestratorAction_CreateTimer{CreateTimer: &dtspb.CreateTimerAction{FireAt: stamp(time.Now().Add(time.Hour))}}}
		must(t, w.answer(item, timer))
		note("a timer is none")
		k.lose()
		w.start("delayed")
		w.terminate("delayed")
		note("ended")
		w.terminate("a")
		note("terminating")
		want := []string{
			"empty: 0/0 0s, 0/0 0s, 0",
			"started: 1/0 90s, 0/0 0s, 0",
			"at a worker: 0/1 0s, 0/0 0s, 1",
			"and an event: 0/1 0s, 0/0 0s, 1",
			"activities: 0/1 0s, 0/2 0s, 1",
			"worker lost: 1/0 60s, 2/0 60s, 1",
			"one given back: 0/1 0s, 1/1 0s, 1",
			"a timer is none: 0/0 0s, 1/1 0s, 1",
			"ended: 0/0 0s, 2/0 60s, 0",
			"terminating: 1/0 0s, 2/0 60s, 0",
		}
		if diff := cmp.Diff(want, steps); diff != "" {
			t.Errorf("pending/active and age of orchestrations, of activities, workers (-want +got):\n%s", diff)
		}
	})
}

package rpc_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler"
)

// world is a scheduler and a connection to it.
type world struct {
	dtsgrpc.TaskHubSidecarServiceClient

	t       testing.TB
	conn    grpc.ClientConnInterface
	backend dtsgrpc.BackendServiceClient
	stop    func()
}

// patience is how long these tests wait for what must happen.
const patience = 20 * time.Second

// overBoth runs a test in process and over the wire.
func overBoth(t *testing.T, f func(t *testing.T, w *world)) {
	t.Parallel()
	t.Run("in process", func(t *testing.T) {
		t.Parallel()
		f(t, newWorld(t, "none"))
	})
	t.Run("over the wire", func(t *testing.T) {
		t.Parallel()
		f(t, newWorld(t, "127.0.0.1:0"))
	})
}

// inBubble runs a test in process and in virtual time.
func inBubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t, "none")) })
}

func newWorld(t testing.TB, listen string) *world {
	t.Helper()
	s, err := scheduler.New(scheduler.Config{Listen: listen})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	conn := s.Conn()
	if s.Addr() != nil {
		dialed, err := grpc.NewClient(s.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		must(t, err)
		t.Cleanup(func() { must(t, dialed.Close()) })
		conn = dialed
	}
	w := &world{
		t: t, conn: conn, TaskHubSidecarServiceClient: dtsgrpc.NewTaskHubSidecarServiceClient(conn), backend: dtsgrpc.NewBackendServiceClient(conn),
	}
	stopped := false
	w.stop = func() {
		if !stopped {
			stopped = true
			cancel()
			must(t, <-ended)
		}
	}
	t.Cleanup(w.stop)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ctx is the context of a call that names a hub, or none if it is empty.
func (w *world) ctx(hub string) context.Context {
	if hub == "" {
		return w.t.Context()
	}
	return metadata.AppendToOutgoingContext(w.t.Context(), "taskhub", hub)
}

func (w *world) start(id string) {
	w.t.Helper()
	w.startNamed(id, "orc")
}

func (w *world) startNamed(id, name string) {
	w.t.Helper()
	_, err := w.StartInstance(w.ctx(""), &dtspb.CreateInstanceRequest{InstanceId: id, Name: name})
	must(w.t, err)
}

func (w *world) raise(id, name, input string) {
	w.t.Helper()
	_, err := w.RaiseEvent(w.ctx(""), &dtspb.RaiseEventRequest{InstanceId: id, Name: name, Input: wrapperspb.String(input)})
	must(w.t, err)
}

func (w *world) terminate(id string) {
	w.t.Helper()
	_, err := w.TerminateInstance(w.ctx(""), &dtspb.TerminateRequest{InstanceId: id})
	must(w.t, err)
}

// state returns an instance with payloads, nil if there is none.
func (w *world) state(id string) *dtspb.OrchestrationState {
	w.t.Helper()
	r, err := w.GetInstance(w.ctx(""), &dtspb.GetInstanceRequest{InstanceId: id, GetInputsAndOutputs: true})
	must(w.t, err)
	if r.GetExists() != (r.GetOrchestrationState() != nil) {
		w.t.Errorf("instance %q: exists is %v with state %v", id, r.GetExists(), r.GetOrchestrationState())
	}
	return r.GetOrchestrationState()
}

func (w *world) wantStatus(id string, want dtspb.OrchestrationStatus) {
	w.t.Helper()
	if got := w.state(id); got == nil || got.GetOrchestrationStatus() != want {
		w.t.Errorf("instance %q: got %v, want %v", id, got, want)
	}
}

// history returns the committed history.
func (w *world) history(r *dtspb.StreamInstanceHistoryRequest) (events []*dtspb.HistoryEvent, chunks int, err error) {
	stream, err := w.StreamInstanceHistory(w.ctx(""), r)
	for err == nil {
		var chunk *dtspb.HistoryChunk
		if chunk, err = stream.Recv(); err == nil {
			events = append(events, chunk.GetEvents()...)
			chunks++
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return events, chunks, err
}

// worker is a stream of work items.
type worker struct {
	w      *world
	stream grpc.ServerStreamingClient[dtspb.WorkItem]
	lose   func()
}

func (w *world) worker(r *dtspb.GetWorkItemsRequest) *worker {
	w.t.Helper()
	return w.workerOf(w.t.Context(), r)
}

// workerOf connects a worker and takes its first message, which must be a ping.
func (w *world) workerOf(ctx context.Context, r *dtspb.GetWorkItemsRequest) *worker {
	w.t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	w.t.Cleanup(cancel)
	stream, err := w.GetWorkItems(ctx, r)
	must(w.t, err)
	first, err := stream.Recv()
	must(w.t, err)
	if first.GetHealthPing() == nil || first.GetCompletionToken() != "" {
		w.t.Errorf("first message is %v, want a health ping", first)
	}
	return &worker{w: w, stream: stream, lose: cancel}
}

// next returns the next work item.
func (k *worker) next() *dtspb.WorkItem {
	k.w.t.Helper()
	late := time.AfterFunc(patience, k.lose)
	defer late.Stop()
	for {
		item, err := k.stream.Recv()
		if err != nil {
			k.w.t.Fatalf("no work item: %v", err)
		}
		if item.GetHealthPing() != nil {
			continue
		}
		if item.GetCompletionToken() == "" {
			k.w.t.Errorf("work item without a token: %v", item)
		}
		return item
	}
}

// turn is next for a turn.
func (k *worker) turn() *dtspb.WorkItem {
	k.w.t.Helper()
	item := k.next()
	if item.GetOrchestratorRequest() == nil {
		k.w.t.Fatalf("got %v, want a turn", item)
	}
	return item
}

func (w *world) answer(item *dtspb.WorkItem, actions ...*dtspb.OrchestratorAction) error {
	_, err := w.CompleteOrchestratorTask(w.ctx(""), &dtspb.OrchestratorResponse{
		InstanceId: item.GetOrchestratorRequest().GetInstanceId(), CompletionToken: item.GetCompletionToken(), Actions: actions,
	})
	return err
}

func (w *world) answerActivity(item *dtspb.WorkItem, result string) error {
	r := item.GetActivityRequest()
	_, err := w.CompleteActivityTask(w.ctx(""), &dtspb.ActivityResponse{
		InstanceId: r.GetOrchestrationInstance().GetInstanceId(), TaskId: r.GetTaskId(),
		CompletionToken: item.GetCompletionToken(), Result: wrapperspb.String(result),
	})
	return err
}

func schedule(id int32, name string) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_ScheduleTask{ScheduleTask: &dtspb.ScheduleTaskAction{Name: name}}}
}

func complete(id int32, result string) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CompleteOrchestration{
		CompleteOrchestration: &dtspb.CompleteOrchestrationAction{OrchestrationStatus: completed, Result: wrapperspb.String(result)},
	}}
}

// wantError checks the code of an error and a part of its text.
func wantError(t testing.TB, what string, err error, code codes.Code, text string) {
	t.Helper()
	if got := status.Convert(err); got.Code() != code || !strings.Contains(got.Message(), text) {
		t.Errorf("%s: got %v %q, want %v with %q", what, got.Code(), got.Message(), code, text)
	}
}

// Statuses, shorter.
const (
	pending    = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_PENDING
	running    = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_RUNNING
	completed  = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED
	failed     = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED
	suspended  = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_SUSPENDED
	terminated = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED
)

func text(s string) *wrapperspb.StringValue { return wrapperspb.String(s) }

func number(n int32) *wrapperspb.Int32Value { return wrapperspb.Int32(n) }

func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }

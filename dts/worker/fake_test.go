package worker

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

// fake is a scheduler that does what a test says, over real gRPC in memory: for
// what the real one never does, or not when a test wants it. Tests of the two
// together are in the end-to-end test.
type fake struct {
	dtsgrpc.UnimplementedTaskHubSidecarServiceServer

	hello     func(context.Context) error // nil: friendly
	streams   chan *stream                // each GetWorkItems
	answers   chan any                    // each completion, before it is accepted or not
	refuse    func() error                // of completions; nil: accept
	abandoned chan string
	history   []*dtspb.HistoryChunk
	drain     func(context.Context) (found bool, _ error) // nil: unimplemented
}

// stream is one GetWorkItems call.
type stream struct {
	request *dtspb.GetWorkItemsRequest
	header  metadata.MD
	items   chan *dtspb.WorkItem
	end     chan error
	gone    <-chan struct{} // closed when the worker has left
}

func (f *fake) Hello(ctx context.Context, _ *emptypb.Empty) (*emptypb.Empty, error) {
	if f.hello != nil {
		if err := f.hello(ctx); err != nil {
			return nil, err
		}
	}
	return &emptypb.Empty{}, nil
}

func (f *fake) GetWorkItems(req *dtspb.GetWorkItemsRequest, out grpc.ServerStreamingServer[dtspb.WorkItem]) error {
	header, _ := metadata.FromIncomingContext(out.Context())
	s := &stream{request: req, header: header, items: make(chan *dtspb.WorkItem), end: make(chan error), gone: out.Context().Done()}
	f.streams <- s
	for {
		select {
		case item := <-s.items:
			if err := out.Send(item); err != nil {
				return err
			}
		case err := <-s.end:
			return err
		case <-s.gone:
			return nil
		}
	}
}

func (f *fake) complete(answer any) (*dtspb.CompleteTaskResponse, error) {
	f.answers <- answer
	if f.refuse != nil {
		if err := f.refuse(); err != nil {
			return nil, err
		}
	}
	return &dtspb.CompleteTaskResponse{}, nil
}

func (f *fake) CompleteActivityTask(_ context.Context, answer *dtspb.ActivityResponse) (*dtspb.CompleteTaskResponse, error) {
	return f.complete(answer)
}

func (f *fake) CompleteOrchestratorTask(_ context.Context, answer *dtspb.OrchestratorResponse) (*dtspb.CompleteTaskResponse, error) {
	return f.complete(answer)
}

func (f *fake) CompleteEntityTask(_ context.Context, answer *dtspb.EntityBatchResult) (*dtspb.CompleteTaskResponse, error) {
	return f.complete(answer)
}

func (f *fake) AbandonTaskActivityWorkItem(_ context.Context, r *dtspb.AbandonActivityTaskRequest) (*dtspb.AbandonActivityTaskResponse, error) {
	f.abandoned <- r.GetCompletionToken()
	return &dtspb.AbandonActivityTaskResponse{}, nil
}

func (f *fake) AbandonTaskOrchestratorWorkItem(_ context.Context, r *dtspb.AbandonOrchestrationTaskRequest) (*dtspb.AbandonOrchestrationTaskResponse, error) {
	f.abandoned <- r.GetCompletionToken()
	return &dtspb.AbandonOrchestrationTaskResponse{}, nil
}

func (f *fake) AbandonTaskEntityWorkItem(_ context.Context, r *dtspb.AbandonEntityTaskRequest) (*dtspb.AbandonEntityTaskResponse, error) {
	f.abandoned <- r.GetCompletionToken()
	return &dtspb.AbandonEntityTaskResponse{}, nil
}

func (f *fake) StreamInstanceHistory(_ *dtspb.StreamInstanceHistoryRequest, out grpc.ServerStreamingServer[dtspb.HistoryChunk]) error {
	for _, c := range f.history {
		if err := out.Send(c); err != nil {
			return err
		}
	}
	return nil
}

// fakeBackend is the other service of a fake.
type fakeBackend struct {
	dtsgrpc.UnimplementedBackendServiceServer

	drain func(context.Context) (bool, error)
}

func (f fakeBackend) BeginWorkerDrain(ctx context.Context, r *dtspb.BeginWorkerDrainRequest) (*dtspb.BeginWorkerDrainResponse, error) {
	if f.drain == nil {
		return f.UnimplementedBackendServiceServer.BeginWorkerDrain(ctx, r)
	}
	found, err := f.drain(ctx)
	return &dtspb.BeginWorkerDrainResponse{WorkerFound: found}, err
}

// rig is a worker on a fake scheduler.
type rig struct {
	*fake
	t      *testing.T
	worker *Worker
	stop   context.CancelFunc
	done   chan error    // of Run
	ended  chan struct{} // after it
}

// start runs a worker on f. The test ends with the worker stopped.
func start(t *testing.T, f *fake, r *Registry, opts ...Option) *rig {
	t.Helper()
	f.streams, f.answers, f.abandoned = make(chan *stream, 100), make(chan any, 100), make(chan string, 100)
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	dtsgrpc.RegisterTaskHubSidecarServiceServer(server, f)
	dtsgrpc.RegisterBackendServiceServer(server, fakeBackend{drain: f.drain})
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()
	cc, err := grpc.NewClient("passthrough:///fake", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	client, err := dts.Dial(dts.ConnectionString{TaskHub: "hub"}, dts.WithConn(cc))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	g := &rig{fake: f, t: t, worker: New(client, r, opts...), stop: stop, done: make(chan error, 1), ended: make(chan struct{})}
	g.worker.jitter = func() float64 { return 1 }
	go func() {
		defer close(g.ended)
		g.done <- g.worker.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-g.ended
		_ = cc.Close()
		server.Stop()
		<-serving
	})
	return g
}

// connected waits for the next stream and lets it begin with a ping.
func (g *rig) connected() *stream {
	g.t.Helper()
	s := <-g.streams
	s.items <- &dtspb.WorkItem{Request: &dtspb.WorkItem_HealthPing{HealthPing: &dtspb.HealthPing{}}}
	<-g.worker.Ready()
	return s
}

func activityItemOf(token, name, input string) *dtspb.WorkItem {
	return &dtspb.WorkItem{CompletionToken: token, Request: &dtspb.WorkItem_ActivityRequest{ActivityRequest: &dtspb.ActivityRequest{
		Name: name, Input: text(input), TaskId: 7, OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: "i", ExecutionId: text("e")},
		Version: text("v1"), Tags: map[string]string{"k": "v"},
	}}}
}

func turnItemOf(token string, req *dtspb.OrchestratorRequest) *dtspb.WorkItem {
	req.InstanceId = "i"
	return &dtspb.WorkItem{CompletionToken: token, Request: &dtspb.WorkItem_OrchestratorRequest{OrchestratorRequest: req}}
}

// firstTurn are the events of a new instance.
func firstTurn(name, input string) []*dtspb.HistoryEvent {
	return []*dtspb.HistoryEvent{
		{EventId: -1, EventType: &dtspb.HistoryEvent_OrchestratorStarted{OrchestratorStarted: &dtspb.OrchestratorStartedEvent{}}},
		{EventType: &dtspb.HistoryEvent_ExecutionStarted{ExecutionStarted: &dtspb.ExecutionStartedEvent{Name: name, Input: text(input)}}},
	}
}

func text(s string) *wrapperspb.StringValue {
	if s == "" {
		return nil
	}
	return wrapperspb.String(s)
}

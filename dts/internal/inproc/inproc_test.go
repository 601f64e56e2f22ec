package inproc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/inproc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers as its functions say.
type server struct {
	dtsgrpc.UnimplementedTaskHubSidecarServiceServer

	start  func(context.Context, *dtspb.CreateInstanceRequest) (*dtspb.CreateInstanceResponse, error)
	stream func(*dtspb.GetWorkItemsRequest, grpc.ServerStreamingServer[dtspb.WorkItem]) error
}

func (s *server) StartInstance(ctx context.Context, r *dtspb.CreateInstanceRequest) (*dtspb.CreateInstanceResponse, error) {
	return s.start(ctx, r)
}

func (s *server) GetWorkItems(r *dtspb.GetWorkItemsRequest, stream grpc.ServerStreamingServer[dtspb.WorkItem]) error {
	return s.stream(r, stream)
}

// connect returns a connection with a server in a bubble, and a client of it.
func connect(t *testing.T, s *server, f func(t *testing.T, c *inproc.Conn, client dtsgrpc.TaskHubSidecarServiceClient)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := inproc.New()
		dtsgrpc.RegisterTaskHubSidecarServiceServer(c, s)
		defer c.Close()
		f(t, c, dtsgrpc.NewTaskHubSidecarServiceClient(c))
	})
}

// untilEnd is a handler that goes on until its context ends.
func untilEnd(ctx context.Context, _ *dtspb.CreateInstanceRequest) (*dtspb.CreateInstanceResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestCallCarriesMessagesAndMetadata(t *testing.T) {
	request := &dtspb.CreateInstanceRequest{InstanceId: "a", Input: wrapperspb.String("in"), Tags: map[string]string{"k": "v"}}
	s := &server{start: func(ctx context.Context, r *dtspb.CreateInstanceRequest) (*dtspb.CreateInstanceResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		if r.GetInput() != request.GetInput() {
			return nil, errors.New("the request is not handed over")
		}
		return &dtspb.CreateInstanceResponse{InstanceId: fmt.Sprint(r.GetInstanceId(), r.GetTags()["k"], md.Get("taskhub"))}, nil
	}}
	connect(t, s, func(t *testing.T, _ *inproc.Conn, client dtsgrpc.TaskHubSidecarServiceClient) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "taskhub", "h")
		got, err := client.StartInstance(ctx, request)
		if err != nil || got.GetInstanceId() != "av[h]" {
			t.Errorf("got %v, %v", got, err)
		}
		if got, err := client.StartInstance(t.Context(), &dtspb.CreateInstanceRequest{Input: request.GetInput()}); err != nil && status.Code(err) != codes.Unknown {
			t.Errorf("without metadata: got %v, %v", got, err)
		}
	})
}

func TestErrorsBecomeStatuses(t *testing.T) {
	var answer error
	s := &server{start: func(context.Context, *dtspb.CreateInstanceRequest) (*dtspb.CreateInstanceResponse, error) {
		return nil, answer
	}}
	connect(t, s, func(t *testing.T, _ *inproc.Conn, client dtsgrpc.TaskHubSidecarServiceClient) {
		for _, tc := range []struct {
			answer error
			want   codes.Code
			text   string
		}{
			{status.Error(codes.NotFound, "nobody"), codes.NotFound, "nobody"},
			{fmt.Errorf("asked: %w", status.Error(codes.AlreadyExists, "taken")), codes.AlreadyExists, "asked: rpc error: code = AlreadyExists desc = taken"},
			{context.Canceled, codes.Canceled, "context canceled"},
			{fmt.Errorf("late: %w", context.DeadlineExceeded), codes.DeadlineExceeded, "late: context deadline exceeded"},
			{errors.New("odd"), codes.Unknown, "odd"},
		} {
			answer = tc.answer
			_, err := client.StartInstance(t.Context(), &dtspb.CreateInstanceRequest{})
			if got := status.Convert(err); got.Code() != tc.want || got.Message() != tc.text {
				t.Errorf("%v: got %v %q, want %v %q", tc.answer, got.Code(), got.Message(), tc.want, tc.text)
			}
		}
	})
}

func TestCallEndsWithItsContext(t *testing.T) {
	connect(t, &server{start: untilEnd}, func(t *testing.T, _ *inproc.Conn, client dtsgrpc.TaskHubSidecarServiceClient) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		_, err := client.StartInstance(ctx, &dtspb.CreateInstanceRequest{})
		if status.Code(err) != codes.DeadlineExceeded || time.Since(began) != time.Minute {
			t.Errorf("deadline: got %v after %v", err, time.Since(began))
		}
		if _, err := client.StartInstance(ctx, &dtspb.CreateInstanceRequest{}); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("after the deadline: got %v", err)
		}
		canceled, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		if _, err := client.StartInstance(canceled, &dtspb.CreateInstanceRequest{}); status.Code(err) != codes.Canceled {
			t.Errorf("canceled: got %v", err)
		}
	})
}

func TestUnknownMethods(t *testing.T) {
	connect(t, &server{}, func(t *testing.T, c *inproc.Conn, client dtsgrpc.TaskHubSidecarServiceClient) {
		if err := c.Invoke(t.Context(), "/TaskHubSidecarService/Dance", &emptypb.Empty{}, &emptypb.Empty{}); status.Code(err) != codes.Unimplemented {
			t.Errorf("unknown method: got %v", err)
		}
		if _, err := c.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/Nobody/Dance"); status.Code(err) != codes.Unimplemented {
			t.Errorf("unknown stream: got %v", err)
		}
		if _, err := client.Hello(t.Context(), &emptypb.Empty{}); status.Code(err) != codes.Unimplemented {
			t.Errorf("method that the server does not have: got %v", err)
		}
		if _, err := c.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, "/TaskHubSidecarService/GetWorkItems"); status.Code(err) != codes.Unimplemented {
			t.Errorf("client stream: got %v", err)
		}
		if err := c.Invoke(t.Context(), "/TaskHubSidecarService/StartInstance", &emptypb.Empty{}, &emptypb.Empty{}); status.Code(err) != codes.Internal {
			t.Errorf("message of another type: got %v", err)
		}
	})
}

// send is a stream that sends n items and ends with an error.
func send(n int, end error) func(*dtspb.GetWorkItemsRequest, grpc.ServerStreamingServer[dtspb.WorkItem]) error {
	return func(r *dtspb.GetWorkItemsRequest, s grpc.ServerStreamingServer[dtspb.WorkItem]) error {
		for i := range n {
			if err := s.Send(&dtspb.WorkItem{CompletionToken: fmt.Sprint(r.GetMaxConcurrentActivityWorkItems(), i)}); err != nil {
				return err
			}
		}
		return end
	}
}

func TestStreamDeliversAllAndEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		end  error
		want error
	}{
		"in order":   {nil, io.EOF},
		"with error": {status.Error(codes.Unavailable, "gone"), status.Error(codes.Unavailable, "gone")},
	} {
		t.Run(name, func(t *testing.T) {
			connect(t, &server{stream: send(3, tc.end)}, func(t *testing.T, _ *inproc.Conn, client dtsgrpc.TaskHubSidecarServiceClient) {
				stream, err := client.GetWorkItems(t.Context(), &dtspb.GetWorkItemsRequest{MaxConcurrentActivityWorkItems: 7})
				if err != nil {
					t.Fatal(err)
				}
				for i := range 3 {
					synctest.Wait()
					if item, err := stream.Recv(); err != nil || item.GetCompletionToken() != fmt.Sprint(7, i) {
						t.Errorf("got %v, %v", item, err)
					}
				}
				for range 2 {
					if item, err := stream.Recv(); err == nil || err.Error() != tc.want.Error() {
						t.Errorf("got %v, %v, want %v", item, err, tc.want)
					}
				}
			})
		})
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	handler := make(chan error, 1)
	endless := func(r *dtspb.GetWorkItemsRequest, s grpc.ServerStreamingServer[dtspb.WorkItem]) error {
		err := send(1<<30, nil)(r, s)
		handler <- err
		return err
	}
	connect(t, &server{stream: endless}, func(t *testing.T, _ *inproc.Conn, client dtsgrpc.TaskHubSidecarServiceClient) {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := client.GetWorkItems(ctx, &dtspb.GetWorkItemsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-handler; status.Code(err) != codes.Canceled {
			t.Errorf("handler: got %v", err)
		}
		for {
			if _, err = stream.Recv(); err != nil {
				break
			}
		}
		if status.Code(err) != codes.Canceled {
			t.Errorf("client: got %v", err)
		}
	})
}

// TestCloseWaitsForCallsAndEndsStreams: a unary call ends as its handler pleases.
func TestCloseWaitsForCallsAndEndsStreams(t *testing.T) {
	s := &server{
		start: func(context.Context, *dtspb.CreateInstanceRequest) (*dtspb.CreateInstanceResponse, error) {
			time.Sleep(time.Minute)
			return &dtspb.CreateInstanceResponse{InstanceId: "done"}, nil
		},
		stream: func(_ *dtspb.GetWorkItemsRequest, stream grpc.ServerStreamingServer[dtspb.WorkItem]) error {
			<-stream.Context().Done()
			return stream.Context().Err()
		},
	}
	connect(t, s, func(t *testing.T, c *inproc.Conn, client dtsgrpc.TaskHubSidecarServiceClient) {
		ended := make(chan error, 2)
		go func() {
			got, err := client.StartInstance(t.Context(), &dtspb.CreateInstanceRequest{})
			if err == nil && got.GetInstanceId() != "done" {
				err = fmt.Errorf("got %v", got)
			}
			ended <- err
		}()
		stream, err := client.GetWorkItems(t.Context(), &dtspb.GetWorkItemsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		c.Close()
		if d := time.Since(began); d != time.Minute {
			t.Errorf("close took %v, want the minute of the call", d)
		}
		if err := <-ended; err != nil {
			t.Errorf("call: %v", err)
		}
		if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
			t.Errorf("stream: got %v", err)
		}
		if _, err := client.StartInstance(t.Context(), &dtspb.CreateInstanceRequest{}); status.Code(err) != codes.Unavailable {
			t.Errorf("call after close: got %v", err)
		}
		if _, err := client.GetWorkItems(t.Context(), &dtspb.GetWorkItemsRequest{}); status.Code(err) != codes.Unavailable {
			t.Errorf("stream after close: got %v", err)
		}
	})
}

// TestTextThatIsNotUTF8IsRefused wherever it is in a request. The server could
// not store it, and would know only after it has decided.
func TestTextThatIsNotUTF8IsRefused(t *testing.T) {
	const bad = "a\xff"
	s := &server{
		start: func(context.Context, *dtspb.CreateInstanceRequest) (*dtspb.CreateInstanceResponse, error) {
			return &dtspb.CreateInstanceResponse{}, nil
		},
		stream: send(0, nil),
	}
	connect(t, s, func(t *testing.T, c *inproc.Conn, client dtsgrpc.TaskHubSidecarServiceClient) {
		for name, r := range map[string]*dtspb.CreateInstanceRequest{
			"a field":     {Name: bad},
			"a wrapper":   {Input: wrapperspb.String(bad)},
			"a map key":   {Tags: map[string]string{bad: ""}},
			"a map value": {Tags: map[string]string{"": bad}},
		} {
			if _, err := client.StartInstance(t.Context(), r); status.Code(err) != codes.InvalidArgument {
				t.Errorf("%s: got %v", name, err)
			}
		}
		for name, r := range map[string]*dtspb.OrchestratorResponse{
			"an element of a list": {Actions: []*dtspb.OrchestratorAction{{}, {OrchestratorActionType: &dtspb.OrchestratorAction_ScheduleTask{
				ScheduleTask: &dtspb.ScheduleTaskAction{Name: bad},
			}}}},
			"a property of a failure": {Actions: []*dtspb.OrchestratorAction{{OrchestratorActionType: &dtspb.OrchestratorAction_CompleteOrchestration{
				CompleteOrchestration: &dtspb.CompleteOrchestrationAction{FailureDetails: &dtspb.TaskFailureDetails{
					InnerFailure: &dtspb.TaskFailureDetails{Properties: map[string]*structpb.Value{"x": structpb.NewStringValue(bad)}},
				}},
			}}}},
		} {
			if _, err := client.CompleteOrchestratorTask(t.Context(), r); status.Code(err) != codes.InvalidArgument {
				t.Errorf("%s: got %v", name, err)
			}
		}
		request := &dtspb.GetWorkItemsRequest{WorkItemFilters: &dtspb.WorkItemFilters{Activities: []*dtspb.ActivityFilter{{Versions: []string{"", bad}}}}}
		if _, err := client.GetWorkItems(t.Context(), request); status.Code(err) != codes.InvalidArgument {
			t.Errorf("a stream's request: got %v", err)
		}
		if _, err := client.StartInstance(t.Context(), &dtspb.CreateInstanceRequest{Name: "é\u00001\U0010FFFF", Input: wrapperspb.String("\uFFFD")}); err != nil {
			t.Errorf("valid text: got %v", err)
		}
	})
}

package dts_test

import (
	"context"
	"net"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answer is what a test wants the scheduler to say: the real one cannot be made
// to fail in every way that the client has to bear.
type answer func(ctx context.Context, method string, req proto.Message) (proto.Message, error)

// chunks is an answer to a streaming call.
type chunks struct {
	proto.Message
	all []*dtspb.HistoryChunk
	err error // after all
}

// serve connects a client to a server that says what a does, over real gRPC.
func serve(t *testing.T, a answer, opts ...dts.Option) *dts.Client {
	t.Helper()
	s := grpc.NewServer(
		grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
			return a(ctx, info.FullMethod, req.(proto.Message))
		}),
		grpc.StreamInterceptor(func(_ any, ss grpc.ServerStream, info *grpc.StreamServerInfo, _ grpc.StreamHandler) error {
			req := &dtspb.StreamInstanceHistoryRequest{}
			if err := ss.RecvMsg(req); err != nil {
				return err
			}
			reply, err := a(ss.Context(), info.FullMethod, req)
			if err != nil {
				return err
			}
			for _, c := range reply.(chunks).all {
				if err := ss.SendMsg(c); err != nil {
					return err
				}
			}
			return reply.(chunks).err
		}),
	)
	dtsgrpc.RegisterTaskHubSidecarServiceServer(s, dtsgrpc.UnimplementedTaskHubSidecarServiceServer{})
	dtsgrpc.RegisterBackendServiceServer(s, dtsgrpc.UnimplementedBackendServiceServer{})
	l := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()

	cc, err := grpc.NewClient("passthrough:///hub",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	c, err := dts.Dial(dts.ConnectionString{TaskHub: "blue"}, append([]dts.Option{dts.WithConn(cc)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close client: %v", err)
		}
		if err := cc.Close(); err != nil {
			t.Errorf("the client closed a connection that is not its own: %v", err)
		}
		s.Stop()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return c
}

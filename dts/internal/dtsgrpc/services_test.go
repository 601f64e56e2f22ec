package dtsgrpc_test

import (
	"context"
	"maps"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/funchost/funchost/dts/internal/dtsgrpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestServiceNamesOnTheWire calls every method over gRPC and compares the paths
// that the server was asked for with the contract: the generator would put the
// package of our messages into them. A path that the client and the server spell
// differently never arrives.
func TestServiceNamesOnTheWire(t *testing.T) {
	t.Parallel()
	var got []string
	s := grpc.NewServer(
		grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			got = append(got, info.FullMethod)
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			got = append(got, info.FullMethod)
			return next(srv, ss)
		}),
	)
	dtsgrpc.RegisterTaskHubSidecarServiceServer(s, dtsgrpc.UnimplementedTaskHubSidecarServiceServer{})
	dtsgrpc.RegisterBackendServiceServer(s, dtsgrpc.UnimplementedBackendServiceServer{})
	l := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	cc, err := grpc.NewClient("passthrough:///contract",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}

	callAll(t, dtsgrpc.NewTaskHubSidecarServiceClient(cc))
	callAll(t, dtsgrpc.NewBackendServiceClient(cc))

	if err := cc.Close(); err != nil {
		t.Error(err)
	}
	s.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff(contractPaths(t), got); diff != "" {
		t.Errorf("paths on the wire (-contract +ours):\n%s", diff)
	}
}

// callAll calls each method of a client once, with an empty request, and waits
// for the answer, which is an error that it ignores.
func callAll(t *testing.T, client any) {
	t.Helper()
	for _, method := range reflect.ValueOf(client).Methods() {
		out := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), reflect.New(method.Type().In(1).Elem())})
		if recv := out[0].MethodByName("Recv"); recv.IsValid() && out[1].IsNil() {
			recv.Call(nil)
		}
	}
}

func contractPaths(t *testing.T) []string {
	t.Helper()
	table, err := os.ReadFile("../dtspb/testdata/contract.tsv")
	if err != nil {
		t.Fatal(err)
	}
	paths := make(map[string]bool)
	for line := range strings.Lines(string(table)) {
		if c := strings.Split(line, "\t"); c[1] == "rpc" {
			paths["/"+c[2]+"/"+c[3]] = true
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

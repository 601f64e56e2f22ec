package dts

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

// flaky is away for some calls and then gives one large instance.
type flaky struct {
	dtsgrpc.UnimplementedTaskHubSidecarServiceServer
	away, calls int
}

func (f *flaky) GetInstance(context.Context, *dtspb.GetInstanceRequest) (*dtspb.GetInstanceResponse, error) {
	if f.calls++; f.calls <= f.away {
		return nil, status.Error(codes.Unavailable, "starting")
	}
	return &dtspb.GetInstanceResponse{Exists: true, OrchestrationState: &dtspb.OrchestrationState{
		InstanceId: "o-7", Output: wrapperspb.String(string(make([]byte, 60<<20))),
	}}, nil
}

func TestDialledConnectionTriesTenTimesAndTakesLargeAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		away int
		want codes.Code
	}{
		{"away for nine calls", 9, codes.OK},
		{"away for ten calls", 10, codes.Unavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, s, hub := bufconn.Listen(1<<20), grpc.NewServer(), &flaky{away: tc.away}
				dtsgrpc.RegisterTaskHubSidecarServiceServer(s, hub)
				go func() { _ = s.Serve(l) }()
				defer s.Stop()

				cs := ConnectionString{Endpoint: "http://127.0.0.1", Authentication: AuthNone}
				dialled := ""
				cc, err := dial(cs, options{}, grpc.WithContextDialer(func(ctx context.Context, target string) (net.Conn, error) {
					dialled = target
					return l.DialContext(ctx)
				}))
				if err != nil {
					t.Fatal(err)
				}
				c, err := Dial(cs, WithConn(cc))
				if err != nil {
					t.Fatal(err)
				}
				in, err := c.Instance(t.Context(), "o-7")
				if status.Code(err) != tc.want || hub.calls != 10 {
					t.Errorf("got %v after %d calls, want %v after 10", err, hub.calls, tc.want)
				}
				if err == nil && len(in.Output) != 60<<20 {
					t.Errorf("output has %d bytes", len(in.Output))
				}
				if dialled != "127.0.0.1:80" {
					t.Errorf("dialled %s, want port 80", dialled)
				}
				if err := cc.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestSchedulerThatIsBackAfterAnOutageIsFoundWithinSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, s := bufconn.Listen(1<<20), grpc.NewServer()
		dtsgrpc.RegisterTaskHubSidecarServiceServer(s, &flaky{})
		go func() { _ = s.Serve(l) }()
		defer s.Stop()

		const outage = 10 * time.Minute
		begin := time.Now()
		cs := ConnectionString{Endpoint: "http://127.0.0.1", Authentication: AuthNone}
		cc, err := dial(cs, options{}, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			if time.Since(begin) < outage {
				return nil, errors.New("connection refused")
			}
			return l.DialContext(ctx)
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer cc.Close()
		c, err := Dial(cs, WithConn(cc))
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := c.Instance(t.Context(), "o-7"); err == nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if late := time.Since(begin) - outage; late < 0 || late > 7*time.Second {
			t.Errorf("the scheduler was found %v after the outage, want 7s at most", late)
		}
	})
}

func TestEndpointGivesHostPortAndSecurity(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]endpoint{
		"http://localhost:8080": {"localhost:8080", false},
		"http://localhost":      {"localhost:80", false},
		"HTTP://localhost/":     {"localhost:80", false},
		"grpc://localhost":      {"localhost:80", false},
		"https://a.example":     {"a.example:443", true},
		"grpcs://a.example:1":   {"a.example:1", true},
		"a.example":             {"a.example:443", true},
		"localhost:8080":        {"localhost:8080", true},
		"http://[::1]":          {"[::1]:80", false},
		"[::1]:9":               {"[::1]:9", true},
	} {
		if got, err := parseEndpoint(in); err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func TestUnreachedSchedulerIsNamedWithTheWayOut(t *testing.T) {
	t.Parallel()
	c := &Client{endpoint: "http://127.0.0.1:8080"}
	const (
		cause = "dial tcp 127.0.0.1:8080: connect: connection refused"
		layer = `connection error: desc = "` + cause + `"`
	)
	want := "get instance \"o-7\": scheduler unavailable at http://127.0.0.1:8080: " + cause + "\n" +
		"  check the Endpoint of the connection string and that the scheduler there answers, or start one there with: funchost scheduler"
	for _, told := range []string{cause, layer, "max retries exhausted: failed after 10 attempts: rpc error: code = Unavailable desc = " + layer} {
		if err := c.fail(`get instance "o-7"`, status.Error(codes.Unavailable, told)); err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestDirectCallsMayReturnTheContextErrorItself(t *testing.T) {
	t.Parallel()
	err := new(Client).fail("get", context.DeadlineExceeded)
	if status.Code(err) != codes.DeadlineExceeded || err.Error() != "get: context deadline exceeded" {
		t.Errorf("got %v with code %v, want DeadlineExceeded", err, status.Code(err))
	}
}

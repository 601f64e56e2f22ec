package scaler_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	es "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/scaler"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hub is a source that a test decides about.
type hub struct {
	mu      sync.Mutex
	backlog dts.Backlog
	err     error
	hangs   bool // until the caller gives up
	asked   int
	closed  int
}

func (h *hub) Backlog(ctx context.Context) (dts.Backlog, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	if h.hangs {
		h.mu.Unlock()
		<-ctx.Done()
		h.mu.Lock()
		return dts.Backlog{}, ctx.Err()
	}
	return h.backlog, h.err
}

func (h *hub) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed++
	return nil
}

func (h *hub) set(change func(*hub)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h)
}

func (h *hub) counts() (asked, closed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked, h.closed
}

func activities(pending, active int64) func(*hub) {
	return func(h *hub) { h.backlog.Activities = dts.Work{Pending: pending, Active: active} }
}

// always opens the same source for every target.
func always(s scaler.Source) func(scaler.Target) (scaler.Source, error) {
	return func(scaler.Target) (scaler.Source, error) { return s, nil }
}

// keda is a client as KEDA has one: it sets no deadlines.
type keda struct {
	es.ExternalScalerClient
	conn *grpc.ClientConn
	stop func() // ends the server in its ordered way and waits for it
}

// serve runs a server over a connection in memory, which works in a bubble. It
// stops when the test ends.
func serve(t *testing.T, open func(scaler.Target) (scaler.Source, error), opts ...scaler.Option) keda {
	t.Helper()
	pipe := bufconn.Listen(64 << 10)
	server := scaler.New(open, append([]scaler.Option{scaler.WithListener(pipe)}, opts...)...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	<-server.Ready()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
	conn, err := grpc.NewClient("passthrough:scaler",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		stop()
	})
	return keda{es.NewExternalScalerClient(conn), conn, stop}
}

// object is a ScaledObject with these metadata, given as keys and values.
func object(pairs ...string) *es.ScaledObjectRef {
	metadata := map[string]string{"scalerAddress": "scaler:8083"}
	for i := 0; i < len(pairs); i += 2 {
		metadata[pairs[i]] = pairs[i+1]
	}
	return &es.ScaledObjectRef{Name: "worker", Namespace: "shop", ScalerMetadata: metadata}
}

func (k keda) metric(ref *es.ScaledObjectRef, name string) (int64, error) {
	resp, err := k.GetMetrics(context.Background(), &es.GetMetricsRequest{ScaledObjectRef: ref, MetricName: name})
	if err != nil {
		return 0, err
	}
	if n := len(resp.GetMetricValues()); n != 1 {
		return 0, errors.New("want one value: an autoscaler adds them up")
	}
	v := resp.GetMetricValues()[0]
	if float64(v.GetMetricValue()) != v.GetMetricValueFloat() {
		return 0, errors.New("the two spellings of the value differ")
	}
	return v.GetMetricValue(), nil
}

// pushes collects what a stream of StreamIsActive brings.
type pushes struct {
	mu     sync.Mutex
	at     []time.Time
	untrue int
	ended  chan error
}

// listen opens a stream that lasts until ctx ends or the server ends it.
func (k keda) listen(ctx context.Context, t *testing.T, ref *es.ScaledObjectRef) *pushes {
	t.Helper()
	stream, err := k.StreamIsActive(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	p := &pushes{ended: make(chan error, 1)}
	go func() {
		for {
			resp, err := stream.Recv()
			if err != nil {
				p.ended <- err
				return
			}
			p.mu.Lock()
			if resp.GetResult() {
				p.at = append(p.at, time.Now())
			} else {
				p.untrue++
			}
			p.mu.Unlock()
		}
	}()
	return p
}

func (p *pushes) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.at)
}

func (p *pushes) neverFalse(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.untrue > 0 {
		t.Errorf("false was pushed %d times, want never", p.untrue)
	}
}

// endedInOrder waits for the end of the stream.
func (p *pushes) endedInOrder(t *testing.T) {
	t.Helper()
	if err := <-p.ended; !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v, want an end in order", err)
	}
}

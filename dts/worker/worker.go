package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/large"
	"github.com/funchost/funchost/dts/internal/wire"
)

// Defaults of the options.
const (
	defaultConcurrent = 100 // per kind; KEDA counts with the same number
	defaultDrain      = 15 * time.Second
)

// Keys of log records.
const (
	keyInstance     = "instance"
	keyOrchestrator = "orchestrator"
	keyActivity     = "activity"
	keyEntity       = "entity"
	keyHub          = "hub"
	keyAttempt      = "attempt"
	keyDuration     = "duration"
	keyType         = "type" // of an error
	keyError        = "error"
)

// Worker runs registered functions for one hub.
type Worker struct {
	hub      string
	conn     grpc.ClientConnInterface
	rpc      dtsgrpc.TaskHubSidecarServiceClient
	backend  dtsgrpc.BackendServiceClient
	registry *Registry
	id       string
	jitter   func() float64  // in [0, 1)
	payloads *large.Payloads // nil without a store

	log                        *slog.Logger
	orchestrations, activities int // at once
	entities                   int
	budget                     time.Duration
	warmest                    int // instances that are kept
	versioning                 Versioning

	began atomic.Bool
	ready chan struct{}
	heard sync.Once
}

// Option changes what [New] makes. A repeated option replaces the earlier one.
type Option func(*Worker)

// WithLogger sets where the worker, and the loggers of orchestrators, write to.
// The default discards.
func WithLogger(l *slog.Logger) Option {
	return func(w *Worker) { w.log = l }
}

// WithMaxConcurrent bounds how many turns and how many activities run at once;
// the scheduler holds back what is above. Zero or less means the default of 100.
func WithMaxConcurrent(orchestrations, activities int) Option {
	return func(w *Worker) { w.orchestrations, w.activities = orchestrations, activities }
}

// WithMaxConcurrentEntities bounds how many entities do operations at once. Zero or
// less means the default of 100.
func WithMaxConcurrentEntities(n int) Option {
	return func(w *Worker) { w.entities = n }
}

// WithDrain sets how long items that run may go on when the worker stops, before
// they are abandoned to the scheduler, which hands them to another worker. The
// default is 15 seconds; zero abandons them at once.
func WithDrain(d time.Duration) Option {
	return func(w *Worker) { w.budget = d }
}

// New returns a worker for the hub of c with the functions of r. Functions that
// are added to r after [Worker.Run] began are not seen.
func New(c *dts.Client, r *Registry, opts ...Option) *Worker {
	w := &Worker{
		hub:      c.Hub(),
		conn:     c.Conn(),
		rpc:      dtsgrpc.NewTaskHubSidecarServiceClient(c.Conn()),
		backend:  dtsgrpc.NewBackendServiceClient(c.Conn()),
		registry: r,
		id:       newWorkerID(),
		jitter:   rand.Float64,
		payloads: payloadsOf(c.Conn()),
		log:      slog.New(slog.DiscardHandler),
		budget:   defaultDrain,
		warmest:  defaultWarm,
		ready:    make(chan struct{}),
	}
	for _, o := range opts {
		o(w)
	}
	if w.orchestrations <= 0 {
		w.orchestrations = defaultConcurrent
	}
	if w.activities <= 0 {
		w.activities = defaultConcurrent
	}
	if w.entities <= 0 {
		w.entities = defaultConcurrent
	}
	w.log = w.log.With(keyHub, w.hub)
	return w
}

// Ready is closed when the scheduler has sent its first message: from then on
// work arrives.
func (w *Worker) Ready() <-chan struct{} { return w.ready }

// Run works until ctx ends, through every loss of the connection. Then it takes
// no more items, lets those that run finish within the drain budget, abandons
// the rest, and returns nil. It can be called once.
func (w *Worker) Run(ctx context.Context) error {
	if w.began.Swap(true) {
		return errors.New("run worker: it has run before, make a new one")
	}
	r := newRun(ctx, w)
	var pulling sync.WaitGroup
	pulling.Go(func() { r.pull(w.identify(ctx)) })
	<-ctx.Done()
	r.drain()
	pulling.Wait()
	return nil
}

// identify says in the metadata of a call who makes it.
func (w *Worker) identify(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, wire.HeaderWorkerID, w.id, wire.HeaderUserAgent, wire.UserAgent(wire.RoleWorker))
}

// newWorkerID returns host, process and a random part, as .NET workers write it.
func newWorkerID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	host = strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' || c == ',' { // metadata is printable ASCII
			return '-'
		}
		return c
	}, host)
	return fmt.Sprintf("%s,%d,%s", host, os.Getpid(), newID())
}

// newID returns 32 random hexadecimal digits.
func newID() string {
	return fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64())
}

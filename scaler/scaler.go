package scaler

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	es "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/funchost/funchost/dts"
)

// Source counts the work of one task hub; a [dts.Client] is one. Backlog is
// called about once a second, never twice at a time, and must return soon after
// ctx has ended. A source that is an io.Closer is closed when nobody has asked
// for its hub for some minutes.
type Source interface {
	Backlog(ctx context.Context) (dts.Backlog, error)
}

// Target is the task hub that a trigger's metadata names. The metadata come from
// whoever may create a ScaledObject, so they choose and do not prove anything.
type Target struct {
	// Connection is the name of a connection that the scaler was given;
	// "default" unless the metadata say otherwise, empty if they name an endpoint.
	Connection string
	// Endpoint is the address of a scheduler. Whoever opens it must make sure
	// that it is a known one: credentials would go there.
	Endpoint string
	// TaskHub is empty if the metadata name none: then it is the connection's.
	TaskHub string
}

// String describes the target in errors and logs.
func (t Target) String() string {
	hub := "the default task hub"
	if t.TaskHub != "" {
		hub = fmt.Sprintf("task hub %q", t.TaskHub)
	}
	if t.Endpoint != "" {
		return hub + " at " + t.Endpoint
	}
	return fmt.Sprintf("%s of connection %q", hub, t.Connection)
}

// Option changes what [New] makes. A repeated option replaces the earlier one.
type Option func(*Server)

// WithListener makes the server listen on l, which it closes. The default is a
// free port of 127.0.0.1.
func WithListener(l net.Listener) Option { return func(s *Server) { s.listener = l } }

// WithLogger sets where the server logs. The default discards its log.
func WithLogger(l *slog.Logger) Option { return func(s *Server) { s.log = l } }

// WithTLS makes the server speak TLS only. A config with GetConfigForClient can
// change certificates while the server runs. The default is plaintext.
func WithTLS(c *tls.Config) Option { return func(s *Server) { s.tls = c } }

// Server is an external scaler of KEDA. Its methods are safe for concurrent use.
type Server struct {
	open     func(Target) (Source, error)
	listener net.Listener
	log      *slog.Logger
	tls      *tls.Config
	ran      atomic.Bool
	ready    chan struct{}
}

// New returns a server that obtains the source of a task hub from open. It is
// called when a hub is first asked for, and again, about once a second, as long
// as it refuses. Calls for different targets may be concurrent. Its error reaches
// the ScaledObject as an event, so it says which metadata to change and tells no
// secrets.
func New(open func(Target) (Source, error), opts ...Option) *Server {
	s := &Server{open: open, log: slog.New(slog.DiscardHandler), ready: make(chan struct{})}
	for _, o := range opts {
		o(s)
	}
	return s
}

// Ready is closed when the server takes calls.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr returns where the server listens; nil before [Server.Ready].
func (s *Server) Addr() net.Addr {
	select {
	case <-s.ready:
		return s.listener.Addr()
	default:
		return nil
	}
}

// Names of the health service. Neither looks at the schedulers: a scaler that
// went away with them would take KEDA's fallback along.
const (
	healthLive  = "liveness"
	healthReady = "readiness"
)

const (
	// drainTime is how long calls may go on that run when the server stops.
	drainTime = 5 * time.Second
	// maxRequest is far above any metadata, which is all that a request holds.
	maxRequest = 64 << 10
	// maxStreams is per connection. KEDA holds two streams for each ScaledObject
	// on one connection; above the limit its calls would wait, so it is far off.
	maxStreams = 20_000
)

// Run serves until ctx ends. Then it ends all streams in order, so that KEDA
// connects again at once instead of backing off, lets running calls finish and
// returns nil. It can be called once.
func (s *Server) Run(ctx context.Context) error {
	if s.ran.Swap(true) {
		return errors.New("run scaler: it has run before, make a new one")
	}
	if s.listener == nil {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("listen on 127.0.0.1: %w", err)
		}
		s.listener = l
	}
	pollers := newPollers(s.open, s.log)
	defer pollers.close()
	probes := health.NewServer()
	probes.SetServingStatus(healthLive, healthpb.HealthCheckResponse_SERVING)
	probes.SetServingStatus(healthReady, healthpb.HealthCheckResponse_SERVING)
	server := s.newGRPC()
	es.RegisterExternalScalerServer(server, &service{
		pollers: pollers, log: s.log, stopping: ctx.Done(), complaints: newComplaints(),
	})
	healthpb.RegisterHealthServer(server, probes)

	served := make(chan error, 1)
	go func() { served <- server.Serve(s.listener) }()
	close(s.ready)
	select {
	case err := <-served:
		server.Stop()
		return fmt.Errorf("serve the scaler on %s: %w", s.listener.Addr(), err)
	case <-ctx.Done():
	}
	probes.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	probes.SetServingStatus(healthReady, healthpb.HealthCheckResponse_NOT_SERVING)
	cut := time.AfterFunc(drainTime, server.Stop)
	server.GracefulStop()
	cut.Stop()
	if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve the scaler on %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// newGRPC sets the bounds of connections. The age of a connection lets KEDA find
// new replicas of the scaler behind one name; the grace is above the life of a
// stream, so that age never breaks one.
func (s *Server) newGRPC() *grpc.Server {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge:      30 * time.Minute,
			MaxConnectionAgeGrace: streamLife + streamLife/2,
			Time:                  time.Minute,
			Timeout:               20 * time.Second,
		}),
	}
	if s.tls != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.tls)))
	}
	return grpc.NewServer(options...)
}

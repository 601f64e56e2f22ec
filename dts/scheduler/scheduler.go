package scheduler

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/disk"
	"github.com/funchost/funchost/dts/internal/inproc"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
	"github.com/funchost/funchost/dts/scheduler/internal/meter"
	"github.com/funchost/funchost/dts/scheduler/internal/rpc"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// Server is a durable task scheduler. Its methods are safe for concurrent use.
type Server struct {
	log       *slog.Logger
	store     *store.Store
	disk      *disk.FS
	maxLosses uint32
	only      []string // the hubs that there are; nil is any
	keep      func(hub string) hub.Ages
	tls       *tls.Config
	access    access // nil lets everybody in
	meter     *meter.Meter
	unmeter   func() error // ends what the meter asks of the server
	listener  net.Listener
	conn      *inproc.Conn
	ready     chan struct{}
	failed    chan error // the first hub that could not go on
	ballast   []byte

	stopping context.Context
	stop     context.CancelFunc

	mu   sync.Mutex // guards what follows
	hubs map[string]*hub.Hub
	runs *errgroup.Group
	open bool // hubs may be opened
	ran  bool
}

// ballast is memory that a server holds and never touches, so that it takes none
// of the machine's. A scheduler lives on a few megabytes and allocates a hundred
// in a second: without it the garbage collector, which starts when the heap has
// doubled, would run dozens of times a second and take a fifth of the hot path.
const ballast = 16 << 20

// New opens the data directory and the listener. The errors say which of the two
// failed and what to do. A server that New returned must be run, or closed by
// running it with a context that has ended.
func New(cfg Config) (_ *Server, err error) {
	s := &Server{
		log:       cfg.Logger,
		maxLosses: 10,
		only:      cfg.Hubs,
		tls:       cfg.TLS,
		access:    cfg.Authorize,
		conn:      inproc.New(),
		ready:     make(chan struct{}),
		failed:    make(chan error, 1),
		hubs:      make(map[string]*hub.Hub),
		listener:  cfg.Listener,
		open:      true,
	}
	defer func() {
		if err != nil && s.listener != nil {
			err = errors.Join(err, s.listener.Close())
		}
	}()
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	switch {
	case cfg.MaxLosses > 0 && cfg.MaxLosses <= math.MaxInt32:
		s.maxLosses = uint32(cfg.MaxLosses)
	case cfg.MaxLosses != 0:
		s.maxLosses = 0
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if s.keep, err = cfg.ages(); err != nil {
		return nil, err
	}
	if s.listener == nil && cfg.Listen != "none" {
		if s.listener, err = listen(cfg.Listen); err != nil {
			return nil, err
		}
	}
	s.meter = meter.None()
	if cfg.Metrics != nil {
		if s.meter, err = meter.New(cfg.Metrics); err != nil {
			return nil, fmt.Errorf("prepare metrics: %w", err)
		}
	}
	opts := store.Options{Dir: cfg.Dir, Disk: cfg.Disk, Log: s.log, Meter: s.meter}
	if opts.Dir == "" {
		opts.Dir = "scheduler"
		if opts.Disk == nil {
			opts.Disk = disk.Memory()
		}
	}
	if opts.Disk == nil {
		opts.Disk = disk.Real()
		s.ballast = make([]byte, ballast)
	}
	s.disk = opts.Disk
	if s.store, err = store.Open(opts); err != nil {
		return nil, err
	}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.runs = &errgroup.Group{}
	err = s.openHubs()
	if err == nil {
		s.unmeter, err = s.meter.Observe(s.state)
	}
	if err != nil {
		s.stop()
		return nil, errors.Join(err, s.close())
	}
	rpc.Register(s.conn, (*hubs)(s))
	return s, nil
}

func listen(addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("scheduler address %s is in use: stop the program that listens there, or choose another port: %w", addr, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on scheduler address %q: %w", addr, err)
	}
	return l, nil
}

// Ready is closed when the server takes calls.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr returns the address of the listener, nil if there is none.
func (s *Server) Addr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Conn returns a connection for clients and workers in this process. It takes
// calls as soon as the server runs and until it stops.
func (s *Server) Conn() grpc.ClientConnInterface { return s.conn }

// ConnectionString returns what a client in another process connects with; an
// empty hub is "default". Without a listener the endpoint is empty, which
// dts.Dial refuses.
func (s *Server) ConnectionString(hub string) dts.ConnectionString {
	if hub == "" {
		hub = wire.DefaultTaskHub
	}
	cs := dts.ConnectionString{TaskHub: hub, Authentication: dts.AuthNone}
	if s.listener != nil {
		cs.Endpoint = "http://" + s.listener.Addr().String()
		if s.tls != nil {
			cs.Endpoint = "https://" + s.listener.Addr().String()
		}
	}
	return cs
}

// How a connection is found dead: a worker's leases end with it.
const (
	keepaliveAfter   = 20 * time.Second
	keepaliveTimeout = 10 * time.Second
)

// drainTime is how long calls may go on that run when the server stops.
const drainTime = 5 * time.Second

// Run serves until ctx ends, then stops in order: streams end, calls finish, the
// store closes. It returns an error if the storage failed; what was acknowledged
// is on disk and is there when the directory is opened again. Run is called once.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.ran {
		s.mu.Unlock()
		return errors.New("scheduler: Run is called a second time")
	}
	s.ran = true
	s.mu.Unlock()

	var serving sync.WaitGroup
	lost := make(chan error, 1) // why there is no listener any more
	server := grpc.NewServer(s.serverOptions()...)
	rpc.Register(server, (*hubs)(s))
	if s.listener != nil {
		serving.Go(func() {
			err := server.Serve(s.listener)
			if err != nil && !errors.Is(err, grpc.ErrServerStopped) { // that is: before it served
				lost <- fmt.Errorf("serve scheduler: %w", err)
			}
		})
	}
	close(s.ready)

	var err error
	select {
	case <-ctx.Done():
	case <-s.store.Failed():
		err = storageError(s.store.Err())
	case err = <-s.failed:
	case err = <-lost:
	}
	s.stop() // streams and waits end
	stopped := make(chan error, 1)
	go func() {
		stopServer(server)
		serving.Wait()
		s.conn.Close()
		stopped <- s.close()
	}()
	// A storage that has failed, also in that it cannot be closed, may keep a call for
	// ever. Nobody waits for it then: the process is to end.
	failed := s.store.Failed()
	var patience <-chan time.Time
	for {
		select {
		case closeErr := <-stopped:
			return errors.Join(err, closeErr)
		case <-failed:
			failed = nil
			patience = time.After(2 * drainTime)
			if err == nil {
				err = storageError(s.store.Err())
			}
		case <-patience:
			return err
		}
	}
}

func storageError(err error) error {
	return fmt.Errorf("scheduler storage: %w\n"+
		"  what was acknowledged is on disk: see to the disk, and start the scheduler again", err)
}

func (s *Server) serverOptions() []grpc.ServerOption {
	opts := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(wire.MaxMessage),
		grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveAfter, Timeout: keepaliveTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	}
	if s.tls != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(s.tls)))
	}
	if s.access != nil {
		opts = append(opts, s.access.options()...)
	}
	return opts
}

// stopServer lets running calls finish for a while.
func stopServer(server *grpc.Server) {
	cut := time.AfterFunc(drainTime, server.Stop)
	defer cut.Stop()
	server.GracefulStop()
}

func (s *Server) close() error {
	s.mu.Lock()
	s.open = false
	for _, h := range s.hubs {
		h.Close()
	}
	s.mu.Unlock()
	var err error
	if s.unmeter != nil {
		err = s.unmeter()
	}
	return errors.Join(s.runs.Wait(), err, s.store.Close())
}

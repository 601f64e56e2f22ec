// Package dtstest runs a scheduler inside a test: the real one, in memory, with
// direct calls instead of sockets, so that it works in a testing/synctest bubble.
//
//	synctest.Test(t, func(t *testing.T) {
//		s := dtstest.Start(t)
//		… workers and clients on s.Client(), time.Sleep is free …
//		s.Crash() // power cut: what was not synced may be gone
//		…
//	})
package dtstest

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/disk"
	"github.com/funchost/funchost/dts/scheduler"
)

// Option changes what [Start] starts.
type Option func(*options)

type options struct {
	listen  bool
	seed    uint64
	log     *slog.Logger
	latency time.Duration
	losses  int // a work item may be lost so often; 0 is the default
}

// Listen makes the scheduler listen on a free port of 127.0.0.1 as well. It does
// not work in a bubble.
func Listen() Option { return func(o *options) { o.listen = true } }

// Seed repeats what earlier crashes with the same seed left on the disk. The
// default is a seed of its own for each start, which a failing test prints.
func Seed(seed uint64) Option { return func(o *options) { o.seed = seed } }

// Log makes the scheduler log to l. The default discards its log.
func Log(l *slog.Logger) Option { return func(o *options) { o.log = l } }

// SlowDisk makes each commit take up to d, drawn from the seed. The default takes
// no time, so that a crash at a moment that the test has slept for finds little
// half done. It is for worlds with payloads of a few kilobytes.
func SlowDisk(d time.Duration) Option { return func(o *options) { o.latency = d } }

// NoPoison lets workers be lost with a work item as often as they like.
func NoPoison() Option { return func(o *options) { o.losses = -1 } }

// Scheduler is a running scheduler. Its methods are for one goroutine.
type Scheduler struct {
	t      testing.TB
	opts   options
	rng    *rand.Rand
	link   *link
	client *dts.Client
	addr   string

	disk   *disk.FS
	device *device // between the server and the disk
	server *scheduler.Server
	cancel context.CancelFunc
	ended  chan error
	dead   chan struct{} // closed behind ended
}

// Start starts a scheduler that stops when the test ends.
func Start(t testing.TB, opts ...Option) *Scheduler {
	t.Helper()
	s := &Scheduler{t: t, opts: options{seed: rand.Uint64()}, link: &link{}, disk: disk.Crashable()}
	for _, o := range opts {
		o(&s.opts)
	}
	s.rng = rand.New(rand.NewPCG(s.opts.seed, 0))
	if s.opts.listen {
		s.addr = "127.0.0.1:0"
	}
	s.run()
	s.client = s.Connect("default")
	t.Cleanup(func() {
		s.stop()
		s.check()
		if t.Failed() {
			t.Logf("dtstest: seed %d", s.opts.seed)
		}
	})
	return s
}

// run starts a server on the disk as it is.
func (s *Scheduler) run() {
	s.t.Helper()
	server := s.open(0)
	if s.addr != "" {
		s.addr = server.Addr().String()
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.server, s.cancel, s.ended, s.dead = server, cancel, make(chan error, 1), make(chan struct{})
	go func(dead chan struct{}) {
		s.ended <- server.Run(ctx)
		close(dead)
	}(s.dead)
	<-server.Ready()
	s.link.connect(server.Conn())
}

// open makes a server that takes up what is on the disk. The power is cut just
// before the change to the disk with that number; 0 is never.
func (s *Scheduler) open(cut int) *scheduler.Server {
	s.t.Helper()
	s.device = s.newDevice(cut)
	server, err := s.serve()
	if err != nil {
		s.t.Fatalf("dtstest: %v", err)
	}
	return server
}

func (s *Scheduler) newDevice(cut int) *device {
	return &device{
		disk: s.disk, rng: rand.New(rand.NewPCG(s.rng.Uint64(), s.rng.Uint64())), latency: s.opts.latency, cut: cut,
	}
}

// serve makes a server on the device.
func (s *Scheduler) serve() (*scheduler.Server, error) {
	listen := "none"
	if s.addr != "" {
		listen = s.addr
	}
	return scheduler.New(scheduler.Config{Dir: "scheduler", Disk: s.device.fs(), Listen: listen, Logger: s.opts.log, MaxLosses: s.opts.losses})
}

// stop stops the server, if one runs.
func (s *Scheduler) stop() {
	s.t.Helper()
	if s.cancel == nil {
		return
	}
	s.device.hurry()
	s.cancel()
	s.cancel = nil
	if err := <-s.ended; err != nil {
		s.t.Errorf("dtstest: scheduler: %v", err)
	}
}

// check compares all rows that are left on the disk.
func (s *Scheduler) check() {
	s.t.Helper()
	report, err := scheduler.Check(context.Background(), scheduler.Config{Dir: "scheduler", Disk: s.disk})
	if err != nil {
		s.t.Errorf("dtstest: the disk that is left: %v", err)
		return
	}
	for _, problem := range report.Problems {
		s.t.Errorf("dtstest: the disk that is left: %s", problem)
	}
}

// Conn returns the connection under the clients, which goes on working after a
// crash. A test that puts faults between gives [dts.WithConn] what it wraps it in.
func (s *Scheduler) Conn() grpc.ClientConnInterface { return s.link }

// Client returns a client of the hub "default". It goes on working after a
// crash, as one that connects again does.
func (s *Scheduler) Client() *dts.Client { return s.client }

// Connect returns a client of a hub.
func (s *Scheduler) Connect(hub string, opts ...dts.Option) *dts.Client {
	s.t.Helper()
	cs := dts.ConnectionString{Endpoint: "http://127.0.0.1", TaskHub: hub, Authentication: dts.AuthNone}
	c, err := dts.Dial(cs, append([]dts.Option{dts.WithConn(s.link)}, opts...)...)
	if err != nil {
		s.t.Fatalf("dtstest: %v", err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// ConnectionString returns what a client of the hub "default" in another process
// connects with. The scheduler must have been started with [Listen].
func (s *Scheduler) ConnectionString() dts.ConnectionString {
	return s.server.ConnectionString("default")
}

// Crash cuts the power: from one moment on nobody gets an answer, then what was
// synced, and by chance some of what was not, is all that the restarted scheduler
// has. That must be in order in itself. One time in four the power goes again while
// that one recovers. Crash returns when the scheduler takes calls.
func (s *Scheduler) Crash() *Scheduler {
	s.t.Helper()
	s.link.cut() // an answer that crosses the cut would look like a loss
	image := s.disk.Cut(s.rng, s.rng.IntN(101))
	s.stop()
	s.disk = image
	s.check()
	if s.rng.IntN(4) == 0 {
		s.recoverInVain()
	}
	s.run()
	return s
}

// changesToOpen is about how many changes to the disk a start makes.
const changesToOpen = 40

// recoverInVain starts a scheduler that loses power before it takes calls.
func (s *Scheduler) recoverInVain() {
	s.t.Helper()
	server := s.open(1 + s.rng.IntN(changesToOpen))
	image := s.device.lost()
	s.device.hurry()
	ended, end := context.WithCancel(context.Background())
	end()
	if err := server.Run(ended); err != nil {
		s.t.Errorf("dtstest: scheduler: %v", err)
	}
	if image != nil {
		s.disk = image
	}
}

// Restart stops the scheduler in order and starts it again.
func (s *Scheduler) Restart() *Scheduler {
	s.t.Helper()
	s.stop()
	s.run()
	return s
}

package scaler

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
)

const (
	firstWait  = 200 * time.Millisecond // for the first backlog of a hub
	idleAfter  = 5 * time.Minute        // without anybody who asks
	maxPollers = 1024                   // hubs at once; more are refused
)

// pollers has one poller for each target that is in use.
type pollers struct {
	open    func(Target) (Source, error)
	log     *slog.Logger
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex // guards what follows, and the use of each poller
	byTarget map[Target]*poller
	closed   bool
}

func newPollers(open func(Target) (Source, error), log *slog.Logger) *pollers {
	ctx, cancel := context.WithCancel(context.Background())
	return &pollers{open: open, log: log, ctx: ctx, cancel: cancel, byTarget: make(map[Target]*poller)}
}

// close stops all pollers and waits for them.
func (ps *pollers) close() {
	ps.mu.Lock()
	ps.closed = true
	ps.mu.Unlock()
	ps.cancel()
	ps.running.Wait()
}

// backlog is the newest backlog of a target. The errors are gRPC's.
func (ps *pollers) backlog(ctx context.Context, t Target) (dts.Backlog, error) {
	p, err := ps.use(t, 0)
	if err != nil {
		return dts.Backlog{}, err
	}
	v, changed := p.view()
	if v.isNew() {
		patience := time.NewTimer(firstWait)
		defer patience.Stop()
		select {
		case <-changed:
		case <-patience.C:
		case <-ctx.Done():
		}
		v, _ = p.view()
	}
	return v.read(t, time.Now())
}

// watch returns a poller that stays until release is called.
func (ps *pollers) watch(t Target) (p *poller, release func(), err error) {
	if p, err = ps.use(t, 1); err != nil {
		return nil, nil, err
	}
	return p, func() {
		ps.mu.Lock()
		defer ps.mu.Unlock()
		p.watchers--
		p.used = time.Now()
	}, nil
}

// use finds or starts the poller of a target.
func (ps *pollers) use(t Target, watchers int) (*poller, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.byTarget[t]
	switch {
	case ps.closed:
		return nil, status.Error(codes.Unavailable, "the scaler is stopping")
	case p == nil && len(ps.byTarget) >= maxPollers:
		return nil, status.Errorf(codes.ResourceExhausted, "this scaler watches %d task hubs and takes no more", maxPollers)
	case p == nil:
		p = newPoller(t, ps.open, ps.log)
		ps.byTarget[t] = p
		ps.running.Go(func() { p.run(ps.ctx, ps.drop) })
	}
	p.used = time.Now()
	p.watchers += watchers
	return p, nil
}

// drop forgets a poller that is not in use.
func (ps *pollers) drop(p *poller) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p.watchers > 0 || time.Since(p.used) < idleAfter {
		return false
	}
	delete(ps.byTarget, p.target)
	return true
}

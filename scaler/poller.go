package scaler

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
)

const (
	pollEvery    = time.Second      // bounds how late a push is
	pollTimeout  = 2 * time.Second  // for one answer of a scheduler
	maxStaleness = 30 * time.Second // of a backlog that is still an answer
)

// poller keeps what is known of one target.
type poller struct {
	target Target
	open   func(Target) (Source, error)
	log    *slog.Logger
	source Source // of the goroutine of run; nil until open agrees

	used     time.Time // guarded by pollers
	watchers int       // guarded by pollers

	mu      sync.Mutex
	newest  view
	changed chan struct{} // closed at the next change of newest
}

func newPoller(t Target, open func(Target) (Source, error), log *slog.Logger) *poller {
	return &poller{
		target: t, open: open, log: log.With(keyHub, t.String()),
		newest: view{since: time.Now()}, changed: make(chan struct{}),
	}
}

// run polls until drop says that nobody asks any more, or ctx ends.
func (p *poller) run(ctx context.Context, drop func(*poller) bool) {
	defer p.close()
	wait := time.NewTimer(pollEvery)
	defer wait.Stop()
	for wasKnown := true; !drop(p); {
		wasKnown = p.poll(ctx, wasKnown)
		wait.Reset(about(pollEvery, 0.1))
		select {
		case <-wait.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *poller) close() {
	if c, ok := p.source.(io.Closer); ok {
		_ = c.Close()
	}
}

// poll asks once, and reports whether the backlog is known after that.
func (p *poller) poll(ctx context.Context, wasKnown bool) bool {
	asked := time.Now()
	b, err := p.ask(ctx)
	if ctx.Err() != nil {
		return wasKnown // says nothing about the scheduler
	}
	p.learn(b, asked, err)
	v, _ := p.view()
	_, unknown := v.read(p.target, time.Now())
	switch {
	case wasKnown && unknown != nil:
		p.log.Warn("the backlog of a task hub is unknown", keyError, err)
	case !wasKnown && unknown == nil:
		p.log.Info("the backlog of a task hub is known again")
	}
	return unknown == nil
}

// ask has a limit of its own: a scheduler that hangs must not keep the poller
// from noticing that it is back.
func (p *poller) ask(ctx context.Context) (dts.Backlog, error) {
	if p.source == nil {
		source, err := p.open(p.target)
		if err != nil {
			return dts.Backlog{}, &refusedError{err}
		}
		p.source = source
	}
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	return p.source.Backlog(ctx)
}

// learn takes what an attempt has brought.
func (p *poller) learn(b dts.Backlog, asked time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.newest.err = err
	if err == nil {
		p.newest = view{backlog: b, since: asked, known: true}
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// view returns what is known and a channel that is closed when that changes.
func (p *poller) view() (view, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.newest, p.changed
}

// view is what was known at one moment.
type view struct {
	backlog dts.Backlog
	known   bool      // there is a backlog
	since   time.Time // of the backlog; of the beginning if there is none
	err     error     // of the newest attempt
}

// isNew reports whether no attempt has ended yet.
func (v view) isNew() bool { return !v.known && v.err == nil }

// read returns the backlog unless it is too old, or the scheduler has said
// something that waiting does not change.
func (v view) read(t Target, now time.Time) (dts.Backlog, error) {
	age := now.Sub(v.since)
	switch {
	case v.err != nil && isFinal(v.err):
		return dts.Backlog{}, status.Errorf(codes.FailedPrecondition, "no backlog of %v: %v", t, v.err)
	case v.known && age <= maxStaleness:
		return v.backlog, nil
	case v.err != nil:
		return dts.Backlog{}, status.Errorf(codes.Unavailable, "no backlog of %v for %v: %v", t, age.Round(time.Second), v.err)
	default:
		return dts.Backlog{}, status.Errorf(codes.Unavailable, "no backlog of %v for %v: its scheduler has not answered", t, age.Round(time.Second))
	}
}

// refusedError is why there is no source for a target.
type refusedError struct{ error }

func (e *refusedError) Unwrap() error { return e.error }

// isFinal reports whether an error stays until somebody changes something.
func isFinal(err error) bool {
	if _, refused := errors.AsType[*refusedError](err); refused {
		return true
	}
	switch status.Code(err) {
	case codes.PermissionDenied, codes.Unauthenticated:
		return true
	default:
		return errors.Is(err, dts.ErrNotFound) || errors.Is(err, dts.ErrInvalid) || errors.Is(err, dts.ErrUnimplemented)
	}
}

package durable

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/funchost/funchost/dts/worker"
)

// Context is an orchestrator's view of the world: the clock that stands still
// while it is replayed, ids that come out the same again, durable waiting. It
// goes as the first argument to whatever an orchestrator calls, waits for or
// sends. It is not a context.Context, so code that does I/O does not take it.
//
// A Context belongs to the orchestrator it was handed to and to the functions
// that orchestrator started with [Context.Go]. It must not reach an activity, a
// goroutine or a package variable.
type Context struct {
	w      *worker.Context
	host   *host
	values context.Context
	// accepts gives the error for a value that the running orchestrator would
	// not take as its input.
	accepts func(v any) error
	sagas   int     // that are under way
	panics  []error // of coroutines, while there was a saga
}

// ID is the instance id of this orchestration.
func (c *Context) ID() string { return c.w.InstanceID() }

// Name is the name under which this orchestration was started.
func (c *Context) Name() string { return c.w.Name() }

// Version is the version this orchestration was started with, empty for none.
func (c *Context) Version() string { return c.w.Version() }

// Parent is the instance id of the orchestration that called this one; ok is
// false for one that was started from outside.
func (c *Context) Parent() (id string, ok bool) { return c.w.Parent() }

// Tag is the value of a tag this orchestration was started with, empty if it
// has none of that key.
func (c *Context) Tag(key string) string { return c.w.Tags()[key] }

// Value is a value that a [Middleware] put into the context it handed on, nil if
// there is none. It must be the same in each replay.
func (c *Context) Value(key any) any { return c.values.Value(key) }

// Now is the time of the orchestration: when the work that is being handled
// became due. It is the same in each replay and moves only while the
// orchestrator waits.
func (c *Context) Now() time.Time { return c.w.Now() }

// NewID is a new unique id in the form of a UUID, the same in each replay.
func (c *Context) NewID() string { return c.w.NewID() }

// Rand gives random numbers that are the same in each replay:
//
//	ctx.Sleep(time.Minute + ctx.Rand().N(10*time.Second))
//
// Each call returns the same generator, which goes on from where it is. Two
// orchestrations have different numbers, and so have two rounds of one that
// continues as new. They are not for secrets: whoever knows the id of the instance
// and when it began can compute them.
func (c *Context) Rand() *rand.Rand { return c.w.Rand() }

// Replaying reports whether the orchestrator is being led through what it has
// done before. Decisions must not depend on it.
func (c *Context) Replaying() bool { return c.w.Replaying() }

// Logger writes to the log of the host with the instance and the orchestrator
// named, and is silent while the orchestrator is replayed.
func (c *Context) Logger() *slog.Logger { return c.w.Logger() }

// SetStatus shows v, encoded, to whoever looks at the instance from outside. It is
// sent when the orchestrator next waits or ends. A v that cannot be encoded is
// logged as a warning and changes nothing.
func (c *Context) SetStatus(v any) {
	data, err := c.host.codec.encode(v)
	if err != nil {
		c.Logger().Warn("status was not set", "error", err)
		return
	}
	c.w.SetStatus(data)
}

// Sleep waits for d, at the least, whatever happens to this process meanwhile.
// Zero or less returns at once.
func (c *Context) Sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	_, _ = c.w.Timer(c.Now().Add(d)).Await() // the result of a timer that nobody cancels is nothing
}

// After starts a timer of d, of any length, and returns at once. The future is done
// when the time has passed, and soon if d is zero or less; [Future.Cancel] gives it
// up.
func (c *Context) After(d time.Duration) Future[None] {
	timer := c.w.Timer(c.Now().Add(d))
	f := taskFuture[None](c.host.codec, "timer", timer)
	f.cancel = timer.Cancel
	return f
}

// Go runs f beside the orchestrator, taking turns with it: one of them runs at a
// time, and the turn passes when it waits. So they share variables without
// locks. The future is done when f has returned. Name is for log and stack.
//
// An orchestration ends when its orchestrator returns; what f has not done by
// then is never done. A panic of f fails the orchestration at once, or, while a
// saga is under way, the saga: see [RunSaga].
func (c *Context) Go(name string, f func() error) Future[None] {
	var done bool
	var err error
	c.beside(name, f, func(e error) { err, done = e, true })
	return Future[None]{
		done:   func() bool { return done },
		result: func() (None, error) { return None{}, err },
	}
}

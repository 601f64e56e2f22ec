package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/funchost/funchost/dts"
)

// ErrTimeout is what [Event.Wait], and an activity called with [Timeout], fail with
// when the time is up.
var ErrTimeout = errors.New("timed out")

// Event is the handle of something that is raised to an orchestration from
// outside or by another: one name, one type, used at both ends. Names are compared
// without case.
//
// Events of one name are kept in order. One that comes before anybody waits is
// kept for the next who does, and each is received once, by the one who has waited
// longest.
type Event[T any] struct{ name string }

// NewEvent declares the event name. There is nothing to add to an app.
func NewEvent[T any](name string) Event[T] { return Event[T]{name} }

// Name is the name of the event.
func (e Event[T]) Name() string { return e.name }

// Wait waits for the next event of the name. A timeout of zero waits for ever. Any
// other fails with [ErrTimeout] when it has passed and no event has come; less
// than zero has already passed.
func (e Event[T]) Wait(ctx *Context, timeout time.Duration) (T, error) {
	event := e.Listen(ctx)
	if timeout == 0 || event.Done() {
		return event.Get(ctx)
	}
	timer := ctx.After(timeout)
	ctx.w.Until(func() bool { return event.Done() || timer.Done() })
	if !event.Done() {
		event.Cancel()
		var zero T
		return zero, fmt.Errorf("event %q: %w", e.name, ErrTimeout)
	}
	timer.Cancel()
	return event.Get(ctx)
}

// Listen begins to wait for the next event of the name and returns at once. A
// future that is no longer wanted must be given up with [Future.Cancel], or it
// takes an event from those who wait after it.
func (e Event[T]) Listen(ctx *Context) Future[T] {
	task := ctx.w.Event(e.name)
	f := taskFuture[T](ctx.host.codec, fmt.Sprintf("event %q", e.name), task)
	f.cancel = task.Cancel
	return f
}

func (e Event[T]) watch(ctx *Context) watched[T] {
	f := e.Listen(ctx)
	return watched[T]{ready: f.done, take: f.result, drop: f.Cancel}
}

// Raise sends v to the orchestration with the instance id. It returns when the hub
// has it for good; [dts.ErrNotFound] means that there is no such instance.
func (e Event[T]) Raise(ctx context.Context, c *dts.Client, id string, v T) error {
	data, err := codec{c.Converter()}.encode(v)
	if err != nil {
		return fmt.Errorf("raise event %q to instance %q: %w", e.name, id, err)
	}
	return c.Raise(ctx, id, e.name, data)
}

// Send sends v from one orchestration to that with the instance id, once, however
// often the sender is replayed. If there is no such instance the event is lost.
func (e Event[T]) Send(ctx *Context, id string, v T) error {
	data, err := ctx.host.codec.encode(v)
	if err != nil {
		return fmt.Errorf("send event %q to instance %q: %w", e.name, id, err)
	}
	ctx.w.SendEvent(id, e.name, data)
	return nil
}

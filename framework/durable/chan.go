package durable

import (
	"errors"
	"iter"
)

// ErrClosed is what [Select] returns for a [Chan] that is closed and empty.
var ErrClosed = errors.New("channel is closed")

// Chan is a channel between the functions of one orchestration that [Context.Go]
// runs side by side. Those who wait are served in the order in which they came.
// To hear from outside an orchestration needs an [Event].
type Chan[T any] struct {
	capacity int
	values   []T // sent and not received
	sent     int // how many ever
	received int
	closed   bool
}

// NewChan makes a channel that keeps up to capacity values that nobody has
// received. With a capacity of zero a send waits until its value is received.
func NewChan[T any](capacity int) *Chan[T] { return &Chan[T]{capacity: max(capacity, 0)} }

// Send sends v and waits until it is received or fits the capacity. Like a send on
// a closed Go channel, one after Close panics, and so fails the orchestration.
func (c *Chan[T]) Send(ctx *Context, v T) {
	if c.closed {
		panic("durable: send on a closed Chan")
	}
	number := c.sent
	c.sent++
	c.values = append(c.values, v)
	ctx.w.Until(func() bool { return number < c.received+c.capacity })
}

// Receive waits for a value and takes it; ok is false if the channel is closed and
// has none left.
func (c *Chan[T]) Receive(ctx *Context) (v T, ok bool) {
	ctx.w.Until(c.ready)
	if len(c.values) == 0 {
		return v, false
	}
	return c.take(), true
}

// All receives, for range, until the channel is closed and has no value left.
func (c *Chan[T]) All(ctx *Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, ok := c.Receive(ctx)
			if !ok || !yield(v) {
				return
			}
		}
	}
}

// Close says that nothing more will be sent. What was sent can still be received.
// Closing again does nothing.
func (c *Chan[T]) Close() { c.closed = true }

func (c *Chan[T]) ready() bool { return c.closed || len(c.values) > 0 }

func (c *Chan[T]) take() T {
	var none T
	v := c.values[0]
	c.values[0] = none // so that the array does not keep it
	c.values = c.values[1:]
	c.received++
	return v
}

func (c *Chan[T]) watch(*Context) watched[T] {
	return watched[T]{ready: c.ready, take: func() (v T, err error) {
		if len(c.values) == 0 {
			return v, ErrClosed
		}
		return c.take(), nil
	}}
}

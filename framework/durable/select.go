package durable

import "errors"

// Source is what a [Case] waits for: an [Event], a [Future], a [*Chan].
type Source[T any] interface {
	watch(ctx *Context) watched[T]
}

// watched is a source while a Select looks at it.
type watched[T any] struct {
	ready func() bool
	take  func() (T, error)
	drop  func() // nil: looking has taken nothing
}

// Case is one of several things that [Select] waits for. [On] makes one.
type Case interface {
	begin(ctx *Context)
	ready() bool
	holds() bool // ready, and what it took would be lost if another case were chosen
	drop()
	run() error
}

// On is the case that s has a value, with which do is called.
func On[T any](s Source[T], do func(v T) error) Case { return &on[T]{source: s, do: do} }

type on[T any] struct {
	source  Source[T]
	do      func(T) error
	watched watched[T]
}

func (o *on[T]) begin(ctx *Context) { o.watched = o.source.watch(ctx) }
func (o *on[T]) ready() bool        { return o.watched.ready() }
func (o *on[T]) holds() bool        { return o.watched.drop != nil && o.ready() }

func (o *on[T]) drop() {
	if o.watched.drop != nil {
		o.watched.drop()
	}
}

func (o *on[T]) run() error {
	v, err := o.watched.take()
	if err != nil {
		return err
	}
	return o.do(v)
}

// Select waits until one of several things has happened and calls the function of
// that case, and only that:
//
//	err := durable.Select(ctx,
//		durable.On(Approved, func(a Approval) error { return ship(ctx, a) }),
//		durable.On(Rejected, func(r Rejection) error { return refund(ctx, r) }),
//		durable.On(ctx.After(24*time.Hour), func(durable.None) error { return errTooLate }),
//	)
//
// If several have happened already, the first in the order of cases counts. The
// others are as if nobody had waited for them: no event and no value of a channel
// is lost, so Select may stand in a loop. Activities, orchestrations and timers
// that have been started go on.
//
// The error is that of the function, or that of a future that failed, or
// [ErrClosed] for a channel that is closed and empty; the function is not called
// then. Without any cases there is an error.
func Select(ctx *Context, cases ...Case) error {
	if len(cases) == 0 {
		return errors.New("durable.Select was given nothing to wait for")
	}
	var chosen Case
	for i, c := range cases {
		if c.begin(ctx); c.ready() {
			chosen, cases = c, cases[:i] // those after it have not begun
			break
		}
	}
	if chosen == nil {
		ctx.w.Until(func() bool {
			chosen = choose(cases)
			return chosen != nil
		})
	}
	for _, c := range cases {
		if c != chosen {
			c.drop()
		}
	}
	return chosen.run()
}

// choose returns the case that counts, nil if none is ready. An event that has
// come goes first: it was taken for its case and cannot be given back. There is one
// at most, because events are applied one by one and Select looks after each.
func choose(cases []Case) (first Case) {
	for _, c := range cases {
		if c.holds() {
			return c
		}
		if first == nil && c.ready() {
			first = c
		}
	}
	return first
}

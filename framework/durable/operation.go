package durable

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/funchost/funchost/dts"
)

// Operation is the handle of what an entity with the state S does: a function from
// I to O that is called and signaled with the key of the entity.
type Operation[S, I, O any] struct {
	entity *Entity[S]
	name   string
	fn     func(*S, *EntityContext, I) (O, error)
}

// OperationOf is an [Operation] of any input and output, for [Entity.With].
type OperationOf[S any] interface {
	// Name is the name the operation is called by; it compares without case.
	Name() string
	// Bound reports whether the operation has a function.
	Bound() bool

	of() string // the name of the entity
	check(c codec) error
	run(ctx *EntityContext, state *S, input []byte) ([]byte, error)
}

// NewOperation declares an operation of e and binds fn to it, usually a method:
// (*Cart).Add. The state is the zero value for an entity that does not exist yet,
// and what fn makes of it is kept if fn succeeds. Operations of package variables
// are complete before main begins; NewOperation is not safe for concurrent use.
//
// A package variable made this way whose fn refers, through others, to the
// variable itself does not compile: an initialization cycle. Use [OperationNamed]
// and [Entity.With] then.
func NewOperation[S, I, O any](e *Entity[S], name string, fn func(*S, *EntityContext, I) (O, error)) Operation[S, I, O] {
	op := Operation[S, I, O]{e, name, fn}
	e.operations = append(slices.Clip(e.operations), op)
	return op
}

// OperationNamed declares an operation of e without a function:
//
//	var Add = durable.OperationNamed[string, int](Carts, "add")
//
// It can be called at once; the function is in another app or language, or is
// bound by [Operation.With] and [Entity.With]. One called "delete" exists in every
// entity and ends it.
func OperationNamed[I, O, S any](e *Entity[S], name string) Operation[S, I, O] {
	return Operation[S, I, O]{e, name, nil}
}

// With binds fn to the name of op and returns the result, for [Entity.With]. The
// handle op itself stays as it is.
func (op Operation[S, I, O]) With(fn func(*S, *EntityContext, I) (O, error)) Operation[S, I, O] {
	op.fn = fn
	return op
}

// Name is the name the operation is called by; it compares without case.
func (op Operation[S, I, O]) Name() string { return op.name }

// Bound reports whether op has a function.
func (op Operation[S, I, O]) Bound() bool { return op.fn != nil }

// Call asks the entity with the key for the operation and waits for its result. A
// failure reads `operation "add" of entity "@cart@7": no such item` and is a
// [*dts.Failure] to errors.As.
func (op Operation[S, I, O]) Call(ctx *Context, key string, in I) (O, error) {
	return op.Start(ctx, key, in).Get(ctx)
}

// Start asks the entity with the key for the operation and does not wait.
func (op Operation[S, I, O]) Start(ctx *Context, key string, in I) Future[O] {
	what := op.on(key)
	input, err := ctx.host.message(op.entity, in)
	if err != nil {
		return failedFuture[O](fmt.Errorf("call %s: %w", what, err))
	}
	return taskFuture[O](ctx.host.codec, what, ctx.w.CallEntity(op.entity.ID(key), op.name, input))
}

// Signal asks the entity with the key for the operation from an orchestrator or
// from another entity, once, and does not learn what becomes of it. Signals of one
// sender to one entity happen in their order.
func (op Operation[S, I, O]) Signal(ctx Signaler, key string, in I, opts ...SignalOption) error {
	if err := ctx.signal(op.entity, op.entity.ID(key), op.name, in, signalTime(opts)); err != nil {
		return fmt.Errorf("signal %s: %w", op.on(key), err)
	}
	return nil
}

// Send is [Operation.Signal] from outside. It returns when the hub has the signal
// for good; it can arrive twice, see [dts.Client.Signal].
func (op Operation[S, I, O]) Send(ctx context.Context, c *dts.Client, key string, in I, opts ...SignalOption) error {
	data, err := codec{c.Converter()}.encode(in)
	if err != nil {
		return fmt.Errorf("signal %s: %w", op.on(key), err)
	}
	return c.Signal(ctx, op.entity.ID(key), op.name, data, dts.SignalAt(signalTime(opts)))
}

// Signaler is where signals are sent from: a [*Context] or an [*EntityContext].
type Signaler interface {
	signal(d Definition, id dts.EntityID, op string, in any, at time.Time) error
}

func (c *Context) signal(d Definition, id dts.EntityID, op string, in any, at time.Time) error {
	input, err := c.host.message(d, in)
	if err != nil {
		return err
	}
	return c.w.SignalEntity(id, op, input, at)
}

// message encodes what is sent to d, unless nobody would ever take it.
func (h *host) message(d Definition, in any) ([]byte, error) {
	if err := h.refuse(d); err != nil {
		return nil, err
	}
	return h.codec.encode(in)
}

// on names the operation on one entity in errors.
func (op Operation[S, I, O]) on(key string) string {
	return fmt.Sprintf("operation %q of entity %q", op.name, op.entity.ID(key))
}

func (op Operation[S, I, O]) of() string { return op.entity.name }

func (Operation[S, I, O]) check(c codec) error { return checkTypes[I, O](c) }

func (op Operation[S, I, O]) run(ctx *EntityContext, state *S, input []byte) ([]byte, error) {
	in, err := decode[I](ctx.host.codec, input)
	if err != nil {
		return nil, Permanent(fmt.Errorf("input: %w", err))
	}
	out, err := op.fn(state, ctx, in)
	if err != nil {
		return nil, err
	}
	data, err := ctx.host.codec.encode(out)
	if err != nil {
		return nil, Permanent(fmt.Errorf("result: %w", err))
	}
	return data, nil
}

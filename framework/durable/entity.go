package durable

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
)

// Entity is the handle of things that have a state of type S and outlive every
// process: carts, counters, devices. Each is known by its key and begins to exist
// with its first operation. An [Operation] is a method of S; the operations of one
// entity happen one at a time, in the order in which they came.
//
//	var (
//		Carts = durable.NewEntity[Cart]("cart")
//		Add   = durable.NewOperation(Carts, "add", (*Cart).Add)
//	)
//
//	func (c *Cart) Add(ctx *durable.EntityContext, item string) (int, error) {
//		c.Items = append(c.Items, item)
//		return len(c.Items), nil
//	}
//
// An operation that fails leaves no trace: its state, signals and starts are as if
// it had not been. One whose worker is lost is done again from the state before
// it, so that only its I/O can happen twice.
type Entity[S any] struct {
	handle
	operations []OperationOf[S]
}

// NewEntity declares the entity name, which compares without case. Its operations
// are declared by [NewOperation], or by [OperationNamed] and bound by [Entity.With].
//
//go:noinline
func NewEntity[S any](name string) *Entity[S] {
	h := declare(name)
	h.name = strings.ToLower(h.name) // as it is kept
	return &Entity[S]{handle: h}
}

// With binds operations to e and returns the result, for app.Add. The handle e
// itself stays as it is.
func (e *Entity[S]) With(ops ...OperationOf[S]) *Entity[S] {
	return &Entity[S]{e.handle, slices.Concat(e.operations, ops)}
}

// Kind is [KindEntity].
func (e *Entity[S]) Kind() Kind { return KindEntity }

// Bound reports whether e has operations with a function.
func (e *Entity[S]) Bound() bool {
	return slices.ContainsFunc(e.operations, func(o OperationOf[S]) bool { return o.Bound() })
}

// ID names the entity with the key.
func (e *Entity[S]) ID(key string) dts.EntityID { return dts.EntityID{Name: e.name, Key: key} }

// State reads the state of the entity with the key from outside; ok is false when
// it does not exist. Operations that wait have not changed it yet.
func (e *Entity[S]) State(ctx context.Context, c *dts.Client, key string) (state S, ok bool, err error) {
	found, err := c.Entity(ctx, e.ID(key))
	if errors.Is(err, dts.ErrNotFound) {
		return state, false, nil
	}
	if err != nil {
		return state, false, err
	}
	if state, err = decode[S](codec{c.Converter()}, found.State); err != nil {
		return state, false, fmt.Errorf("state of entity %q: %w", e.ID(key), err)
	}
	return state, true, nil
}

// deleteOperation is what every entity can do: end. An entity may declare an
// operation of that name instead.
const deleteOperation = "delete"

func (e *Entity[S]) check(c codec) error {
	problems := []error{checkType[S](c, "has for its state")}
	for _, o := range e.operations {
		if !utf8.ValidString(o.Name()) {
			problems = append(problems, fmt.Errorf("has the operation %q, whose name is not valid UTF-8", o.Name()))
		}
		if err := o.check(c); err != nil {
			problems = append(problems, fmt.Errorf("has the operation %q, which %w", o.Name(), err))
		}
	}
	return errors.Join(problems...)
}

func (e *Entity[S]) register(h *host) error {
	table := make(map[string]OperationOf[S], len(e.operations))
	var problems []error
	for _, o := range e.operations {
		name := strings.ToLower(o.Name())
		switch _, taken := table[name]; {
		case name == "":
			problems = append(problems, fmt.Errorf("entity %q has an operation without a name", e.name))
		case !o.Bound():
			problems = append(problems, fmt.Errorf("operation %q of entity %q has no function\n  bind one with its method With", o.Name(), e.name))
		case taken:
			problems = append(problems, fmt.Errorf("operation %q of entity %q is declared twice", o.Name(), e.name))
		case o.of() != e.name:
			problems = append(problems, fmt.Errorf("operation %q is of entity %q and was given to entity %q", o.Name(), o.of(), e.name))
		}
		table[name] = o
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	return h.registry.Entity(e.name, func(w *worker.EntityContext, op string, input []byte) ([]byte, error) {
		run := func(ctx context.Context, call *Call) ([]byte, error) {
			return e.run(&EntityContext{w: w, host: h, ctx: ctx}, table, op, call.Input)
		}
		return h.handler(w.Context(), &Call{
			Kind:      KindEntity,
			Name:      e.name,
			Operation: op,
			Instance:  w.ID().String(),
			Input:     input,
			run:       run,
		})
	})
}

// run does one operation on the state, which is kept if it succeeds.
func (e *Entity[S]) run(ctx *EntityContext, table map[string]OperationOf[S], name string, input []byte) ([]byte, error) {
	op, ok := table[strings.ToLower(name)]
	switch {
	case !ok && strings.EqualFold(name, deleteOperation):
		ctx.w.SetState(nil)
		return nil, nil
	case !ok:
		return nil, Permanent(fmt.Errorf("entity %q has no operation %q, it has %s", e.name, name,
			strings.Join(slices.Sorted(maps.Keys(table)), ", ")))
	}
	state, err := decode[S](ctx.host.codec, ctx.w.State())
	if err != nil {
		return nil, Permanent(fmt.Errorf("state of entity %q: %w", ctx.w.ID(), err))
	}
	result, err := op.run(ctx, &state, input)
	if err != nil {
		return nil, err
	}
	if ctx.deleted {
		ctx.w.SetState(nil)
		return result, nil
	}
	data, err := ctx.host.codec.encode(state)
	if err != nil {
		return nil, Permanent(fmt.Errorf("state of entity %q: %w", ctx.w.ID(), err))
	}
	ctx.w.SetState(data)
	return result, nil
}

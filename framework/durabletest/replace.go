package durabletest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
)

// Replace puts fn in the place of the function of a handle: of an activity, of an
// orchestrator or of an operation of an entity, whose other operations stay. The
// compiler checks that fn fits.
//
//	durabletest.Replace(e, orders.Charge, func(context.Context, orders.Order) (orders.Payment, error) {
//		return orders.Payment{ID: "p-1"}, nil
//	})
//
// A function that runs in another app or language gets one here. Replace is called
// before the functions are served.
func Replace[F any, H interface {
	Name() string
	With(fn F) H
}](e *Env, handle H, fn F) {
	e.Helper()
	e.early("Replace")
	switch bound := any(handle.With(fn)).(type) {
	case durable.Definition:
		e.replacements = append(e.replacements, bound)
	case operation:
		e.replacements = append(e.replacements, bound.Definition())
	}
}

// Fail makes attempts of a function fail with err instead of running it; the first
// attempt is 1, and without a number it is every one. Attempts are counted over the
// whole test. Of a function with several Fail the first that fits counts.
//
//	durabletest.Fail(e, orders.Charge, errors.New("provider is away"), 1, 2)
//
// An orchestrator fails when it begins. Fail is called before the functions are served.
func Fail(e *Env, handle interface{ Name() string }, err error, attempts ...int) {
	e.Helper()
	e.early("Fail")
	f := functionOf(handle)
	if f == (function{}) {
		e.Fatalf("durabletest: Fail takes an activity, an orchestrator or an operation, not %T", handle)
	}
	put(&e.record.rules, f, append(e.record.rules[f], rule{attempts, cmp.Or(err, error(errFail))}))
}

const errFail = failure("made to fail by the test")

type failure string

func (f failure) Error() string { return string(f) }

func (e *Env) early(name string) {
	e.Helper()
	if len(e.apps) > 0 {
		e.Fatalf("durabletest: %s comes too late: the functions are served already\n  call it before Serve or ServeApp", name)
	}
}

// Callable is an activity or an orchestrator from I to O.
type Callable[I, O any] interface {
	durable.Definition
	Call(ctx *durable.Context, in I, opts ...durable.CallOption) (O, error)
}

// Calls are the inputs of all calls of an activity or an orchestrator so far, in the
// order in which they began, replaced or not, failed or not. Further runs of the same
// orchestration by continue-as-new are calls, its replays are not.
func Calls[I, O any](e *Env, f Callable[I, O]) []I {
	e.Helper()
	e.Settle()
	calls := e.record.of(functionOf(f))
	inputs := make([]I, len(calls))
	for i, c := range calls {
		e.must(decode(e.Client(), c.input, &inputs[i]))
	}
	return inputs
}

// Operations are the inputs of all calls and signals of an operation so far, in the
// order in which they were done, of the entity with that key.
func Operations[S, I, O any](e *Env, op durable.Operation[S, I, O], key string) []I {
	e.Helper()
	e.Settle()
	calls := e.record.of(functionOf(op))
	id := dts.EntityID{Name: op.Definition().Name(), Key: key}.String()
	calls = slices.DeleteFunc(calls, func(c call) bool { return c.instance != id })
	inputs := make([]I, len(calls))
	for i, c := range calls {
		e.must(decode(e.Client(), c.input, &inputs[i]))
	}
	return inputs
}

// decode reads a payload; none is the zero value.
func decode(c *dts.Client, payload []byte, v any) error {
	if len(payload) == 0 {
		return nil
	}
	if err := c.Converter().Unmarshal(payload, v); err != nil {
		return fmt.Errorf("read %s: %w", payload, err)
	}
	return nil
}

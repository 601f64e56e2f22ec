package durable

import (
	"context"
	"errors"
	"fmt"

	"github.com/funchost/funchost/dts/worker"
)

// Orchestrator is the handle of a function from I to O that calls activities and
// other orchestrators and outlives the process it runs in. One run of it is an
// orchestration, or instance, known by its id.
type Orchestrator[I, O any] struct {
	handle
	fn func(*Context, I) (O, error)
}

// NewOrchestrator declares the orchestrator name and binds fn to it. The package
// comment says what fn may do. The result of fn, or its error, is the result of
// the orchestration.
//
// A package variable made this way whose fn refers, through others, to the
// variable itself does not compile: an initialization cycle. Use
// [OrchestratorNamed] and [Orchestrator.With] then.
//
//go:noinline
func NewOrchestrator[I, O any](name string, fn func(*Context, I) (O, error)) Orchestrator[I, O] {
	return Orchestrator[I, O]{declare(name), fn}
}

// OrchestratorNamed declares an orchestrator without a function. It can be started
// and called at once; the function runs in another app or language, or is bound by
// [Orchestrator.With].
//
//go:noinline
func OrchestratorNamed[I, O any](name string) Orchestrator[I, O] {
	return Orchestrator[I, O]{declare(name), nil}
}

// With binds fn to the name of o and returns the result, for app.Add. The handle
// o itself stays as it is.
func (o Orchestrator[I, O]) With(fn func(*Context, I) (O, error)) Orchestrator[I, O] {
	o.fn = fn
	return o
}

// WithVersion binds fn to the name of o for one version and returns the result, for
// app.Add, beside the functions of other versions. The one that [Orchestrator.With]
// binds is then for orchestrations without a version. What is called or started
// through the result asks for that version.
func (o Orchestrator[I, O]) WithVersion(version string, fn func(*Context, I) (O, error)) Orchestrator[I, O] {
	o.version, o.fn = version, fn
	return o
}

// Kind is [KindOrchestrator].
func (o Orchestrator[I, O]) Kind() Kind { return KindOrchestrator }

// Bound reports whether o has a function.
func (o Orchestrator[I, O]) Bound() bool { return o.fn != nil }

// Call runs the orchestrator as a child of this one and waits for its result. A
// failure reads `orchestrator "ship": no route` and is a [*dts.Failure] to
// errors.As.
func (o Orchestrator[I, O]) Call(ctx *Context, in I, opts ...CallOption) (O, error) {
	return o.Start(ctx, in, opts...).Get(ctx)
}

// Start runs the orchestrator as a child of this one and does not wait. A child
// that is not waited for goes on when its parent has ended.
func (o Orchestrator[I, O]) Start(ctx *Context, in I, opts ...CallOption) Future[O] {
	return begin[O](ctx, o, in, opts, func(input []byte, c callOptions) *worker.Task {
		return ctx.w.Orchestration(o.name, input, worker.OrchestrationOptions{ID: c.id, Version: o.asks(c.version), Tags: c.tags})
	})
}

// ErrContinued is what [ContinueAsNew] returns when it worked. A [Middleware] that
// counts failures leaves it out.
var ErrContinued = errors.New("continued as new")

// ContinueAsNew ends this run of the orchestrator and begins the next under the
// same instance id, with next as its input and an empty history: the way to go on
// for ever. Events nobody has received yet are kept, see [DropEvents]; so is the
// version, unless [Version] gives another. It is returned as the error:
//
//	return durable.None{}, durable.ContinueAsNew(ctx, state)
//
// A next that is not of the orchestrator's input type fails the orchestration, but
// for another version it may be whatever that takes.
func ContinueAsNew(ctx *Context, next any, opts ...ContinueOption) error {
	var o worker.ContinueOptions
	for _, opt := range opts {
		opt.continueAs(&o)
	}
	data, err := ctx.host.codec.encode(next)
	if typeErr := ctx.accepts(next); typeErr != nil && o.Version == nil {
		err = typeErr
	}
	if err != nil {
		return fmt.Errorf("continue orchestrator %q as new: %w", ctx.Name(), err)
	}
	return fmt.Errorf("%w: %w", ErrContinued, ctx.w.ContinueAsNew(data, o))
}

func (Orchestrator[I, O]) check(c codec) error { return checkTypes[I, O](c) }

func (o Orchestrator[I, O]) register(h *host) error {
	return h.registry.OrchestratorVersion(o.name, o.version, func(w *worker.Context, input []byte) ([]byte, error) {
		run := func(values context.Context, call *Call) ([]byte, error) {
			return o.run(&Context{w: w, host: h, values: values, accepts: accepts[I]}, call.Input)
		}
		return h.handler(context.Background(), &Call{
			Kind:      KindOrchestrator,
			Name:      o.name,
			Instance:  w.InstanceID(),
			Version:   w.Version(),
			Input:     input,
			replaying: w.Replaying,
			run:       run,
		})
	})
}

func (o Orchestrator[I, O]) run(ctx *Context, input []byte) ([]byte, error) {
	in, err := decode[I](ctx.host.codec, input)
	if err != nil {
		return nil, Permanent(fmt.Errorf("orchestrator %q: input: %w", o.name, err))
	}
	out, err := o.fn(ctx, in)
	if err != nil {
		return nil, err
	}
	data, err := ctx.host.codec.encode(out)
	if err != nil {
		return nil, Permanent(fmt.Errorf("orchestrator %q: result: %w", o.name, err))
	}
	return data, nil
}

func accepts[I any](v any) error {
	if _, ok := v.(I); !ok {
		return fmt.Errorf("next is of type %T, the orchestrator takes %T", v, *new(I))
	}
	return nil
}

package durable

import (
	"context"
	"fmt"

	"github.com/funchost/funchost/dts/worker"
)

// Activity is the handle of a step with side effects: a function from I to O that
// orchestrators call and that runs in whatever worker of the hub has it. An
// activity whose worker is lost while it runs is run again elsewhere, so it may
// happen more than once; a result that was kept is never computed again.
type Activity[I, O any] struct {
	handle
	fn func(context.Context, I) (O, error)
}

// NewActivity declares the activity name and binds fn to it. In fn the context
// ends when the host stops before the function is done; an error it returns is
// seen by the orchestrator as a [dts.Failure], see [Permanent] and [Retry].
//
//go:noinline
func NewActivity[I, O any](name string, fn func(context.Context, I) (O, error)) Activity[I, O] {
	return Activity[I, O]{declare(name), fn}
}

// ActivityNamed declares an activity without a function. It can be called at once;
// the function runs in another app or language, or is bound by [Activity.With].
//
//go:noinline
func ActivityNamed[I, O any](name string) Activity[I, O] {
	return Activity[I, O]{declare(name), nil}
}

// With binds fn to the name of a and returns the result, for app.Add. The handle
// a itself stays as it is.
func (a Activity[I, O]) With(fn func(context.Context, I) (O, error)) Activity[I, O] {
	a.fn = fn
	return a
}

// WithVersion binds fn to the name of a for one version and returns the result, for
// app.Add, beside the functions of other versions. The one that [Activity.With]
// binds is then for activities without a version. What is called through the result
// asks for that version.
func (a Activity[I, O]) WithVersion(version string, fn func(context.Context, I) (O, error)) Activity[I, O] {
	a.version, a.fn = version, fn
	return a
}

// Kind is [KindActivity].
func (a Activity[I, O]) Kind() Kind { return KindActivity }

// Bound reports whether a has a function.
func (a Activity[I, O]) Bound() bool { return a.fn != nil }

// Call runs the activity and waits for its result. A failure reads
// `activity "charge": card declined` and is a [*dts.Failure] to errors.As.
func (a Activity[I, O]) Call(ctx *Context, in I, opts ...CallOption) (O, error) {
	return a.Start(ctx, in, opts...).Get(ctx)
}

// Start runs the activity and does not wait. Several that were started run at the
// same time; [All] collects them.
func (a Activity[I, O]) Start(ctx *Context, in I, opts ...CallOption) Future[O] {
	return begin[O](ctx, a, in, opts, func(input []byte, o callOptions) *worker.Task {
		return ctx.w.Activity(a.name, input, worker.ActivityOptions{Version: a.asks(o.version), Tags: o.tags, Timeout: o.limit()})
	})
}

func (Activity[I, O]) check(c codec) error { return checkTypes[I, O](c) }

func (a Activity[I, O]) register(h *host) error {
	run := func(ctx context.Context, call *Call) ([]byte, error) {
		in, err := decodeInput[I](h.codec, call.Input)
		if err != nil {
			return nil, Permanent(fmt.Errorf("activity %q: input: %w", a.name, err))
		}
		out, err := a.fn(ctx, in)
		if err != nil {
			return nil, err
		}
		data, err := h.codec.encode(out)
		if err != nil {
			return nil, Permanent(fmt.Errorf("activity %q: result: %w", a.name, err))
		}
		return data, nil
	}
	return h.registry.ActivityVersion(a.name, a.version, func(ctx context.Context, input []byte) ([]byte, error) {
		info, _ := worker.ActivityInfoFrom(ctx)
		return h.handler(ctx, &Call{
			Kind:     KindActivity,
			Name:     a.name,
			Instance: info.InstanceID,
			Version:  info.Version,
			Input:    input,
			run:      run,
		})
	})
}

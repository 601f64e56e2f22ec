package durable

import (
	"cmp"
	"fmt"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
)

// begin starts a call of d: schedule asks the worker for one attempt, begin adds
// what is the same for activities and orchestrations.
func begin[O any](ctx *Context, d Definition, in any, opts []CallOption, schedule func([]byte, callOptions) *worker.Task) Future[O] {
	what := fmt.Sprintf("%s %q", d.Kind(), d.Name())
	o := callOptionsOf(opts)
	input, err := ctx.host.codec.encode(in)
	if err := cmp.Or(ctx.host.refuse(d), o.refuse(d.Kind()), err); err != nil {
		return failedFuture[O](fmt.Errorf("call %s: %w", what, err))
	}
	task := schedule(input, o)
	if o.retry == nil {
		return taskFuture[O](ctx.host.codec, what, task)
	}

	// The first attempt is scheduled above, so that calls are made in the order
	// in which they are written, with retries or without.
	var result []byte
	tries := ctx.Go("retry "+what, func() (err error) {
		result, err = o.retry.follow(ctx, task, func() *worker.Task { return schedule(input, o) })
		return err
	})
	return Future[O]{done: tries.done, result: func() (O, error) {
		return outcome[O](ctx.host.codec, what, result, tries.err())
	}}
}

// outcome is what the author gets of a result or failure that came back; what
// names the thing it came from.
func outcome[T any](c codec, what string, data []byte, err error) (v T, _ error) {
	if f, ok := err.(*dts.Failure); ok { //nolint:errorlint // one that is wrapped has its text already
		return v, &callError{what, f}
	}
	if err == nil {
		v, err = decode[T](c, data)
	}
	if err != nil {
		return v, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}

// callError puts a failure into words. The type of the failure is left out: of an
// error in Go it says little, and those who need it find the failure behind.
type callError struct {
	what    string
	failure *dts.Failure
}

func (e *callError) Error() string { return e.what + ": " + cmp.Or(e.failure.Message, e.failure.Type) }

func (e *callError) Unwrap() error { return e.failure }

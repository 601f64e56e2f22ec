package durable

import (
	"cmp"
	"fmt"
	"time"

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
	if o.retry == nil && o.timeout == nil {
		return taskFuture[O](ctx.host.codec, what, task)
	}

	// The first attempt is scheduled above, so that calls are made in the order
	// in which they are written, with options or without.
	policy := o.retry
	if policy == nil {
		policy = &RetryPolicy{Attempts: 1}
	}
	var result []byte
	first := o.attempt(ctx, task)
	tries := ctx.Go("attempts of "+what, func() (err error) {
		result, err = policy.follow(ctx, what, first, func() attempt { return o.attempt(ctx, schedule(input, o)) })
		return err
	})
	return Future[O]{done: tries.done, result: func() (O, error) {
		return outcome[O](ctx.host.codec, what, result, tries.err())
	}}
}

// attempt is one of the attempts of a call.
type attempt struct {
	task  *worker.Task
	timer *worker.Task // nil without a timeout
	limit time.Duration
}

func (o callOptions) attempt(ctx *Context, task *worker.Task) attempt {
	if o.timeout == nil {
		return attempt{task: task}
	}
	return attempt{task, ctx.w.Timer(ctx.Now().Add(*o.timeout)), *o.timeout}
}

// await waits for the result of the attempt, but not for longer than its limit.
func (a attempt) await(ctx *Context) ([]byte, error) {
	if a.timer == nil {
		return a.task.Await()
	}
	ctx.w.Until(func() bool { return a.task.Done() || a.timer.Done() })
	if !a.task.Done() {
		return nil, &dts.Failure{Type: worker.FailureTimeout, Message: fmt.Sprintf("timed out after %v", a.limit)}
	}
	a.timer.Cancel()
	return a.task.Result()
}

// outcome is what the author gets of a result or failure that came back; what
// names the thing it came from.
func outcome[T any](c codec, what string, data []byte, err error) (v T, _ error) {
	if err == nil {
		v, err = decode[T](c, data)
	}
	if err != nil {
		return v, explain(what, err)
	}
	return v, nil
}

// explain says what failed with err.
func explain(what string, err error) error {
	if f, ok := err.(*dts.Failure); ok { //nolint:errorlint // one that is wrapped has its text already
		return &callError{what, f}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// callError puts a failure into words. The type of the failure is left out: of an
// error in Go it says little, and those who need it find the failure behind.
type callError struct {
	what    string
	failure *dts.Failure
}

func (e *callError) Error() string { return e.what + ": " + cmp.Or(e.failure.Message, e.failure.Type) }

func (e *callError) Unwrap() error { return e.failure }

// Is finds the sentinels that a failure stands for: Go values do not travel, types do.
func (e *callError) Is(target error) bool {
	for f := e.failure; f != nil; f = f.Inner {
		if sentinel, ok := sentinels[f.Type]; ok && target == sentinel {
			return true
		}
	}
	return false
}

// sentinels are what failures of these types are to errors.Is.
var sentinels = map[string]error{
	worker.FailureTimeout:     ErrTimeout,
	"OrchestrationTerminated": ErrTerminated, // as the scheduler tells the parent
}

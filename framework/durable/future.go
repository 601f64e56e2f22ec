package durable

import (
	"errors"

	"github.com/funchost/funchost/dts/worker"
)

// ErrCanceled is the error of a [Future] that was given up with [Future.Cancel].
var ErrCanceled = worker.ErrCanceled

// Future is the result of something that was started and may not have finished.
// It belongs to the orchestrator that got it; the zero value is of no use.
type Future[T any] struct {
	done   func() bool
	result func() (T, error)
	cancel func() // nil where there is nothing to give up
}

// Awaitable is a [Future] of any type.
type Awaitable interface {
	// Done reports whether the result is there, so that Get does not wait.
	Done() bool

	err() error
}

// Done reports whether the result is there, so that Get does not wait.
func (f Future[T]) Done() bool { return f.done() }

// Get waits for the result and returns it. Calling it again returns the same. The
// error is that of the call which made the future, or [ErrCanceled].
func (f Future[T]) Get(ctx *Context) (T, error) {
	ctx.w.Until(f.done)
	return f.result()
}

// Cancel gives up waiting for an event or a timer: an event that comes later goes
// to whoever waits next. Get of a future that was not done fails with
// [ErrCanceled] then. It does nothing to a future that is done, and nothing to an
// activity or orchestration: what was started runs to its end. Of [StartHTTP] it ends
// the polling.
func (f Future[T]) Cancel() {
	if f.cancel != nil && !f.done() {
		f.cancel()
	}
}

func (f Future[T]) watch(*Context) watched[T] { return watched[T]{ready: f.done, take: f.result} }

func (f Future[T]) err() error {
	_, err := f.result()
	return err
}

// All waits for every one of fs and returns their results in the same order. When
// some have failed, the results of the others stand at their places and the error
// joins the failures in that order.
func All[T any](ctx *Context, fs ...Future[T]) ([]T, error) {
	results := make([]T, len(fs))
	problems := make([]error, len(fs))
	for i, f := range fs {
		results[i], problems[i] = f.Get(ctx)
	}
	return results, errors.Join(problems...)
}

// First waits until one of fs is done and returns its index and, if it failed, its
// error. When several are done the first in the order of fs counts. The others go
// on; [Future.Cancel] those that are no longer wanted. Without any fs the index is
// -1 and there is an error.
func First(ctx *Context, fs ...Awaitable) (int, error) {
	if len(fs) == 0 {
		return -1, errors.New("durable.First was given nothing to wait for")
	}
	first := -1
	ctx.w.Until(func() bool {
		for i, f := range fs {
			if f.Done() {
				first = i
				return true
			}
		}
		return false
	})
	return first, fs[first].err()
}

// taskFuture is the future of a task; what names it in errors.
func taskFuture[T any](c codec, what string, task *worker.Task) Future[T] {
	return Future[T]{done: task.Done, result: func() (T, error) {
		data, err := task.Result()
		return outcome[T](c, what, data, err)
	}}
}

// failedFuture is done and failed before it started.
func failedFuture[T any](err error) Future[T] {
	return Future[T]{
		done:   func() bool { return true },
		result: func() (zero T, _ error) { return zero, err },
	}
}

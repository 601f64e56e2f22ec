package durable

import (
	"errors"
	"fmt"
	"slices"
)

// Saga is a row of steps that can be undone, see [RunSaga]. It belongs to the
// function that it was handed to.
type Saga struct{ undo []undoing }

type undoing struct {
	name string
	f    func() error
}

// RunSaga runs steps and, if they fail, undoes them: what they registered with
// [Activity.Compensate] and [Saga.Compensate] is done, one after another, the last
// first. If they succeed, nothing is undone.
//
//	return durable.RunSaga(ctx, func(s *durable.Saga) (Trip, error) {
//		hotel, err := BookHotel.Call(ctx, o)
//		if err != nil {
//			return Trip{}, err
//		}
//		CancelHotel.Compensate(ctx, s, hotel)
//		flight, err := BookFlight.Call(ctx, o)
//		if err != nil {
//			return Trip{}, err // the hotel is cancelled
//		}
//		return Trip{hotel, flight}, nil
//	})
//
// A step that may have happened although it failed, by a time-out for example, is
// registered before it is called. To return [Context.Err], because somebody has asked
// to cancel, is to fail: the steps are undone and the orchestration ends as canceled.
// A panic is a failure too. To continue as new is none; then nothing is undone, and
// the next round knows nothing of these steps.
//
// A compensation that fails does not keep the others from happening. The error is that
// of steps, joined with those of the compensations; with one of them, a request to
// cancel ends as failed, so that somebody looks.
func RunSaga[O any](ctx *Context, steps func(s *Saga) (O, error)) (out O, err error) {
	var s Saga
	returned := false
	defer func() {
		if returned {
			return
		}
		cause := recover()
		if cause == nil {
			return // the turn is over, the steps go on in the next
		}
		if err := s.compensate(); err != nil {
			ctx.Logger().Error("a saga that panicked could not be undone", "error", err)
		}
		panic(cause)
	}()
	out, err = steps(&s)
	returned = true
	if err == nil || errors.Is(err, ErrContinued) {
		return out, err
	}
	if problems := s.compensate(); problems != nil {
		err = &sagaError{cause: err, problems: problems}
	}
	return out, err
}

// Compensate registers undo, to be called if the saga fails; name says in errors what
// it undoes. It may do what an orchestrator does. For one activity there is
// [Activity.Compensate].
func (s *Saga) Compensate(name string, undo func() error) {
	s.undo = append(s.undo, undoing{name, undo})
}

// Compensate registers a call of the activity, to be made if the saga s fails. Unless
// [Retry] says otherwise it is tried three times, a second apart.
func (a Activity[I, O]) Compensate(ctx *Context, s *Saga, in I, opts ...CallOption) {
	opts = slices.Concat([]CallOption{Retry(RetryPolicy{})}, opts)
	s.undo = append(s.undo, undoing{f: func() error {
		_, err := a.Call(ctx, in, opts...)
		return err
	}})
}

// compensate undoes the steps and joins what went wrong.
func (s *Saga) compensate() error {
	var problems []error
	for _, u := range slices.Backward(s.undo) {
		err := u.f()
		if err != nil && u.name != "" {
			err = fmt.Errorf("%s: %w", u.name, err)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// sagaError is a saga that failed and could not be undone altogether.
type sagaError struct{ cause, problems error }

func (e *sagaError) Error() string {
	return fmt.Sprintf("%v\nnot undone: %v", e.cause, e.problems)
}

// Unwrap keeps a request to cancel from the worker, which would end the orchestration
// as if all were well.
func (e *sagaError) Unwrap() []error {
	if errors.Is(e.cause, ErrCancelRequested) {
		return []error{ErrCancelRequested, e.problems}
	}
	return []error{e.cause, e.problems}
}

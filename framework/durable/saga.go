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
// A panic is a failure too, also in a function of [Context.Go] or [WaitGroup.Go], whose
// error it is then. To continue as new is none; then nothing is undone, and the next
// round knows nothing of these steps.
//
// A compensation that fails or panics does not keep the others from happening, and
// none can continue as new. The error is that
// of steps, joined with those of the compensations; with one of them, a request to
// cancel ends as failed, so that somebody looks.
func RunSaga[O any](ctx *Context, steps func(s *Saga) (O, error)) (out O, err error) {
	var s Saga
	returned, before := false, len(ctx.panics)
	ctx.sagas++
	defer func() {
		ctx.sagas--
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
	err = besides(err, ctx.panics[before:])
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
		err := u.happen()
		if err != nil && u.name != "" {
			err = fmt.Errorf("%s: %w", u.name, err)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// happen calls the compensation. What goes wrong in it is an error, so that the others
// happen.
func (u undoing) happen() (err error) {
	defer func() {
		if cause := recover(); cause != nil { // it is nil when the turn is over
			err = panicked("", cause)
		}
	}()
	if err = u.f(); errors.Is(err, ErrContinued) {
		err = errors.New("a compensation cannot continue as new")
	}
	return err
}

// besides adds the panics of coroutines to what steps have returned, which has them
// already if the steps asked for them. They outweigh going on as new.
func besides(err error, panics []error) error {
	if len(panics) > 0 && errors.Is(err, ErrContinued) {
		err = nil
	}
	for _, p := range panics {
		switch {
		case err == nil:
			err = p
		case !errors.Is(err, p):
			err = errors.Join(err, p)
		}
	}
	return err
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

package durable

import (
	"context"
	"encoding/json"
	"errors"
)

// ErrCancelRequested is what [Context.Err] is when somebody has asked the
// orchestration to cancel.
var ErrCancelRequested = errors.New("canceled")

// Canceled is done when somebody has asked this orchestration to cancel; its value is
// the reason. It is for [Select] and [First]:
//
//	err := durable.Select(ctx,
//		durable.On(Approved, func(a Approval) error { return ship(ctx, a) }),
//		durable.On(ctx.Canceled(), func(string) error { return ctx.Err() }),
//	)
//
// Nothing is interrupted by the request: an orchestrator looks for it where it can
// stop, cleans up as it likes, and returns [Context.Err]. Then it ends as terminated,
// with the reason as its output. One that returns something else ends with that, and
// one that continues as new still has the request in its next round.
func (c *Context) Canceled() Future[string] {
	task := c.w.CancelRequest()
	return Future[string]{done: task.Done, result: func() (string, error) {
		reason, err := task.Result()
		return reasonOf(reason), err
	}}
}

// Err is nil until somebody has asked this orchestration to cancel, and then an
// [ErrCancelRequested] with the reason. To return it, or an error that wraps it, is
// what ends the orchestration as canceled.
func (c *Context) Err() error {
	task := c.w.CancelRequest()
	if !task.Done() {
		return nil
	}
	payload, err := task.Result()
	if err != nil {
		return err
	}
	reason := reasonOf(payload)
	output, err := json.Marshal(reason) // as that of an instance that was terminated
	if err != nil {
		return err
	}
	return &cancelError{reason, c.w.Canceled(output)}
}

// reasonOf reads the reason of a request. Who did not write it as JSON text has
// written it as it is.
func reasonOf(payload []byte) string {
	var reason string
	if json.Unmarshal(payload, &reason) != nil {
		return string(payload)
	}
	return reason
}

// cancelError is a request to cancel on its way to the end of the orchestration.
type cancelError struct {
	reason string
	end    error // what the worker looks for
}

func (e *cancelError) Error() string {
	if e.reason == "" {
		return ErrCancelRequested.Error()
	}
	return ErrCancelRequested.Error() + ": " + e.reason
}

func (e *cancelError) Unwrap() []error { return []error{ErrCancelRequested, e.end} }

// Cancel asks the orchestration with the instance id to cancel, from another one, once,
// however often that is replayed. If there is no such instance the request is lost. The
// children of an orchestration are not asked with it: that is for their parent to do.
func Cancel(ctx *Context, id, reason string) { ctx.w.RequestCancel(id, reason) }

// Cancel asks the orchestration to cancel, see [Context.Canceled]. It returns when the
// hub has the request for good, which is before the orchestration has seen it; use
// [Instance.Wait] to see what comes of it. The error is that of [dts.Client.Cancel].
func (i Instance[O]) Cancel(ctx context.Context, reason string) error {
	return i.client.Cancel(ctx, i.ID, reason)
}

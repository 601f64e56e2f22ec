package durable

import (
	"context"
	"errors"
	"fmt"

	"github.com/funchost/funchost/dts"
)

// ErrTerminated is what [Instance.Wait] fails with when the orchestration was
// terminated from outside, or has ended because it was asked to cancel; in both
// cases the text has the reason. A parent sees the same of its child.
var ErrTerminated = errors.New("terminated")

// Instance is an orchestration whose result is an O, seen from outside.
type Instance[O any] struct {
	// ID is the instance id.
	ID string

	client       *dts.Client
	orchestrator string
}

// StartNew starts the orchestrator in the hub of c and does not wait for it: when
// it returns, the hub has the new instance for good. The function may run in any
// worker of the hub. An id that is in use gives [dts.ErrExists].
func (o Orchestrator[I, O]) StartNew(ctx context.Context, c *dts.Client, in I, opts ...StartOption) (Instance[O], error) {
	request, err := o.Request(c, in, opts...)
	if err != nil {
		return Instance[O]{}, err
	}
	id, err := c.Start(ctx, request)
	if err != nil {
		return Instance[O]{}, err
	}
	return o.Instance(c, id), nil
}

// Request is what StartNew asks c for, without asking: for those who have more to
// say about a start.
func (o Orchestrator[I, O]) Request(c *dts.Client, in I, opts ...StartOption) (dts.StartRequest, error) {
	input, err := codec{c.Converter()}.encode(in)
	if err != nil {
		return dts.StartRequest{}, fmt.Errorf("start orchestrator %q: %w", o.name, err)
	}
	request := dts.StartRequest{Name: o.name, Version: o.version, Input: input}
	for _, opt := range opts {
		opt.start(&request)
	}
	return request, nil
}

// Instance is the orchestration with the given id, started before or elsewhere. It
// does not ask whether there is one.
func (o Orchestrator[I, O]) Instance(c *dts.Client, id string) Instance[O] {
	return Instance[O]{ID: id, client: c, orchestrator: o.name}
}

// Wait waits until the orchestration has ended, or ctx does, and returns its
// result. If it failed, the error is a [*dts.Failure] to errors.As; if somebody
// ended it, [ErrTerminated].
func (i Instance[O]) Wait(ctx context.Context) (O, error) {
	var zero O
	end, err := i.client.Wait(ctx, i.ID)
	if err != nil {
		return zero, err
	}
	what := fmt.Sprintf("orchestrator %q (%s)", i.orchestrator, i.ID)
	switch {
	case end.Failure != nil:
		return outcome[O](codec{}, what, nil, end.Failure)
	case end.Status == dts.StatusCompleted:
		return outcome[O](codec{i.client.Converter()}, what, end.Output, nil)
	case end.Status == dts.StatusTerminated, end.Status == dts.StatusCanceled:
		if reason := reasonOf(end.Output); reason != "" {
			return zero, fmt.Errorf("%s: %w: %s", what, ErrTerminated, reason)
		}
		return zero, fmt.Errorf("%s: %w", what, ErrTerminated)
	default:
		return zero, fmt.Errorf("%s: ended as %s without a failure", what, end.Status)
	}
}

package durable

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/funchost/funchost/dts"
)

// StartDetached starts the orchestrator from another one, by itself: it is not a
// child, whatever becomes of the one that started it. It waits until the hub has
// the new instance for good and returns its id.
//
// It takes the options of a start from outside, and like there an id that is in
// use gives [dts.ErrExists]. The instance is started once, however often this
// orchestrator is replayed. In its history the start is an activity, which any host
// of this framework does for the hub; the new instance has a tag that says which
// one it was.
func (o Orchestrator[I, O]) StartDetached(ctx *Context, in I, opts ...StartOption) (id string, err error) {
	r := dts.StartRequest{Version: o.version}
	for _, opt := range opts {
		opt.start(&r)
	}
	input, err := ctx.host.message(o, in)
	if err != nil {
		return "", fmt.Errorf("start orchestrator %q: %w", o.name, err)
	}
	order := startOrder{
		Name: o.name, ID: r.ID, Version: r.Version, Tags: r.Tags, At: r.StartAt, Once: r.Reuse != nil,
		Input: textOf(input), Mark: ctx.NewID(),
	}
	if order.ID == "" {
		order.ID = order.Mark
	}
	exists, err := startDetached.Call(ctx, order, Retry(RetryPolicy{Attempts: -1, Factor: 2, Max: time.Minute}))
	switch f, failed := errors.AsType[*dts.Failure](err); {
	case failed:
		return "", &callError{"detached start", f}
	case err != nil:
		return "", err
	case exists:
		return "", fmt.Errorf("start instance %q of orchestrator %q: %w", order.ID, o.name, dts.ErrExists)
	}
	return order.ID, nil
}

// startDetached does a detached start and says whether it could not because the id
// was in use. An orchestrator cannot do it itself: whatever it starts is its child.
var startDetached = ActivityNamed[startOrder, bool]("funchost.start")

// tagStart marks an instance with the detached start that it comes from, so that
// the activity, when it runs again, knows the work of its first run.
const tagStart = "funchost.start"

// startOrder is a start as it travels to the activity. The input is encoded.
type startOrder struct {
	Name    string            `json:"name"`
	ID      string            `json:"id"`
	Version string            `json:"version,omitempty"`
	Input   *string           `json:"input,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
	At      time.Time         `json:"at,omitzero"`
	Once    bool              `json:"once,omitempty"`
	Mark    string            `json:"mark"`
}

func (o startOrder) request() dts.StartRequest {
	r := dts.StartRequest{Name: o.Name, ID: o.ID, Version: o.Version, Input: bytesOf(o.Input), StartAt: o.At, Tags: maps.Clone(o.Tags)}
	if r.Tags == nil {
		r.Tags = make(map[string]string, 1)
	}
	r.Tags[tagStart] = o.Mark
	if o.Once || o.ID == o.Mark {
		r.Reuse = &dts.ReusePolicy{}
	}
	return r
}

// starter is the function of startDetached for the hub of c.
func starter(c *dts.Client) func(context.Context, startOrder) (bool, error) {
	return func(ctx context.Context, o startOrder) (exists bool, err error) {
		if done, err := started(ctx, c, o); err != nil || done {
			return false, lasting(err)
		}
		_, err = c.Start(ctx, o.request())
		if !errors.Is(err, dts.ErrExists) {
			return false, lasting(err)
		}
		done, err := started(ctx, c, o) // an attempt whose answer was lost
		return !done, lasting(err)
	}
}

// started reports whether the start has happened.
func started(ctx context.Context, c *dts.Client, o startOrder) (bool, error) {
	found, err := c.Instance(ctx, o.ID)
	if errors.Is(err, dts.ErrNotFound) || errors.Is(err, dts.ErrInvalid) { // what is wrong, the start says better
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return found.Tags[tagStart] == o.Mark, nil
}

// lasting marks an error as permanent unless the hub could not be asked.
func lasting(err error) error {
	if errors.Is(err, dts.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return Permanent(err)
}

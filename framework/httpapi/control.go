package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/funchost/funchost/dts"
)

// steer does one thing to an instance that is not finished: 202 when the
// scheduler has taken it, 404 for an unknown id, 410 when it is too late.
func (a *API) steer(c *call, do func(ctx context.Context, id string) error) error {
	in, err := a.instance(c)
	if err != nil {
		return err
	}
	if in.Status.Terminal() {
		return &Error{http.StatusGone, fmt.Sprintf("instance %q is %s", in.ID, in.Status)}
	}
	ctx, cancel := c.context()
	defer cancel()
	if err := do(ctx, in.ID); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

func (a *API) raiseEvent(c *call) error {
	payload, err := eventPayload(c)
	if err != nil {
		return err
	}
	return a.steer(c, func(ctx context.Context, id string) error {
		return a.client.Raise(ctx, id, c.args[1], payload)
	})
}

// eventPayload reads the body of an event. Azure insists on the media type here
// and answers 400 where ReadJSON has 415.
func eventPayload(c *call) ([]byte, error) {
	payload, err := readBody(c.w, c.r)
	switch {
	case err != nil:
		return nil, err
	case !IsJSON(c.r.Header.Get("Content-Type")):
		return nil, badRequest("content type %q: want application/json", c.r.Header.Get("Content-Type"))
	case payload == nil:
		return nil, badRequest("the body is empty: want the event's payload as JSON, null for none")
	default:
		return payload, CheckJSON(payload)
	}
}

// rewind lets a failed instance go on: 410 when it ended otherwise, 409 while it
// is live.
func (a *API) rewind(c *call) error {
	in, err := a.instance(c)
	if err != nil {
		return err
	}
	if in.Status.Terminal() && in.Status != dts.StatusFailed {
		return &Error{http.StatusGone, fmt.Sprintf("instance %q is %s, only a failed one can be rewound", in.ID, in.Status)}
	}
	ctx, cancel := c.context()
	defer cancel()
	if err := a.client.Rewind(ctx, in.ID, c.query.text("reason")); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

func (a *API) cancel(c *call) error {
	return a.steer(c, func(ctx context.Context, id string) error {
		return a.client.Cancel(ctx, id, c.query.text("reason"))
	})
}

func (a *API) terminate(c *call) error {
	return a.steer(c, func(ctx context.Context, id string) error {
		return a.client.Terminate(ctx, id, c.query.text("reason"))
	})
}

func (a *API) suspend(c *call) error {
	return a.steer(c, func(ctx context.Context, id string) error {
		return a.client.Suspend(ctx, id, c.query.text("reason"))
	})
}

func (a *API) resume(c *call) error {
	return a.steer(c, func(ctx context.Context, id string) error {
		return a.client.Resume(ctx, id, c.query.text("reason"))
	})
}

package dts

import (
	"context"
	"errors"
	"fmt"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// Cancel asks an instance to end by itself, with time to clean up. It returns when
// the request is durable. Orchestrators that know of it end as terminated, with the
// reason as output; others do not notice, use [Client.Terminate] for them. A finished
// instance stays as it is; the error is [ErrNotFound] for an unknown id.
//
// The request is an event with the name funchost.cancel and the reason as JSON text,
// so that any client can send it.
func (c *Client) Cancel(ctx context.Context, id, reason string) error {
	op := fmt.Sprintf("cancel instance %q", id)
	text, err := jsonConverter{}.Marshal(reason) // text for people, whatever the payloads are written in
	if err = errors.Join(err, wire.CheckID(id), wire.CheckPayload("reason", text)); err != nil {
		return invalid(op, err)
	}
	_, err = c.hubs.RaiseEvent(ctx, &dtspb.RaiseEventRequest{InstanceId: id, Name: wire.CancelEvent, Input: wire.FromPayload(text)})
	return c.fail(op, err)
}

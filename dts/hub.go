package dts

import (
	"context"
	"fmt"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// CreateHub makes the client's task hub if it is not there. Schedulers in Azure
// leave that to their own tools and answer [ErrUnimplemented].
func (c *Client) CreateHub(ctx context.Context) error {
	_, err := c.hubs.CreateTaskHub(ctx, &dtspb.CreateTaskHubRequest{})
	return c.fail(fmt.Sprintf("create task hub %q", c.hub), err)
}

// DeleteHub deletes the client's task hub with all that is in it; the streams of
// its workers end. A hub that is not there is no error. A scheduler that makes
// hubs when they are first used makes it anew for the next call.
func (c *Client) DeleteHub(ctx context.Context) error {
	_, err := c.hubs.DeleteTaskHub(ctx, &dtspb.DeleteTaskHubRequest{})
	return c.fail(fmt.Sprintf("delete task hub %q", c.hub), err)
}

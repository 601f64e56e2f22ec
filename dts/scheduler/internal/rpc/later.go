package rpc

import (
	"context"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// What the protocol has and this scheduler does not serve yet, each with what to
// do instead.

func (s *sidecar) CreateTaskHub(context.Context, *dtspb.CreateTaskHubRequest) (*dtspb.CreateTaskHubResponse, error) {
	return nil, later("CreateTaskHub; a hub is made when it is first used")
}

func (s *sidecar) DeleteTaskHub(context.Context, *dtspb.DeleteTaskHubRequest) (*dtspb.DeleteTaskHubResponse, error) {
	return nil, later("DeleteTaskHub; purge its instances")
}

package rpc

import (
	"context"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// CreateTaskHub makes the hub that the caller names. A server that makes hubs
// when they are first used need not be asked.
func (s *sidecar) CreateTaskHub(ctx context.Context, r *dtspb.CreateTaskHubRequest) (*dtspb.CreateTaskHubResponse, error) {
	name := hubName(ctx)
	err := s.hubs.Create(ctx, name, r.GetRecreateIfExists())
	return &dtspb.CreateTaskHubResponse{}, answerHub(name, err)
}

// DeleteTaskHub deletes the hub that the caller names; one that is not there is
// no error.
func (s *sidecar) DeleteTaskHub(ctx context.Context, _ *dtspb.DeleteTaskHubRequest) (*dtspb.DeleteTaskHubResponse, error) {
	name := hubName(ctx)
	err := s.hubs.Delete(ctx, name)
	return &dtspb.DeleteTaskHubResponse{}, answerHub(name, err)
}

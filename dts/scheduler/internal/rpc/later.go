package rpc

import (
	"context"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// What the protocol has and this scheduler does not serve yet, each with what to
// do instead.

func (s *sidecar) RewindInstance(context.Context, *dtspb.RewindInstanceRequest) (*dtspb.RewindInstanceResponse, error) {
	return nil, later("rewind")
}

func (s *sidecar) ListInstanceIds(context.Context, *dtspb.ListInstanceIdsRequest) (*dtspb.ListInstanceIdsResponse, error) {
	return nil, later("ListInstanceIds; QueryInstances lists instances")
}

func (s *sidecar) SkipGracefulOrchestrationTerminations(context.Context, *dtspb.SkipGracefulOrchestrationTerminationsRequest) (*dtspb.SkipGracefulOrchestrationTerminationsResponse, error) {
	return nil, later("termination without the worker; TerminateInstance asks the worker")
}

func (s *sidecar) CreateTaskHub(context.Context, *dtspb.CreateTaskHubRequest) (*dtspb.CreateTaskHubResponse, error) {
	return nil, later("CreateTaskHub; a hub is made when it is first used")
}

func (s *sidecar) DeleteTaskHub(context.Context, *dtspb.DeleteTaskHubRequest) (*dtspb.DeleteTaskHubResponse, error) {
	return nil, later("DeleteTaskHub; purge its instances")
}

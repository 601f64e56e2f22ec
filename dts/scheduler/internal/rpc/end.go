package rpc

import (
	"context"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
)

// ListInstanceIds lists what has ended, in the order of ends.
func (s *sidecar) ListInstanceIds(ctx context.Context, r *dtspb.ListInstanceIdsRequest) (*dtspb.ListInstanceIdsResponse, error) {
	h, err := hubOf(ctx, s.hubs)
	if err != nil {
		return nil, err
	}
	query := hub.Query{
		Statuses: r.GetRuntimeStatus(), From: timeOf(r.GetCompletedTimeFrom()), To: timeOf(r.GetCompletedTimeTo()),
		Limit: pageSize(r.GetPageSize()),
	}
	if query.Behind, err = parseCursor(r.GetLastInstanceKey().GetValue()); err != nil {
		return nil, err
	}
	ids, next, err := h.Ended(ctx, query)
	if err != nil {
		return nil, answer(err)
	}
	return &dtspb.ListInstanceIdsResponse{InstanceIds: ids, LastInstanceKey: formatCursor(next)}, nil
}

// SkipGracefulOrchestrationTerminations ends instances without their workers.
func (s *sidecar) SkipGracefulOrchestrationTerminations(
	ctx context.Context, r *dtspb.SkipGracefulOrchestrationTerminationsRequest,
) (*dtspb.SkipGracefulOrchestrationTerminationsResponse, error) {
	if err := checkPayload("reason", r.GetReason()); err != nil {
		return nil, err
	}
	ids := r.GetInstanceBatch().GetInstanceIds()
	if err := checkBatch(ids); err != nil {
		return nil, err
	}
	h, err := hubOf(ctx, s.hubs)
	if err != nil {
		return nil, err
	}
	left, err := h.Kill(ctx, ids, r.GetReason())
	if err != nil {
		return nil, answer(err)
	}
	return &dtspb.SkipGracefulOrchestrationTerminationsResponse{UnterminatedInstanceIds: left}, nil
}

// checkBatch refuses more ids than a batch may have, and ids that are none.
func checkBatch(ids []string) error {
	if len(ids) > wire.MaxBatch {
		return invalid("%d instance ids in one batch, the limit is %d", len(ids), wire.MaxBatch)
	}
	for _, id := range ids {
		if err := checkID(id); err != nil {
			return err
		}
	}
	return nil
}

// maxPage bounds a page whatever the caller asks for; Python asks for 2³¹-1.
const maxPage = 1000

func pageSize(n int32) int {
	if n <= 0 {
		return wire.PageSize
	}
	return min(int(n), maxPage)
}

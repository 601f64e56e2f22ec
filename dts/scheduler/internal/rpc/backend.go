package rpc

import (
	"context"
	"math"
	"time"

	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
)

// backend serves the part of BackendService that tools and scalers use. The rest
// answers UNIMPLEMENTED; see unserved.
type backend struct {
	dtsgrpc.UnimplementedBackendServiceServer
	hubs Hubs
}

func (b *backend) Ping(context.Context, *dtspb.PingRequest) (*dtspb.PingResponse, error) {
	return &dtspb.PingResponse{}, nil
}

// GetMetrics counts the backlog from memory.
func (b *backend) GetMetrics(ctx context.Context, _ *dtspb.GetMetricsRequest) (*dtspb.GetMetricsResponse, error) {
	h, err := hubOf(ctx, b.hubs)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &dtspb.GetMetricsResponse{Metrics: &dtspb.BackendMetrics{
		OrchestratorWorkItems: metrics(h, dispatch.Orchestration, now),
		ActivityWorkItems:     metrics(h, dispatch.Activity, now),
		EntityWorkItems:       metrics(h, dispatch.Entity, now),
		ConnectedWorkers:      &dtspb.ConnectedWorkerMetrics{Count: int32(min(h.Queue.Workers(), math.MaxInt32))},
	}}, nil
}

// BeginWorkerDrain hands the caller's streams no more. They keep what they hold
// until they end, so that answers need not race their end. The time-out in the
// request is the worker's own affair.
func (b *backend) BeginWorkerDrain(ctx context.Context, _ *dtspb.BeginWorkerDrainRequest) (*dtspb.BeginWorkerDrainResponse, error) {
	h, err := hubOf(ctx, b.hubs)
	if err != nil {
		return nil, err
	}
	return &dtspb.BeginWorkerDrainResponse{WorkerFound: h.Queue.Drain(workerOf(ctx))}, nil
}

func metrics(h *hub.Hub, k dispatch.Kind, now time.Time) *dtspb.WorkItemMetrics {
	c := h.Queue.Counts(k)
	m := &dtspb.WorkItemMetrics{Pending: clamp(c.Pending), Active: clamp(c.Active)}
	if !c.Oldest.IsZero() {
		m.OldestAgeInSeconds = clamp(int64(now.Sub(c.Oldest) / time.Second))
	}
	return m
}

func clamp(n int64) int32 { return int32(max(0, min(n, math.MaxInt32))) }

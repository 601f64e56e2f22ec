package dts

import (
	"context"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Backlog is the work of a hub at one moment: what a scaler asks for.
type Backlog struct {
	Orchestrations, Activities, Entities Work
	// Workers is how many workers are connected and not about to stop.
	Workers int
}

// Work counts work items of one kind.
type Work struct {
	// Pending items wait for a worker, Active ones are held by one.
	Pending, Active int64
	// Oldest is how long the oldest pending item has waited, in whole seconds.
	Oldest time.Duration
}

// Backlog counts the work of the hub. The error is [ErrUnimplemented] on a
// scheduler that does not count.
func (c *Client) Backlog(ctx context.Context) (Backlog, error) {
	resp, err := c.backend.GetMetrics(ctx, &dtspb.GetMetricsRequest{})
	if err != nil {
		return Backlog{}, c.fail("read backlog", err)
	}
	m := resp.GetMetrics()
	return Backlog{
		Orchestrations: toWork(m.GetOrchestratorWorkItems()),
		Activities:     toWork(m.GetActivityWorkItems()),
		Entities:       toWork(m.GetEntityWorkItems()),
		Workers:        int(m.GetConnectedWorkers().GetCount()),
	}, nil
}

func toWork(m *dtspb.WorkItemMetrics) Work {
	return Work{
		Pending: int64(m.GetPending()),
		Active:  int64(m.GetActive()),
		Oldest:  time.Duration(m.GetOldestAgeInSeconds()) * time.Second,
	}
}

package dts

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// EndedQuery selects finished instances; every condition that is set must hold.
// The zero value selects all.
type EndedQuery struct {
	// Status is any of these; empty means any.
	Status []Status
	// From and To bound the time of the end, from included, to not.
	From, To time.Time
	// PageSize is how many ids one answer brings; zero means 100. The scheduler may
	// bring fewer.
	PageSize int
}

// Ended lists the ids of the finished instances that q selects, in the order in
// which they ended, and fetches pages as it goes. After an error the sequence
// ends.
func (c *Client) Ended(ctx context.Context, q EndedQuery) iter.Seq2[string, error] {
	const op = "list finished instances"
	return func(yield func(string, error) bool) {
		req, err := q.message()
		if err != nil {
			yield("", invalid(op, err))
			return
		}
		for {
			resp, err := c.hubs.ListInstanceIds(ctx, req)
			if err != nil {
				yield("", c.fail(op, err))
				return
			}
			next := resp.GetLastInstanceKey().GetValue()
			for _, id := range resp.GetInstanceIds() {
				if !yield(id, nil) {
					return
				}
			}
			if next == "" || next == req.GetLastInstanceKey().GetValue() { // a scheduler that repeats itself has no more
				return
			}
			// A message that was sent is the receiver's.
			if req, err = q.message(); err == nil {
				req.LastInstanceKey = wire.FromText(next)
			}
		}
	}
}

func (q EndedQuery) message() (*dtspb.ListInstanceIdsRequest, error) {
	if q.PageSize < 0 || q.PageSize > math.MaxInt32 {
		return nil, fmt.Errorf("page size %d: want 1 to %d, or 0 for %d", q.PageSize, math.MaxInt32, wire.PageSize)
	}
	statuses, err := fromStatuses(q.Status)
	if err != nil {
		return nil, err
	}
	return &dtspb.ListInstanceIdsRequest{
		RuntimeStatus: statuses, CompletedTimeFrom: fromTime(q.From), CompletedTimeTo: fromTime(q.To), PageSize: int32(q.PageSize),
	}, nil
}

package hub

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// Ended returns the ids of the ended instances that match, in the order of their
// ends, and where the next page begins; the zero cursor means there is none. The
// query's times and cursor are those of ends, its prefix is not looked at.
func (h *Hub) Ended(ctx context.Context, q Query) (ids []string, next store.Cursor, err error) {
	var last store.Cursor
	from, to := q.bounds()
	err = h.opts.Store.Ended(h.number, from, to, q.Behind, func(c store.Cursor, status dtspb.OrchestrationStatus) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, context.Cause(ctx)
		}
		if len(q.Statuses) > 0 && !slices.Contains(q.Statuses, status) {
			return true, nil
		}
		if len(ids) == q.Limit {
			next = last
			return false, nil
		}
		ids, last = append(ids, c.ID), c
		return true, nil
	})
	if err != nil {
		return nil, store.Cursor{}, err
	}
	return ids, next, readable(ctx, h.opts.Store.Last())
}

// Kill ends instances at once, without their workers, and returns the ids of
// those that had nothing to end.
func (h *Hub) Kill(ctx context.Context, ids []string, reason *wrapperspb.StringValue) (left []string, err error) {
	for _, id := range ids {
		killed := false
		if _, err := h.decide(ctx, engine.Kill{ID: id, Reason: reason, Killed: &killed}, nil); err != nil {
			return nil, err
		}
		if !killed {
			left = append(left, id)
		}
	}
	return left, h.Settle(ctx)
}

package dts

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// Query selects instances; every condition that is set must hold. The zero value
// selects all.
type Query struct {
	// Status is any of these; empty means any.
	Status []Status
	// CreatedFrom and CreatedTo bound the time of creation, from included, to not.
	CreatedFrom, CreatedTo time.Time
	// IDPrefix is how the id begins, case-sensitive.
	IDPrefix string
	// PageSize is how many instances one answer brings; zero means 100. The
	// scheduler may bring fewer.
	PageSize int
	// Payloads asks for input, output and failure too.
	Payloads bool
}

// selects reports whether the query leaves anything out.
func (q Query) selects() bool {
	return len(q.Status) > 0 || !q.CreatedFrom.IsZero() || !q.CreatedTo.IsZero() || q.IDPrefix != ""
}

// Instances lists what q selects, oldest first, and fetches pages as it goes.
// After an error the sequence ends. An instance that appears while the list is
// read may be in it or not.
func (c *Client) Instances(ctx context.Context, q Query) iter.Seq2[*Instance, error] {
	return func(yield func(*Instance, error) bool) {
		token := ""
		for {
			page, next, err := c.Page(ctx, q, token)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, in := range page {
				if !yield(in, nil) {
					return
				}
			}
			if next == "" || next == token { // a scheduler that repeats itself has no more
				return
			}
			token = next
		}
	}
}

// Page reads one page of what q selects. An empty token is the first page; next
// is the token of the page after, empty when there is none. A token of another
// query or another scheduler is an [ErrInvalid].
func (c *Client) Page(ctx context.Context, q Query, token string) (items []*Instance, next string, err error) {
	const op = "query instances"
	query, err := q.message(token)
	if err != nil {
		return nil, "", invalid(op, err)
	}
	resp, err := c.hubs.QueryInstances(ctx, &dtspb.QueryInstancesRequest{Query: query})
	if err != nil {
		return nil, "", c.fail(op, err)
	}
	items = make([]*Instance, 0, len(resp.GetOrchestrationState()))
	for _, s := range resp.GetOrchestrationState() {
		items = append(items, toInstance(s))
	}
	if err := c.restoreInstances(ctx, op, items...); err != nil {
		return nil, "", err
	}
	return items, resp.GetContinuationToken().GetValue(), nil
}

func (q Query) message(token string) (*dtspb.InstanceQuery, error) {
	if q.PageSize < 0 || q.PageSize > math.MaxInt32 {
		return nil, fmt.Errorf("page size %d: want 1 to %d, or 0 for %d", q.PageSize, math.MaxInt32, wire.PageSize)
	}
	size := q.PageSize
	if size == 0 {
		size = wire.PageSize
	}
	statuses, err := fromStatuses(q.Status)
	if err != nil {
		return nil, err
	}
	return &dtspb.InstanceQuery{
		RuntimeStatus:         statuses,
		CreatedTimeFrom:       fromTime(q.CreatedFrom),
		CreatedTimeTo:         fromTime(q.CreatedTo),
		MaxInstanceCount:      int32(size),
		ContinuationToken:     wire.FromText(token),
		InstanceIdPrefix:      wire.FromText(q.IDPrefix),
		FetchInputsAndOutputs: q.Payloads,
	}, nil
}

// Purge removes a finished instance with its history and returns how many
// instances went: zero when the id is unknown or the instance is live.
func (c *Client) Purge(ctx context.Context, id string, opts ...PurgeOption) (int, error) {
	op := fmt.Sprintf("purge instance %q", id)
	if err := wire.CheckID(id); err != nil {
		return 0, invalid(op, err)
	}
	req := &dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_InstanceId{InstanceId: id}, IsOrchestration: true}
	for _, o := range opts {
		o.purge(req)
	}
	resp, err := c.hubs.PurgeInstances(ctx, req)
	if err != nil {
		return 0, c.fail(op, err)
	}
	return int(resp.GetDeletedInstanceCount()), nil
}

// PurgeAll removes the finished instances that q selects and returns how many
// went, also when it ends with an error half-way. It refuses a query without any
// condition with [ErrInvalid]: to empty a hub, list the terminal statuses.
func (c *Client) PurgeAll(ctx context.Context, q Query) (int, error) {
	const op = "purge instances"
	if !q.selects() {
		return 0, invalid(op, errors.New("the query selects everything: set Status, CreatedFrom, CreatedTo or IDPrefix"))
	}
	if q.IDPrefix != "" {
		return c.purgePrefix(ctx, op, q)
	}
	statuses, err := fromStatuses(q.Status)
	if err != nil {
		return 0, invalid(op, err)
	}
	total := 0
	for {
		resp, err := c.hubs.PurgeInstances(ctx, &dtspb.PurgeInstancesRequest{
			Request: &dtspb.PurgeInstancesRequest_PurgeInstanceFilter{PurgeInstanceFilter: &dtspb.PurgeInstanceFilter{
				CreatedTimeFrom: fromTime(q.CreatedFrom),
				CreatedTimeTo:   fromTime(q.CreatedTo),
				RuntimeStatus:   slices.Clone(statuses),
			}},
			IsOrchestration: true,
		})
		if err != nil {
			return total, c.fail(op, err)
		}
		total += int(resp.GetDeletedInstanceCount())
		if done := resp.GetIsComplete(); done == nil || done.GetValue() {
			return total, nil
		}
	}
}

// purgePrefix purges by listing, since the protocol's filter knows no prefix.
func (c *Client) purgePrefix(ctx context.Context, op string, q Query) (int, error) {
	q.PageSize, q.Payloads = wire.MaxBatch, false
	total, token := 0, ""
	for {
		page, next, err := c.Page(ctx, q, token)
		if err != nil {
			return total, err
		}
		var ids []string
		for _, in := range page {
			if in.Status.Terminal() {
				ids = append(ids, in.ID)
			}
		}
		for batch := range slices.Chunk(ids, wire.MaxBatch) {
			resp, err := c.hubs.PurgeInstances(ctx, &dtspb.PurgeInstancesRequest{
				Request:         &dtspb.PurgeInstancesRequest_InstanceBatch{InstanceBatch: &dtspb.InstanceBatch{InstanceIds: slices.Clone(batch)}},
				IsOrchestration: true,
			})
			if err != nil {
				return total, c.fail(op, err)
			}
			total += int(resp.GetDeletedInstanceCount())
		}
		if next == "" || next == token {
			return total, nil
		}
		token = next
	}
}

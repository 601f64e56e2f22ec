package rpc

import (
	"cmp"
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
)

// entityID returns the id as it is kept.
func entityID(id string) (string, error) {
	id, err := wire.EntityID(id)
	if err != nil {
		return "", invalid("%v", err)
	}
	return id, checkID(id)
}

func (s *sidecar) SignalEntity(ctx context.Context, r *dtspb.SignalEntityRequest) (*dtspb.SignalEntityResponse, error) {
	id, err := entityID(r.GetInstanceId())
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(engine.CheckName("operation name", r.GetName()), engine.CheckName("request id", r.GetRequestId())); err != nil {
		return nil, invalid("%v", err)
	}
	if err := checkPayload("input", r.GetInput()); err != nil {
		return nil, err
	}
	if err := checkTime("scheduledTime", r.GetScheduledTime()); err != nil {
		return nil, err
	}
	err = s.do(ctx, id, engine.Signal{ID: id, Event: &dtspb.EntityOperationSignaledEvent{
		RequestId: r.GetRequestId(), Operation: r.GetName(), Input: r.GetInput(), ScheduledTime: r.GetScheduledTime(),
	}})
	return &dtspb.SignalEntityResponse{}, err
}

func (s *sidecar) GetEntity(ctx context.Context, r *dtspb.GetEntityRequest) (*dtspb.GetEntityResponse, error) {
	id, err := entityID(r.GetInstanceId())
	if err != nil {
		return nil, err
	}
	h, err := hubOf(ctx, s.hubs)
	if err != nil {
		return nil, err
	}
	e, err := h.Entity(ctx, id, r.GetIncludeState())
	if err != nil {
		return nil, answer(err)
	}
	return &dtspb.GetEntityResponse{Exists: e != nil, Entity: e}, nil
}

func (s *sidecar) QueryEntities(ctx context.Context, r *dtspb.QueryEntitiesRequest) (*dtspb.QueryEntitiesResponse, error) {
	h, err := hubOf(ctx, s.hubs)
	if err != nil {
		return nil, err
	}
	q := r.GetQuery()
	query := hub.EntityQuery{
		Prefix: entityPrefix(q.GetInstanceIdStartsWith().GetValue()),
		From:   timeOf(q.GetLastModifiedFrom()), To: timeOf(q.GetLastModifiedTo()),
		State: q.GetIncludeState(), Transient: q.GetIncludeTransient(),
		Behind: q.GetContinuationToken().GetValue(), Limit: pageSize(q.GetPageSize().GetValue()),
	}
	if query.Behind != "" && !wire.IsEntity(query.Behind) {
		return nil, invalid("continuation token %q is not one of this scheduler's", query.Behind)
	}
	page, next, err := h.Entities(ctx, query)
	if err != nil {
		return nil, answer(err)
	}
	resp := &dtspb.QueryEntitiesResponse{Entities: page}
	if next != "" {
		resp.ContinuationToken = wrapperspb.String(next)
	}
	return resp, nil
}

// entityPrefix makes a prefix that people write, with or without @, one of ids as
// they are kept.
func entityPrefix(p string) string {
	name, key, keyed := strings.Cut(strings.TrimPrefix(p, "@"), "@")
	p = "@" + strings.ToLower(name)
	if keyed {
		p += "@" + key
	}
	return p
}

// CleanEntityStorage has nothing to do: an entity without state, lock and
// messages is removed at once, and locks end with their owner.
func (s *sidecar) CleanEntityStorage(ctx context.Context, _ *dtspb.CleanEntityStorageRequest) (*dtspb.CleanEntityStorageResponse, error) {
	_, err := hubOf(ctx, s.hubs)
	return &dtspb.CleanEntityStorageResponse{}, err
}

package dts

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// Entity is an entity as the scheduler saw it at one moment.
type Entity struct {
	ID       EntityID
	Modified time.Time // when an operation last ended
	Backlog  int       // operations that wait
	LockedBy string    // id of the instance that holds its lock, empty if none does
	State    []byte    // nil if there is none, or it was not asked for
}

// SignalOption changes what [Client.Signal] does.
type SignalOption interface {
	signal(*dtspb.SignalEntityRequest)
}

type signalAt time.Time

// SignalAt holds the signal back until t; a t that has passed means now. Signals
// with a time keep no order.
func SignalAt(t time.Time) SignalOption { return signalAt(t) }

func (at signalAt) signal(r *dtspb.SignalEntityRequest) { r.ScheduledTime = fromTime(time.Time(at)) }

// Signal asks an entity for an operation and does not wait for it. When it
// returns, the hub has the signal for good; there is no result, and an entity
// that does not exist yet begins to with its first operation. Signals of one
// sender to one entity happen in their order. A signal whose acknowledgement was
// lost is sent again: it can arrive twice.
func (c *Client) Signal(ctx context.Context, e EntityID, op string, payload []byte, opts ...SignalOption) error {
	what := fmt.Sprintf("signal operation %q to entity %q", op, e)
	if err := e.Check(); err != nil {
		return invalid(what, err)
	}
	input, err := c.put(ctx, what, "payload", payload)
	if err != nil {
		return err
	}
	req := &dtspb.SignalEntityRequest{
		InstanceId:  e.String(),
		Name:        op,
		Input:       input,
		RequestId:   newGUID(),
		RequestTime: timestamppb.Now(),
	}
	for _, o := range opts {
		o.signal(req)
	}
	_, err = c.hubs.SignalEntity(ctx, req)
	return c.fail(what, err)
}

// newGUID gives random hexadecimal digits with dashes: .NET workers parse the ids
// of requests and take no other form.
func newGUID() string {
	s := newID()
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// Entity reads one entity with its state. The error is [ErrNotFound] when it has
// none: it was never there, was deleted, or has not done its first operation.
func (c *Client) Entity(ctx context.Context, e EntityID) (*Entity, error) {
	op := fmt.Sprintf("get entity %q", e)
	if err := e.Check(); err != nil {
		return nil, invalid(op, err)
	}
	resp, err := c.hubs.GetEntity(ctx, &dtspb.GetEntityRequest{InstanceId: e.String(), IncludeState: true})
	if err != nil {
		return nil, c.fail(op, err)
	}
	if !resp.GetExists() {
		return nil, c.fail(op, status.Error(codes.NotFound, ""))
	}
	found, err := toEntity(resp.GetEntity())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	if err := c.restore(ctx, op, &found.State); err != nil {
		return nil, err
	}
	return found, nil
}

// EntityQuery selects entities; every condition that is set must hold. The zero
// value selects all that have a state.
type EntityQuery struct {
	// Name is that of the entities; empty means any.
	Name string
	// KeyPrefix is how the key begins, case-sensitive. It needs a Name.
	KeyPrefix string
	// ModifiedFrom and ModifiedTo bound the time of the last operation.
	ModifiedFrom, ModifiedTo time.Time
	// PageSize is how many entities one answer brings; zero means 100. The
	// scheduler may bring fewer.
	PageSize int
	// State asks for the states too.
	State bool
	// Stateless includes entities that have no state and are locked. Those for
	// which operations wait and nothing else has happened yet may be missing.
	Stateless bool
}

// Entities lists what q selects and fetches pages as it goes. After an error the
// sequence ends. An entity that changes while the list is read may be in it or
// not.
func (c *Client) Entities(ctx context.Context, q EntityQuery) iter.Seq2[*Entity, error] {
	return func(yield func(*Entity, error) bool) {
		token := ""
		for {
			page, next, err := c.EntityPage(ctx, q, token)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
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

// EntityPage reads one page of what q selects, like [Client.Page].
func (c *Client) EntityPage(ctx context.Context, q EntityQuery, token string) (items []*Entity, next string, err error) {
	const op = "query entities"
	query, err := q.message(token)
	if err != nil {
		return nil, "", invalid(op, err)
	}
	resp, err := c.hubs.QueryEntities(ctx, &dtspb.QueryEntitiesRequest{Query: query})
	if err != nil {
		return nil, "", c.fail(op, err)
	}
	items = make([]*Entity, 0, len(resp.GetEntities()))
	states := make([]*[]byte, 0, len(resp.GetEntities()))
	for _, m := range resp.GetEntities() {
		e, err := toEntity(m)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", op, err)
		}
		items, states = append(items, e), append(states, &e.State)
	}
	if err := c.restore(ctx, op, states...); err != nil {
		return nil, "", err
	}
	return items, resp.GetContinuationToken().GetValue(), nil
}

func (q EntityQuery) message(token string) (*dtspb.EntityQuery, error) {
	if q.PageSize < 0 || q.PageSize > math.MaxInt32 {
		return nil, fmt.Errorf("page size %d: want 1 to %d, or 0 for %d", q.PageSize, math.MaxInt32, wire.PageSize)
	}
	size := q.PageSize
	if size == 0 {
		size = wire.PageSize
	}
	prefix := ""
	if q.Name != "" {
		id := EntityID{q.Name, q.KeyPrefix}
		if err := id.Check(); err != nil {
			return nil, err
		}
		prefix = id.String()
	} else if q.KeyPrefix != "" {
		return nil, errors.New("KeyPrefix needs a Name: keys are looked up per entity")
	}
	return &dtspb.EntityQuery{
		InstanceIdStartsWith: wire.FromText(prefix),
		LastModifiedFrom:     fromTime(q.ModifiedFrom),
		LastModifiedTo:       fromTime(q.ModifiedTo),
		IncludeState:         q.State,
		IncludeTransient:     q.Stateless,
		PageSize:             wrapperspb.Int32(int32(size)),
		ContinuationToken:    wire.FromText(token),
	}, nil
}

func toEntity(m *dtspb.EntityMetadata) (*Entity, error) {
	id, err := ParseEntityID(m.GetInstanceId())
	if err != nil {
		return nil, err
	}
	return &Entity{
		ID:       id,
		Modified: toTime(m.GetLastModifiedTime()),
		Backlog:  int(m.GetBacklogQueueSize()),
		LockedBy: m.GetLockedBy().GetValue(),
		State:    wire.ToPayload(m.GetSerializedState()),
	}, nil
}

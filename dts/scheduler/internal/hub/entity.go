package hub

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

func (h *Hub) loadEntity(e *entry) error {
	stored, err := h.opts.Store.Entity(h.number, e.id)
	if err != nil {
		return fmt.Errorf("read entity %q: %w", e.id, err)
	}
	e.last = h.opts.Store.Last()
	e.loaded = true
	e.entity = engine.LoadEntity(e.id, stored.Record, stored.Messages, stored.ReadyRow, time.Now())
	return nil
}

func useOfEntity(e *engine.Entity) use {
	switch {
	case len(e.Delivered) > 0:
		return atWorker
	case e.Gone():
		return none
	default:
		return mayGoOn
	}
}

// addEntity takes up what an entity can do next.
func (f *followUp) addEntity(e *engine.Entity, now time.Time) {
	switch {
	case e.Deliverable():
		f.turns = append(f.turns, entityItem(e.ID(), now))
	case e.WantsLock():
		f.timers = append(f.timers, engine.Timer{TaskKey: engine.TaskKey{ID: e.ID(), TaskID: engine.GrantTimer}})
	}
}

func entityItem(id string, now time.Time) *dispatch.Item {
	return &dispatch.Item{
		Kind: dispatch.Entity, Key: engine.TaskKey{ID: id, TaskID: engine.TurnTask}, Name: wire.EntityName(id), Since: now,
	}
}

// entityItem takes the next batch of an entity for a worker, nil if there is
// nothing it could run, and the newest batch that it tells of.
func (h *Hub) entityItem(ctx context.Context, l *dispatch.Lease) (*dtspb.WorkItem, *store.Commit, error) {
	item, told, tooLarge, err := h.deliverBatch(l)
	if tooLarge != nil {
		return nil, nil, h.failEntity(ctx, l, tooLarge)
	}
	return item, told, err
}

func (h *Hub) deliverBatch(l *dispatch.Lease) (_ *dtspb.WorkItem, told *store.Commit, tooLarge *dtspb.TaskFailureDetails, _ error) {
	e := h.lockOne(l.Item.Key.ID)
	defer h.unlockOne(e)
	if err := h.load(e); err != nil {
		return nil, nil, nil, err
	}
	events := e.entity.Deliver()
	if len(events) == 0 {
		h.Queue.Drop(l)
		f := followUp{hub: h}
		f.addEntity(e.entity, time.Now()) // after a restart the first look may find a request for a lock
		f.run()
		return nil, nil, nil, nil
	}
	if f := checkItem(l.Item, e.entity.DeliveredBytes()); f != nil {
		return nil, nil, f, nil
	}
	h.Queue.Began(l, events[0])
	rec := e.entity.Record
	if rec.GetExecutionId() == "" {
		rec.ExecutionId = NewID() // the batch commits it with the first state
	}
	return &dtspb.WorkItem{
		CompletionToken: l.Token,
		Request: &dtspb.WorkItem_EntityRequestV2{EntityRequestV2: &dtspb.EntityRequest{
			InstanceId: e.id, ExecutionId: rec.GetExecutionId(), EntityState: rec.GetState(), OperationRequests: events,
		}},
	}, e.last, nil, nil
}

// maxBatchFailures is how many batches in a row workers may fail to run for
// reasons of their own before the callers are told.
const maxBatchFailures = 10

// CompleteEntity commits what a worker did with a batch.
func (h *Hub) CompleteEntity(ctx context.Context, l *dispatch.Lease, r *dtspb.EntityBatchResult) error {
	switch {
	case r.GetRequiresState():
		h.Queue.Return(l)
		return nil
	case r.GetFailureDetails() != nil && l.Item.Abandons+1 < maxBatchFailures:
		return h.Abandon(ctx, l)
	case r.GetFailureDetails() != nil:
		return h.failEntity(ctx, l, r.GetFailureDetails())
	case len(r.GetResults()) == 0:
		return h.Abandon(ctx, l) // nothing was run; at once it would come again and again
	}
	for _, a := range r.GetActions() {
		if start := a.GetStartNewOrchestration(); start != nil && start.GetInstanceId() == "" {
			start.InstanceId = NewID() // a decision must know all ids that it is about
		}
	}
	return h.finish(ctx, l, engine.EntityBatch{ID: l.Item.Key.ID, Result: r})
}

func (h *Hub) failEntity(ctx context.Context, l *dispatch.Lease, f *dtspb.TaskFailureDetails) error {
	return h.finish(ctx, l, engine.EntityFail{ID: l.Item.Key.ID, Failure: f})
}

// Entity describes an entity, nil if it has no state.
func (h *Hub) Entity(ctx context.Context, id string, withState bool) (*dtspb.EntityMetadata, error) {
	e := h.lockOne(id)
	err := h.load(e)
	var meta *dtspb.EntityMetadata
	if err == nil && e.entity.Record.GetState() != nil {
		meta = describeEntity(e.entity.Record, e.entity.Backlog(), withState)
	}
	last := e.last
	h.unlockOne(e)
	if err != nil {
		return nil, err
	}
	return meta, readable(ctx, last)
}

func describeEntity(rec *record.Entity, backlog int, withState bool) *dtspb.EntityMetadata {
	m := &dtspb.EntityMetadata{InstanceId: rec.GetId(), LastModifiedTime: stamp(rec.GetModified()), BacklogQueueSize: int32(backlog)}
	if o := rec.GetOwner(); o != nil {
		m.LockedBy = wrapperspb.String(o.GetInstanceId())
	}
	if withState {
		m.SerializedState = rec.GetState()
	}
	return m
}

// EntityQuery selects entities; the zero value selects all that have a state.
type EntityQuery struct {
	Prefix string
	// From and To bound the time of the last change, From included. Zero is no bound.
	From, To time.Time
	// State asks for the states, Transient for entities without one too.
	State, Transient bool
	// Behind is the id that the page before ended with.
	Behind string
	Limit  int
}

// Entities returns the entities that match in the order of ids, and behind which
// id the next page begins; empty means there is none.
func (h *Hub) Entities(ctx context.Context, q EntityQuery) (page []*dtspb.EntityMetadata, next string, err error) {
	queued, err := h.queued(q)
	if err != nil {
		return nil, "", err
	}
	size := 0
	add := func(m *dtspb.EntityMetadata) bool {
		if size += proto.Size(m); len(page) == q.Limit || size > pageBytes && len(page) > 0 {
			next = page[len(page)-1].GetInstanceId()
			return false
		}
		page = append(page, m)
		return true
	}
	err = h.opts.Store.Entities(h.number, q.Prefix, q.Behind, func(rec *record.Entity) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, context.Cause(ctx)
		}
		for ; len(queued) > 0 && queued[0].GetInstanceId() <= rec.GetId(); queued = queued[1:] {
			// One with the same id has got a state or a lock since.
			if queued[0].GetInstanceId() < rec.GetId() && !add(queued[0]) {
				return false, nil
			}
		}
		if rec.GetState() == nil && !q.Transient || !q.modified(rec) {
			return true, nil
		}
		stored, err := h.opts.Store.Entity(h.number, rec.GetId())
		if err != nil {
			return false, err
		}
		e := engine.LoadEntity(rec.GetId(), rec, stored.Messages, false, time.Now())
		return add(describeEntity(rec, e.Backlog(), q.State)), nil
	})
	if err != nil {
		return nil, "", err
	}
	for _, m := range queued {
		if next != "" || !add(m) {
			break
		}
	}
	return page, next, readable(ctx, h.opts.Store.Last())
}

// queued returns the entities that have messages for now and nothing else, one more
// than a page takes. They have no row of their own.
func (h *Hub) queued(q EntityQuery) (found []*dtspb.EntityMetadata, err error) {
	if !q.Transient || !q.modified(nil) {
		return nil, nil
	}
	err = h.opts.Store.Queued(h.number, q.Prefix, q.Behind, func(id string) (bool, error) {
		stored, err := h.opts.Store.Entity(h.number, id)
		if err != nil || stored.Record != nil {
			return true, err
		}
		if e := engine.LoadEntity(id, nil, stored.Messages, false, time.Now()); e.Backlog() > 0 {
			found = append(found, describeEntity(e.Record, e.Backlog(), q.State))
		}
		return len(found) <= q.Limit, nil
	})
	return found, err
}

// modified reports whether the time of the last change is one that is asked for.
func (q EntityQuery) modified(rec *record.Entity) bool {
	from, to := Query{From: q.From, To: q.To}.bounds()
	return rec.GetModified() >= from && rec.GetModified() < to
}

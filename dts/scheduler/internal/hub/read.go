package hub

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// State returns the state of an instance, nil if there is none, as it is on disk.
func (h *Hub) State(ctx context.Context, id string, payloads bool) (*dtspb.OrchestrationState, error) {
	state, last, err := h.peek(id, payloads)
	if err != nil {
		return nil, err
	}
	return state, readable(ctx, last)
}

// peek reads the state in memory, or else on disk, and the batch to wait for.
func (h *Hub) peek(id string, payloads bool) (*dtspb.OrchestrationState, *store.Commit, error) {
	sh := h.shard(id)
	sh.mu.Lock()
	inMemory := sh.entries[id] != nil
	sh.mu.Unlock()
	if inMemory {
		e := h.lockOne(id)
		defer h.unlockOne(e)
		if e.loaded {
			return h.stateOf(e.in, payloads), e.last, nil
		}
	}
	rec, err := h.opts.Store.Record(h.number, id)
	if rec == nil || err != nil {
		return nil, h.opts.Store.Last(), err
	}
	state, err := h.storedState(rec, payloads)
	return state, h.opts.Store.Last(), err
}

// Waiting for an instance that does not exist ends after this time if the caller
// set no deadline.
const unknownPatience = 30 * time.Second

// Wait returns the state once the instance has ended, or has started if started
// is set. For an instance that is purged meanwhile it returns nil; one that does
// not exist is waited for.
func (h *Hub) Wait(ctx context.Context, id string, started, payloads bool) (*dtspb.OrchestrationState, error) {
	e := h.acquire(id)
	defer h.leave(e)
	var patience <-chan time.Time
	if _, ok := ctx.Deadline(); !ok {
		t := time.NewTimer(unknownPatience)
		defer t.Stop()
		patience = t.C
	}
	w := &waiter{started: started}
	for {
		e.mu.Lock()
		if err := h.load(e); err != nil {
			e.mu.Unlock()
			return nil, err
		}
		ready, last := w.satisfied(e.in), e.last
		var state *dtspb.OrchestrationState
		if ready {
			state = h.stateOf(e.in, payloads)
		} else {
			w.done = make(chan struct{})
			e.waiters = append(e.waiters, w)
		}
		e.mu.Unlock()
		if ready {
			return state, readable(ctx, last)
		}
		if err := h.await(ctx, w, patience); err != nil {
			if existed := h.removeWaiter(e, w); !errors.Is(err, errUnknown) {
				return nil, err
			} else if !existed {
				return nil, nil
			}
			patience = nil
		}
	}
}

var errUnknown = errors.New("no such instance")

func (h *Hub) await(ctx context.Context, w *waiter, patience <-chan time.Time) error {
	select {
	case <-w.done:
		return nil
	case <-patience:
		return errUnknown
	case <-h.opts.Store.Failed():
		return h.opts.Store.Err()
	case <-h.gone:
		return store.ErrHubGone
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// removeWaiter reports whether the waiter has seen the instance.
func (h *Hub) removeWaiter(e *entry, w *waiter) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiters = slices.DeleteFunc(e.waiters, func(x *waiter) bool { return x == w })
	return w.existed
}

// stateOf describes an instance in memory. The caller holds its lock.
func (h *Hub) stateOf(in *engine.Instance, payloads bool) *dtspb.OrchestrationState {
	if in == nil {
		return nil
	}
	s := describe(in.Record)
	if payloads {
		s.Input, s.Output, s.FailureDetails = in.Started().GetInput(), in.Record.GetOutput(), in.Record.GetFailure()
	}
	return s
}

// storedState describes an instance on disk.
func (h *Hub) storedState(rec *record.Instance, payloads bool) (*dtspb.OrchestrationState, error) {
	s := describe(rec)
	if payloads {
		started, err := h.opts.Store.Input(h.number, rec)
		if err != nil {
			return nil, err
		}
		s.Input, s.Output, s.FailureDetails = started.GetInput(), rec.GetOutput(), rec.GetFailure()
	}
	return s, nil
}

func describe(rec *record.Instance) *dtspb.OrchestrationState {
	s := &dtspb.OrchestrationState{
		InstanceId: rec.GetId(), Name: rec.GetName(), Version: rec.GetVersion(), OrchestrationStatus: rec.GetStatus(),
		ScheduledStartTimestamp: stamp(rec.GetScheduled()), CreatedTimestamp: stamp(rec.GetCreated()),
		LastUpdatedTimestamp: stamp(rec.GetUpdated()), CompletedTimestamp: stamp(rec.GetCompleted()),
		CustomStatus: rec.GetCustomStatus(), ExecutionId: wrapperspb.String(rec.GetExecutionId()),
		Tags: maps.Clone(rec.GetTags()), // the caller may be in this process
	}
	if id := rec.GetParent().GetOrchestrationInstance().GetInstanceId(); id != "" {
		s.ParentInstanceId = wrapperspb.String(id)
	}
	return s
}

func stamp(nanos int64) *timestamppb.Timestamp {
	if nanos == 0 {
		return nil
	}
	return timestamppb.New(time.Unix(0, nanos))
}

// Query selects instances; the zero value selects all.
type Query struct {
	Statuses []dtspb.OrchestrationStatus
	// From and To bound the time of creation, From included. Zero is no bound.
	From, To time.Time
	Prefix   string
	Payloads bool
	// Behind is where the page before ended.
	Behind store.Cursor
	Limit  int
}

// wants tells whether an instance is asked for that matches the query's prefix.
func (q Query) wants(rec *record.Instance) bool {
	return len(q.Statuses) == 0 || slices.Contains(q.Statuses, rec.GetStatus())
}

func (q Query) bounds() (from, to int64) {
	to = math.MaxInt64
	if !q.From.IsZero() {
		from = q.From.UnixNano()
	}
	if !q.To.IsZero() {
		to = q.To.UnixNano()
	}
	return from, to
}

// pageTime is how long a page may take to fill. In a hub of millions a rare
// status would keep its caller waiting for the whole hub; so a page can be short,
// even empty, and say where the next one begins.
const pageTime = 250 * time.Millisecond

// pageBytes is how large a page may be; one state always goes. SDKs receive 4 MiB
// by default.
const pageBytes = 3 << 20

// Query returns the instances that match in the order of creation, and where the
// next page begins; the zero cursor means there is none.
func (h *Hub) Query(ctx context.Context, q Query) ([]*dtspb.OrchestrationState, store.Cursor, error) {
	var page []*dtspb.OrchestrationState
	var next, last store.Cursor
	from, to := q.bounds()
	began, looked, size := time.Now(), 0, 0
	err := h.opts.Store.Created(h.number, from, to, q.Behind, func(c store.Cursor) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, context.Cause(ctx)
		}
		if looked++; looked%64 == 0 && time.Since(began) > pageTime {
			next = last
			return false, nil
		}
		if !strings.HasPrefix(c.ID, q.Prefix) {
			last = c
			return true, nil
		}
		rec, err := h.opts.Store.Record(h.number, c.ID)
		if err != nil {
			return false, err
		}
		if rec == nil || rec.GetCreated() != c.Created || !q.wants(rec) {
			last = c
			return true, nil
		}
		if len(page) == q.Limit {
			next = last
			return false, nil
		}
		state, err := h.storedState(rec, q.Payloads)
		if size += proto.Size(state); size > pageBytes && len(page) > 0 {
			next = last
			return false, err
		}
		last = c
		page = append(page, state)
		return true, err
	})
	if err != nil {
		return nil, store.Cursor{}, err
	}
	return page, next, readable(ctx, h.opts.Store.Last())
}

// PurgeWhere deletes the ended instances that match and returns their number. It
// stops early when ctx ends or the budget is used up, and then is not complete.
func (h *Hub) PurgeWhere(ctx context.Context, q Query, recursive bool, budget time.Duration) (deleted int, complete bool, err error) {
	began := time.Now()
	complete = true
	from, to := q.bounds()
	err = h.opts.Store.Instances(h.number, from, to, q.Behind, func(rec *record.Instance) (bool, error) {
		if budget > 0 && time.Since(began) >= budget {
			complete = false
			return false, nil
		}
		if !strings.HasPrefix(rec.GetId(), q.Prefix) || !q.wants(rec) || !engine.Terminal(rec.GetStatus()) {
			return true, nil
		}
		n := 0
		_, err := h.decide(ctx, engine.Purge{ID: rec.GetId(), Recursive: recursive, Deleted: &n}, nil)
		deleted += n
		return true, err
	})
	if err == nil {
		err = h.Settle(ctx)
	}
	return deleted, complete, err
}

// History calls f with each committed event of an instance; false if there is no
// such instance. Execution, if not empty, must be the current one.
func (h *Hub) History(ctx context.Context, id, execution string, f func(*dtspb.HistoryEvent) bool) (bool, error) {
	for {
		rec, err := h.opts.Store.Record(h.number, id)
		if rec == nil || err != nil {
			return false, err
		}
		if execution != "" && execution != rec.GetExecutionId() {
			return false, nil
		}
		if err := readable(ctx, h.opts.Store.Last()); err != nil {
			return false, err
		}
		empty := true
		err = h.opts.Store.History(h.number, rec, func(e *dtspb.HistoryEvent) bool {
			empty = false
			return f(e)
		})
		if !empty || rec.GetTurn() == 0 || err != nil {
			return true, err
		}
		// The instance continued as new since its record was read.
	}
}

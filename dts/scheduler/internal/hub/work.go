package hub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/meter"
	"github.com/funchost/funchost/dts/scheduler/internal/planted"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

const (
	// A worker that can is told to stream a committed history that is larger.
	streamHistory = 1 << 20
	// One that cannot would fail to receive a turn with more history, the new
	// events included: SDKs receive 4 MiB by default.
	maxItem = 7 << 19
)

// Next returns the stream's next work item, nil if there is none now.
func (h *Hub) Next(ctx context.Context, s *dispatch.Stream) (*dtspb.WorkItem, error) {
	for {
		if item := s.Prepared(); item != nil {
			return item, nil
		}
		l := s.Take()
		if l == nil {
			return nil, nil
		}
		item, told, err := h.prepare(ctx, s, l)
		if err != nil {
			return nil, err
		}
		if item != nil && !postponed(told, func() { s.Ready(item) }) {
			return item, nil
		}
	}
}

// postponed calls f once a decision is on disk that a work item tells of, and reports
// false if that is so already. What was queued by one decision can tell of another
// that came after it: a worker would see what a power cut can undo.
func postponed(told *store.Commit, f func()) bool {
	return told != nil && !planted.Active(planted.DispatchBeforeCommit) && told.Then(f)
}

// prepare makes the work item of a lease, nil if there turned out to be nothing
// to hand out, and returns the newest batch that it tells of.
func (h *Hub) prepare(ctx context.Context, s *dispatch.Stream, l *dispatch.Lease) (item *dtspb.WorkItem, told *store.Commit, err error) {
	switch l.Item.Kind {
	case dispatch.Activity:
		item, err = h.activityItem(ctx, l)
	case dispatch.Entity:
		item, told, err = h.entityItem(ctx, l)
	default:
		item, told, err = h.turnItem(ctx, s, l)
	}
	if item != nil && err == nil {
		var poisoned bool
		if poisoned, err = h.countLosses(ctx, l); !poisoned && err == nil {
			h.opts.Meter.Handed(meter.Kind(l.Item.Kind), l.Granted.Sub(l.Item.Since))
			return item, told, nil
		}
	}
	switch {
	case errors.Is(err, engine.ErrStale):
		return nil, nil, nil // somebody else ended it meanwhile
	case errors.Is(err, store.ErrDamaged):
		// Its instance cannot be served. The others, and this worker, can.
		h.opts.Log.Error("work item is not handed out", "instance", l.Item.Key.ID, "error", err)
		h.Queue.Drop(l)
		return nil, nil, nil
	default:
		return nil, nil, err
	}
}

// countLosses notes a hand-out that may end the process, and ends a work item
// that has been lost with too many workers.
func (h *Hub) countLosses(ctx context.Context, l *dispatch.Lease) (poisoned bool, err error) {
	it := l.Item
	if it.Losses == 0 && !it.Recovered {
		return false, nil
	}
	if h.opts.MaxLosses == 0 || it.Losses < h.opts.MaxLosses {
		n := it.Losses
		if it.Recovered { // if the scheduler dies now, this hand-out was the loss
			n++
		}
		return false, h.opts.Store.PutLosses(h.number, it.Key, n)
	}
	f := &dtspb.TaskFailureDetails{
		ErrorType:      "PoisonWorkItem",
		ErrorMessage:   fmt.Sprintf("%s %q was lost with %d workers in a row: it probably ends the process that runs it", kindName(it.Kind), it.Name, it.Losses),
		IsNonRetriable: true,
	}
	h.opts.Log.Warn("work item is poison and is failed", "instance", it.Key.ID, "name", it.Name, "losses", it.Losses)
	switch it.Kind {
	case dispatch.Activity:
		return true, h.CompleteActivity(ctx, l, nil, f)
	case dispatch.Entity:
		return true, h.failEntity(ctx, l, f)
	default:
		return true, h.failTurn(ctx, l, f)
	}
}

func kindName(k dispatch.Kind) string {
	switch k {
	case dispatch.Activity:
		return "activity"
	case dispatch.Entity:
		return "entity"
	default:
		return "orchestrator"
	}
}

// failTurn ends the instance of a lease in the worker's place.
func (h *Hub) failTurn(ctx context.Context, l *dispatch.Lease, f *dtspb.TaskFailureDetails) error {
	_, err := h.decide(ctx, engine.Fail{ID: l.Item.Key.ID, Gen: l.Item.Key.Gen, Failure: f}, func() error { return h.accept(l) })
	return err
}

// activityItem makes the work item of an activity.
func (h *Hub) activityItem(ctx context.Context, l *dispatch.Lease) (*dtspb.WorkItem, error) {
	t := l.Item.Task
	scheduled := t.Task.GetScheduled()
	if f := checkItem(l.Item, bytesOfTask(scheduled)); f != nil {
		return nil, h.CompleteActivity(ctx, l, nil, f)
	}
	return &dtspb.WorkItem{
		CompletionToken: l.Token,
		Request: &dtspb.WorkItem_ActivityRequest{ActivityRequest: &dtspb.ActivityRequest{
			Name: scheduled.GetName(), Version: scheduled.GetVersion(), Input: scheduled.GetInput(),
			OrchestrationInstance: &dtspb.OrchestrationInstance{
				InstanceId: t.ID, ExecutionId: wrapperspb.String(t.Task.GetExecutionId()),
			},
			TaskId: t.TaskID, ParentTraceContext: scheduled.GetParentTraceContext(),
			Tags: maps.Clone(scheduled.GetTags()), // for user code that may be in this process
		}},
	}, nil
}

// turnItem takes the next turn of an instance for a worker.
func (h *Hub) turnItem(ctx context.Context, s *dispatch.Stream, l *dispatch.Lease) (*dtspb.WorkItem, *store.Commit, error) {
	request, told, tooLarge, err := h.deliver(s, l)
	if tooLarge != nil {
		return nil, nil, h.failTurn(ctx, l, tooLarge)
	}
	if request == nil || err != nil {
		return nil, nil, err
	}
	return &dtspb.WorkItem{
		CompletionToken: l.Token,
		Request:         &dtspb.WorkItem_OrchestratorRequest{OrchestratorRequest: request},
	}, told, nil
}

func (h *Hub) deliver(s *dispatch.Stream, l *dispatch.Lease) (_ *dtspb.OrchestratorRequest, told *store.Commit, tooLarge *dtspb.TaskFailureDetails, _ error) {
	e := h.lockOne(l.Item.Key.ID)
	defer h.unlockOne(e)
	if err := h.load(e); err != nil {
		return nil, nil, nil, err
	}
	now := time.Now()
	if e.in == nil || e.in.TurnKey() != l.Item.Key || !e.in.Deliverable(now) {
		h.Queue.Drop(l) // under the lock, so that a message that comes next queues it again
		return nil, nil, nil, nil
	}
	rec := e.in.Record
	events := e.in.Deliver(now)
	from, size := e.leaveOut(s)
	stream := size > streamHistory && s.Options().Streaming
	if stream {
		from = 0
	}
	news := e.in.DeliveredBytes()
	if f := checkItem(l.Item, news); f != nil {
		return nil, nil, f, nil
	}
	if size += news; !stream && size > maxItem {
		return nil, nil, &dtspb.TaskFailureDetails{
			ErrorType:      "HistoryTooLarge",
			ErrorMessage:   fmt.Sprintf("the history has %d bytes and the worker cannot stream it: use continue-as-new, or a worker that streams histories", size),
			IsNonRetriable: true,
		}, nil
	}
	h.Queue.Began(l, events[0])
	request := &dtspb.OrchestratorRequest{
		InstanceId:                e.id,
		ExecutionId:               wrapperspb.String(rec.GetExecutionId()),
		NewEvents:                 events,
		EntityParameters:          &dtspb.OrchestratorEntityParameters{EntityMessageReorderWindow: &durationpb.Duration{}},
		RequiresHistoryStreaming:  stream,
		OrchestrationTraceContext: rec.GetTrace(),
	}
	if !stream {
		// The events are history: nobody changes them any more, here or at a worker
		// in this process, so both may hold them.
		request.PastEvents = slices.Clip(e.in.History[from:])
	}
	if from > 0 {
		request.Properties = map[string]*structpb.Value{wire.PropertyPastFrom: structpb.NewNumberValue(float64(from))}
	}
	e.handed = handed{to: s, past: len(e.in.History), events: events}
	return request, e.last, nil, nil
}

// CompleteTurn commits the answer of a turn, engine.ErrStale if it is somebody
// else's by now.
func (h *Hub) CompleteTurn(ctx context.Context, l *dispatch.Lease, r *dtspb.OrchestratorResponse) error {
	if r.GetRequiresHistory() {
		h.Queue.Return(l)
		return nil
	}
	r, err := h.Queue.Part(l, r)
	if r == nil {
		return err
	}
	cmd := engine.Turn{ID: l.Item.Key.ID, Gen: l.Item.Key.Gen, Started: l.Started, Response: r}
	return h.finish(ctx, l, cmd)
}

// CompleteActivity records the outcome of an activity.
func (h *Hub) CompleteActivity(ctx context.Context, l *dispatch.Lease, result *wrapperspb.StringValue, f *dtspb.TaskFailureDetails) error {
	return h.finish(ctx, l, engine.ActivityDone{Task: l.Item.Key, Result: result, Failure: f})
}

// finish decides the answer of a lease and returns once it is on disk.
func (h *Hub) finish(ctx context.Context, l *dispatch.Lease, cmd engine.Command) error {
	commit, err := h.decide(ctx, cmd, func() error { return h.accept(l) })
	if err != nil {
		return err
	}
	h.opts.Meter.Answered(meter.Kind(l.Item.Kind), outcome(cmd), time.Since(l.Granted))
	if commit == nil {
		return nil
	}
	return decided(ctx, commit)
}

// Leave ends a worker's stream. What it had is handed out again; that is a loss
// unless the scheduler itself is what stops.
func (h *Hub) Leave(s *dispatch.Stream, stopping bool) {
	for _, it := range s.Close() {
		h.opts.Meter.Returned(meter.Kind(it.Kind), meter.Lost)
		if !stopping || !it.Recovered {
			continue
		}
		// The hand-out was noted as a loss in case it was the end of the process.
		if err := h.opts.Store.PutLosses(h.number, it.Key, it.Losses-1); err != nil {
			h.opts.Log.Warn("count of losses is too high by one", "instance", it.Key.ID, "error", err)
		}
	}
}

// accept takes the answer of a lease unless it came too late.
func (h *Hub) accept(l *dispatch.Lease) error {
	if !h.Queue.Accept(l) {
		return engine.ErrStale
	}
	if l.Item.Losses > 0 || l.Item.Recovered {
		return h.forgetLosses(l.Item.Key)
	}
	return nil
}

// maxRewinds is how many workers in a row may give back the request to rewind an
// instance. There are SDKs that do not know it.
const maxRewinds = 3

// Abandon gives a work item back. It is handed out again after a while, longer
// each time in a row.
func (h *Hub) Abandon(ctx context.Context, l *dispatch.Lease) error {
	times := h.Queue.Abandon(l)
	if times == 0 {
		return nil
	}
	h.opts.Meter.Returned(meter.Kind(l.Item.Kind), meter.Abandoned)
	h.later(abandonDelay(times), func() { h.Queue.Resume(l.Item) })
	if l.Item.Kind != dispatch.Orchestration || times < maxRewinds {
		return nil
	}
	commit, err := h.decide(ctx, engine.RewindFailed{ID: l.Item.Key.ID, Gen: l.Item.Key.Gen}, nil)
	if errors.Is(err, engine.ErrStale) {
		return nil // it is no rewind
	}
	if err != nil {
		return err
	}
	h.opts.Log.Warn("no worker could rewind the instance, it is failed again", "instance", l.Item.Key.ID)
	return decided(ctx, commit)
}

// abandonDelay is 0.2 s, doubled with each time up to 30 s, with a fifth of jitter.
func abandonDelay(times int) time.Duration {
	d := min(200*time.Millisecond<<min(times-1, 10), 30*time.Second)
	return d + rand.N(d/5)
}

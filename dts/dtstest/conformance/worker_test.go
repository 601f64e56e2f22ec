package conformance

import (
	"context"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// worker is a stream of work items, of which the scenario takes one after the
// other and answers as it likes.
type worker struct {
	w     *world
	items chan *dtspb.WorkItem // closed when the stream ends
	ended error                // why; to be read when items is closed
	kept  []*dtspb.WorkItem    // received, and not what was asked for yet
	lose  func()               // breaks the connection's stream, as a death of the worker does
}

// worker connects a worker that wants the functions of the scenario, and those
// with the names in more.
func (w *world) worker(more ...string) *worker {
	return w.workerWith(&dtspb.GetWorkItemsRequest{WorkItemFilters: w.filters(more...)})
}

func (w *world) filters(more ...string) *dtspb.WorkItemFilters {
	f := &dtspb.WorkItemFilters{}
	for _, name := range append([]string{w.orc, w.act, w.ent}, more...) {
		f.Orchestrations = append(f.Orchestrations, &dtspb.OrchestrationFilter{Name: name})
		f.Activities = append(f.Activities, &dtspb.ActivityFilter{Name: name})
		f.Entities = append(f.Entities, &dtspb.EntityFilter{Name: name})
	}
	return f
}

// workerWith connects a worker. Headers are pairs.
func (w *world) workerWith(r *dtspb.GetWorkItemsRequest, headers ...string) *worker {
	w.Helper()
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(w.ctx, headers...))
	stream, err := w.GetWorkItems(ctx, r)
	if err != nil {
		cancel()
		w.Fatalf("connect a worker: %v", err)
	}
	k := &worker{w: w, items: make(chan *dtspb.WorkItem, 1000)}
	k.lose = func() {
		cancel()
		for range k.items { // until the stream has ended
		}
	}
	w.Cleanup(k.lose)
	go func() {
		defer close(k.items)
		for {
			item, err := stream.Recv()
			if err != nil {
				k.ended = err
				return
			}
			k.items <- item
		}
	}()
	return k
}

// take returns the next work item that is wanted and keeps the others.
func (k *worker) take(what string, wanted func(*dtspb.WorkItem) bool) *dtspb.WorkItem {
	k.w.Helper()
	if i := slices.IndexFunc(k.kept, wanted); i >= 0 {
		item := k.kept[i]
		k.kept = slices.Delete(k.kept, i, i+1)
		return item
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case item, ok := <-k.items:
			switch {
			case !ok:
				k.w.Fatalf("the stream ended while it waited for %s: %v", what, k.ended)
			case item.GetHealthPing() != nil:
			case item.GetCompletionToken() == "":
				k.w.Fatalf("a work item without a token: %v", item)
			case wanted(item):
				return item
			default:
				k.kept = append(k.kept, item)
			}
		case <-late.C:
			k.w.Fatalf("no %s came, kept are %v", what, k.kept)
		}
	}
}

// wantEmpty checks that the stream is open and that nothing of it is left. It cannot
// know of what is on its way, so a scenario lets something come behind it first.
func (k *worker) wantEmpty() {
	k.w.Helper()
	for {
		select {
		case item, ok := <-k.items:
			if !ok {
				k.w.Errorf("the stream ended: %v", k.ended)
				return
			}
			if item.GetHealthPing() == nil {
				k.kept = append(k.kept, item)
			}
		default:
			if len(k.kept) > 0 {
				k.w.Errorf("more work items came than expected: %v", k.kept)
			}
			return
		}
	}
}

// wantEnd waits for the end of the stream. OK is io.EOF.
func (k *worker) wantEnd(code codes.Code, words string) {
	k.w.Helper()
	for range k.items {
	}
	if code == codes.OK && k.ended == io.EOF { //nolint:errorlint // Recv returns it bare
		return
	}
	k.w.wantCode(k.ended, code, words)
}

// turn is a turn of an orchestration at the worker.
type turn struct {
	*dtspb.OrchestratorRequest

	w     *world
	token string
}

// turn returns the next turn.
func (k *worker) turn() *turn {
	k.w.Helper()
	return k.turnIf("turn", func(*dtspb.OrchestratorRequest) bool { return true })
}

// turnOf returns the next turn of an instance.
func (k *worker) turnOf(id string) *turn {
	k.w.Helper()
	return k.turnIf("turn of "+id, func(r *dtspb.OrchestratorRequest) bool { return r.GetInstanceId() == id })
}

func (k *worker) turnIf(what string, wanted func(*dtspb.OrchestratorRequest) bool) *turn {
	k.w.Helper()
	item := k.take(what, func(i *dtspb.WorkItem) bool {
		return i.GetOrchestratorRequest() != nil && wanted(i.GetOrchestratorRequest())
	})
	t := &turn{OrchestratorRequest: item.GetOrchestratorRequest(), w: k.w, token: item.GetCompletionToken()}
	if len(t.GetNewEvents()) == 0 || t.GetNewEvents()[0].GetOrchestratorStarted() == nil {
		k.w.Fatalf("a turn whose new events do not begin with OrchestratorStarted: %v", t.GetNewEvents())
	}
	return t
}

// turnWith returns the instance's turn with an event of a kind; turns before it
// decide nothing. Messages that arrive one by one may come in one turn or in several.
func (k *worker) turnWith(id, kind string) *turn {
	k.w.Helper()
	for {
		t := k.turnOf(id)
		if slices.Contains(kinds(t.news()), kind) {
			return t
		}
		t.answer()
	}
}

// finish lets an instance complete with a result in its next turn.
func (k *worker) finish(id, result string) {
	k.w.Helper()
	k.turnOf(id).answer(complete(9, result))
}

// news are the new events behind OrchestratorStarted.
func (t *turn) news() []*dtspb.HistoryEvent { return t.GetNewEvents()[1:] }

// now is the clock of the turn.
func (t *turn) now() time.Time { return t.GetNewEvents()[0].GetTimestamp().AsTime() }

// response is an answer of the turn, to be changed.
func (t *turn) response(actions ...*dtspb.OrchestratorAction) *dtspb.OrchestratorResponse {
	return &dtspb.OrchestratorResponse{InstanceId: t.GetInstanceId(), CompletionToken: t.token, Actions: actions}
}

// answer commits the turn.
func (t *turn) answer(actions ...*dtspb.OrchestratorAction) {
	t.w.Helper()
	call(t.w, t.w.CompleteOrchestratorTask, t.response(actions...))
}

// tooLate checks that the turn is somebody else's by now.
func (t *turn) tooLate() {
	t.w.Helper()
	refused(t.w, codes.NotFound, "not found", t.w.CompleteOrchestratorTask, t.response(complete(9, "late")))
}

// activity is an activity at the worker.
type activity struct {
	*dtspb.ActivityRequest

	w     *world
	token string
}

// activity returns the next activity.
func (k *worker) activity() *activity {
	k.w.Helper()
	item := k.take("activity", func(i *dtspb.WorkItem) bool { return i.GetActivityRequest() != nil })
	return &activity{ActivityRequest: item.GetActivityRequest(), w: k.w, token: item.GetCompletionToken()}
}

func (a *activity) response() *dtspb.ActivityResponse {
	return &dtspb.ActivityResponse{InstanceId: a.GetOrchestrationInstance().GetInstanceId(), TaskId: a.GetTaskId(), CompletionToken: a.token}
}

// answer tells the activity's result.
func (a *activity) answer(result string) {
	a.w.Helper()
	r := a.response()
	r.Result = text(result)
	call(a.w, a.w.CompleteActivityTask, r)
}

// fail tells the activity's failure.
func (a *activity) fail(f *dtspb.TaskFailureDetails) {
	a.w.Helper()
	r := a.response()
	r.FailureDetails = f
	call(a.w, a.w.CompleteActivityTask, r)
}

// tooLate checks that the activity is somebody else's by now.
func (a *activity) tooLate() {
	a.w.Helper()
	refused(a.w, codes.NotFound, "not found", a.w.CompleteActivityTask, a.response())
}

// batch is a batch of operations of an entity at the worker.
type batch struct {
	*dtspb.EntityRequest

	w     *world
	token string
}

// batch returns the next batch.
func (k *worker) batch() *batch {
	k.w.Helper()
	item := k.take("batch of an entity", func(i *dtspb.WorkItem) bool { return i.GetEntityRequestV2() != nil })
	return &batch{EntityRequest: item.GetEntityRequestV2(), w: k.w, token: item.GetCompletionToken()}
}

// response has a state and a success without a result for each operation.
func (b *batch) response(state string) *dtspb.EntityBatchResult {
	r := &dtspb.EntityBatchResult{CompletionToken: b.token, EntityState: text(state)}
	for range b.GetOperationRequests() {
		r.Results = append(r.Results, succeeded(nil))
	}
	return r
}

// answer commits the batch with the state; actions are what the operations did beside.
func (b *batch) answer(state string, actions ...*dtspb.OperationAction) {
	b.w.Helper()
	r := b.response(state)
	r.Actions = actions
	call(b.w, b.w.CompleteEntityTask, r)
}

// tooLate checks that the batch is somebody else's by now.
func (b *batch) tooLate() {
	b.w.Helper()
	refused(b.w, codes.NotFound, "not found", b.w.CompleteEntityTask, b.response("late"))
}

// operations are the inputs of the batch's operations.
func (b *batch) operations() (inputs []string) {
	for _, e := range b.GetOperationRequests() {
		if s := e.GetEntityOperationSignaled(); s != nil {
			inputs = append(inputs, s.GetInput().GetValue())
		} else {
			inputs = append(inputs, e.GetEntityOperationCalled().GetInput().GetValue())
		}
	}
	return inputs
}

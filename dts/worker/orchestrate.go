package worker

import (
	"context"
	"errors"
	"io"
	"runtime/debug"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/large"
	"github.com/funchost/funchost/dts/worker/internal/replay"
)

// errNoStart is a history that no orchestrator can be run for.
var errNoStart = errors.New("the history has no start of the execution")

// orchestrate runs one turn and answers.
func (r *run) orchestrate(l *lease, req *dtspb.OrchestratorRequest) {
	defer r.end(l)
	answer, err := r.turn(l, req)
	if err != nil {
		if r.work.Err() == nil && status.Code(err) != codes.NotFound && !errors.Is(err, errVersion) {
			r.log.Error("orchestrator turn did not happen, abandoning it", keyInstance, l.instance, keyError, err)
		}
		if l.claim() {
			r.abandon(l)
		}
		return
	}
	if !r.answerOrchestrator(l, split(answer)) {
		r.warm.forget(l)
	}
}

// turn brings the orchestrator of an item as far as it goes and returns what to
// answer. When it returns, nothing of the orchestrator runs any more: the next turn
// of the instance may start elsewhere as soon as the answer is out.
func (r *run) turn(l *lease, req *dtspb.OrchestratorRequest) (*dtspb.OrchestratorResponse, error) {
	answer := &dtspb.OrchestratorResponse{
		InstanceId:                req.GetInstanceId(),
		CompletionToken:           l.token,
		OrchestrationTraceContext: req.GetOrchestrationTraceContext(),
	}
	p, past, err := r.resume(l, req)
	if err != nil {
		return nil, err
	}
	if p == nil {
		if action, ok := replay.Rewind(past, req.GetNewEvents(), newID); ok {
			answer.Actions = []*dtspb.OrchestratorAction{action}
			return answer, nil
		}
		started := startOf(past, req.GetNewEvents())
		if started == nil {
			return nil, errNoStart
		}
		if problem := r.versioning.refuse(started.GetName(), started.GetVersion().GetValue()); problem != nil {
			if !r.versioning.Fail {
				return nil, errVersion
			}
			answer.Actions = []*dtspb.OrchestratorAction{failed(nextID(nil), problem)}
			return answer, nil
		}
		p = &parked{
			turn: replay.New(&r.replay, l, req.GetInstanceId(), req.GetExecutionId().GetValue()),
			name: started.GetName(), execution: req.GetExecutionId().GetValue(),
		}
	}
	kept := false
	defer func() {
		if !kept {
			r.warm.drop(p)
		}
	}()
	fresh := req.GetNewEvents()
	if past, fresh, err = r.fetchTurn(past, fresh); errors.Is(err, large.ErrGone) {
		answer.Actions = []*dtspb.OrchestratorAction{failed(nextID(nil), lost(err))}
		return answer, nil
	} else if err != nil {
		return nil, err
	}
	defer r.watchTurn(l, p.name)()
	p.apply(past, fresh)
	p.fresh = req.GetNewEvents() // as they came, with tokens: the next history has them like that
	answer.Actions, answer.CustomStatus = p.turn.Actions(), p.turn.CustomStatus()
	if err := r.storeAnswer(answer); err != nil {
		return nil, err
	}
	problem := check(r.payloads.Limit(), answer)
	if problem != nil {
		answer.CustomStatus = nil
		answer.Actions = []*dtspb.OrchestratorAction{failed(nextID(answer.Actions), problem)}
	}
	if n := len(answer.Actions); n > 0 { // an end is the last action
		end := answer.Actions[n-1].GetCompleteOrchestration()
		r.note(keyOrchestrator, p.name, l.instance, end.GetFailureDetails())
	}
	kept = problem == nil && p.turn.Rests() && r.warm.park(l, p)
	return answer, nil
}

// resume returns the turn that is kept of the item's instance and the past events
// that it has not seen. If there is none, or the item does not go on where it stands,
// the turn is nil and the events are the whole past.
func (r *run) resume(l *lease, req *dtspb.OrchestratorRequest) (*parked, []*dtspb.HistoryEvent, error) {
	p := r.warm.take(l, req.GetInstanceId())
	if p != nil && p.continues(req) {
		p.turn.Resume(l)
		return p, req.GetPastEvents(), nil
	}
	past := req.GetPastEvents()
	if req.GetRequiresHistoryStreaming() || pastFrom(req) > 0 {
		var err error
		if past, err = r.history(r.calls, req); err != nil {
			r.warm.drop(p)
			return nil, nil, err
		}
	}
	if p != nil && p.repeats(req, past) {
		p.turn.Resume(l)
		return p, past[p.seen:], nil
	}
	r.warm.drop(p)
	return nil, past, nil
}

// history fetches the past of a turn that was too long to come with it.
func (r *run) history(ctx context.Context, req *dtspb.OrchestratorRequest) ([]*dtspb.HistoryEvent, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var id *wrapperspb.StringValue
	if req.GetExecutionId() != nil {
		id = wrapperspb.String(req.GetExecutionId().GetValue())
	}
	chunks, err := r.rpc.StreamInstanceHistory(ctx, &dtspb.StreamInstanceHistoryRequest{
		InstanceId: req.GetInstanceId(), ExecutionId: id, ForWorkItemProcessing: true,
	})
	if err != nil {
		return nil, err
	}
	var events []*dtspb.HistoryEvent
	for {
		chunk, err := chunks.Recv()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		events = append(events, chunk.GetEvents()...)
	}
}

func stack() string { return string(debug.Stack()) }

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
	r.answerOrchestrator(l, split(answer))
}

// turn replays the history of an item and returns what to answer. When it
// returns, nothing of the orchestrator runs any more: the next turn of the
// instance may start elsewhere as soon as the answer is out.
func (r *run) turn(l *lease, req *dtspb.OrchestratorRequest) (*dtspb.OrchestratorResponse, error) {
	past := req.GetPastEvents()
	if req.GetRequiresHistoryStreaming() {
		var err error
		if past, err = r.history(r.calls, req); err != nil {
			return nil, err
		}
	}
	answer := &dtspb.OrchestratorResponse{
		InstanceId:                req.GetInstanceId(),
		CompletionToken:           l.token,
		OrchestrationTraceContext: req.GetOrchestrationTraceContext(),
	}
	if action, ok := replay.Rewind(past, req.GetNewEvents(), newID); ok {
		answer.Actions = []*dtspb.OrchestratorAction{action}
		return answer, nil
	}
	defer r.watchTurn(l, past, req.GetNewEvents())()
	if r.versioning.Match != MatchAny {
		started := startOf(past, req.GetNewEvents())
		if problem := r.versioning.refuse(started.GetName(), started.GetVersion().GetValue()); problem != nil && started != nil {
			if !r.versioning.Fail {
				return nil, errVersion
			}
			answer.Actions = []*dtspb.OrchestratorAction{failed(nextID(nil), problem)}
			return answer, nil
		}
	}
	t := replay.New(&r.replay, l, req.GetInstanceId(), req.GetExecutionId().GetValue())
	defer t.Close()
	t.Apply(past, true)
	t.Apply(req.GetNewEvents(), false)
	if !t.Started() {
		return nil, errNoStart
	}
	answer.Actions, answer.CustomStatus = t.Actions(), t.CustomStatus()
	if problem := check(answer); problem != nil {
		answer.CustomStatus = nil
		answer.Actions = []*dtspb.OrchestratorAction{failed(nextID(answer.Actions), problem)}
	}
	if n := len(answer.Actions); n > 0 { // an end is the last action
		end := answer.Actions[n-1].GetCompleteOrchestration()
		r.note(keyOrchestrator, t.Start().GetName(), l.instance, end.GetFailureDetails())
	}
	return answer, nil
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

package worker

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// A completion that meets a passing problem is tried again: the work is done and
// only the answer is missing.
const (
	answerAttempts  = 10
	firstRetry      = 200 * time.Millisecond
	lastRetry       = 15 * time.Second
	retryJitter     = 0.2
	abandonDeadline = 5 * time.Second
)

// answerActivity sends the outcome of an activity.
func (r *run) answerActivity(l *lease, answer *dtspb.ActivityResponse) {
	if !l.claim() {
		return
	}
	complete := func(answer *dtspb.ActivityResponse) sending {
		return func(ctx context.Context) error {
			_, err := r.rpc.CompleteActivityTask(ctx, answer)
			return err
		}
	}
	r.deliver(l, complete(answer), func(f *dtspb.TaskFailureDetails) sending {
		return complete(&dtspb.ActivityResponse{InstanceId: answer.InstanceId, TaskId: answer.TaskId, CompletionToken: l.token, FailureDetails: f})
	})
}

// answerEntity sends the outcome of a batch of operations.
func (r *run) answerEntity(l *lease, answer *dtspb.EntityBatchResult) {
	if l.claim() {
		r.deliver(l, func(ctx context.Context) error {
			_, err := r.rpc.CompleteEntityTask(ctx, answer)
			return err
		}, nil)
	}
}

// answerOrchestrator sends the outcome of a turn, in one part or several.
func (r *run) answerOrchestrator(l *lease, parts []*dtspb.OrchestratorResponse) (ok bool) {
	if !l.claim() {
		return false
	}
	complete := func(part *dtspb.OrchestratorResponse) sending {
		return func(ctx context.Context) error {
			_, err := r.rpc.CompleteOrchestratorTask(ctx, part)
			return err
		}
	}
	for _, part := range parts {
		if !r.deliver(l, complete(part), func(f *dtspb.TaskFailureDetails) sending {
			return complete(&dtspb.OrchestratorResponse{
				InstanceId: l.instance, CompletionToken: l.token,
				Actions: []*dtspb.OrchestratorAction{failed(nextID(part.Actions), f)},
			})
		}) {
			return false
		}
	}
	return true
}

// sending is one attempt to answer.
type sending func(context.Context) error

// deliver calls send until it succeeds and reports whether it did. An answer that
// the scheduler refuses would be refused after the next run too: then the failure
// is sent in its place, if there can be one. An item that cannot be answered is
// abandoned, unless it is no longer ours.
func (r *run) deliver(l *lease, send sending, instead func(*dtspb.TaskFailureDetails) sending) bool {
	for attempt := 0; ; attempt++ {
		err := send(r.calls)
		switch {
		case err == nil:
			return true
		case status.Code(err) == codes.NotFound:
			// The stream died in the meantime and somebody else has the item, or the
			// answer before this one did arrive.
			r.log.Debug("answer came too late", keyInstance, l.instance)
			return false
		case r.work.Err() != nil: // the drain budget is spent
			r.abandon(l)
			return false
		case refused(err) && instead != nil:
			r.log.Error("scheduler refuses an answer, failing the work item", keyInstance, l.instance, keyError, err)
			r.deliver(l, instead(refusal(typeRefused, "the scheduler refused the answer: "+cut(status.Convert(err).Message(), maxMessage))), nil)
			return false
		case !passing(err) || attempt+1 == answerAttempts:
			r.log.Error("work item cannot be answered, abandoning it", keyInstance, l.instance, keyAttempt, attempt+1, keyError, err)
			r.abandon(l)
			return false
		}
		pause := min(lastRetry, firstRetry<<attempt)
		sleep(r.work, pause+time.Duration(retryJitter*r.jitter()*float64(pause)))
	}
}

// refused reports whether the scheduler has looked at the answer and will not
// have it, or the connection cannot carry it.
func refused(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument:
		return true
	case codes.Internal: // how gRPC tells of text that is not UTF-8
		return strings.HasPrefix(status.Convert(err).Message(), "grpc: error while marshaling")
	}
	return false
}

// passing reports whether the same call can succeed later.
func passing(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.Unknown, codes.DeadlineExceeded, codes.Internal:
		return true
	}
	return false
}

// abandon gives an item back, to be handed out again at once. The scheduler
// would notice anyway when the stream ends, so an error changes nothing.
func (r *run) abandon(l *lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.calls), abandonDeadline)
	defer cancel()
	var err error
	switch l.kind {
	case orchestratorItem:
		_, err = r.rpc.AbandonTaskOrchestratorWorkItem(ctx, &dtspb.AbandonOrchestrationTaskRequest{CompletionToken: l.token})
	case activityItem:
		_, err = r.rpc.AbandonTaskActivityWorkItem(ctx, &dtspb.AbandonActivityTaskRequest{CompletionToken: l.token})
	case entityItem:
		_, err = r.rpc.AbandonTaskEntityWorkItem(ctx, &dtspb.AbandonEntityTaskRequest{CompletionToken: l.token})
	}
	if err != nil {
		r.log.Debug("abandon work item", keyInstance, l.instance, keyError, err)
	}
}

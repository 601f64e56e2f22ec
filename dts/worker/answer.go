package worker

import (
	"context"
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
	if l.claim() {
		r.deliver(l, func(ctx context.Context) error {
			_, err := r.rpc.CompleteActivityTask(ctx, answer)
			return err
		})
	}
}

// answerEntity sends the outcome of a batch of operations.
func (r *run) answerEntity(l *lease, answer *dtspb.EntityBatchResult) {
	if l.claim() {
		r.deliver(l, func(ctx context.Context) error {
			_, err := r.rpc.CompleteEntityTask(ctx, answer)
			return err
		})
	}
}

// answerOrchestrator sends the outcome of a turn, in one part or several.
func (r *run) answerOrchestrator(l *lease, parts []*dtspb.OrchestratorResponse) {
	if !l.claim() {
		return
	}
	for _, part := range parts {
		ok := r.deliver(l, func(ctx context.Context) error {
			_, err := r.rpc.CompleteOrchestratorTask(ctx, part)
			return err
		})
		if !ok {
			return
		}
	}
}

// deliver calls send until it succeeds and reports whether it did. An item that
// cannot be answered is abandoned, unless it is no longer ours.
func (r *run) deliver(l *lease, send func(context.Context) error) bool {
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
		case !passing(err) || attempt+1 == answerAttempts:
			r.log.Error("work item cannot be answered, abandoning it", keyInstance, l.instance, keyAttempt, attempt+1, keyError, err)
			r.abandon(l)
			return false
		}
		pause := min(lastRetry, firstRetry<<attempt)
		sleep(r.work, pause+time.Duration(retryJitter*r.jitter()*float64(pause)))
	}
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

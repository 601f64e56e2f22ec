package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

const (
	helloTimeout = 30 * time.Second
	// silence is how long a stream may say nothing. The scheduler sends a ping
	// much more often, so a longer silence is a connection that died unnoticed.
	silence = 120 * time.Second
)

var (
	errSilent = errors.New("the scheduler said nothing for 120s")
	errClosed = errors.New("the scheduler closed the stream")
)

// pull takes items until ctx ends, through every loss of the connection.
func (r *run) pull(ctx context.Context) {
	for attempt := 0; ctx.Err() == nil; attempt++ {
		heard, err := r.stream(ctx)
		if ctx.Err() != nil {
			return
		}
		if heard {
			attempt = 0
		}
		pause := r.backoff(attempt)
		r.log.Warn("no work items, connecting again", keyError, err, keyAttempt, attempt, keyDuration, pause)
		sleep(ctx, pause)
	}
}

// Bounds of the pause between two connections. The whole of it is random, so
// that workers do not come back all at once when a scheduler does.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

func (w *Worker) backoff(attempt int) time.Duration {
	return time.Duration(w.jitter() * float64(min(lastPause, firstPause<<min(attempt, 5))))
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// stream connects and takes items until the stream ends, which it does not do by
// itself when ctx ends: see drain. It reports whether anything arrived.
func (r *run) stream(ctx context.Context) (heard bool, _ error) {
	hello, cancel := context.WithTimeout(ctx, helloTimeout)
	_, err := r.rpc.Hello(hello, &emptypb.Empty{})
	cancel()
	if err != nil {
		return false, explain(err)
	}
	ctx, stop := context.WithCancelCause(r.link)
	defer stop(nil)
	items, err := r.rpc.GetWorkItems(r.warm.announce(ctx), r.request())
	if err != nil {
		return false, explain(err)
	}
	watchdog := time.AfterFunc(silence, func() { stop(errSilent) })
	defer watchdog.Stop()
	for {
		item, err := items.Recv()
		switch {
		case err == nil:
		case errors.Is(context.Cause(ctx), errSilent):
			return heard, errSilent
		case errors.Is(err, io.EOF):
			return heard, errClosed
		default:
			return heard, explain(err)
		}
		watchdog.Reset(silence)
		if !heard {
			heard = true
			r.log.Info("worker connected")
			r.heard.Do(func() { close(r.ready) })
		}
		r.accept(item)
	}
}

func (r *run) request() *dtspb.GetWorkItemsRequest {
	return &dtspb.GetWorkItemsRequest{
		MaxConcurrentOrchestrationWorkItems: int32(r.orchestrations),
		MaxConcurrentActivityWorkItems:      int32(r.activities),
		MaxConcurrentEntityWorkItems:        int32(r.entities),
		Capabilities:                        r.capabilities(),
		WorkItemFilters:                     r.registry.filters(r.versioning),
	}
}

// accept starts the work on one item. How many run at once is bounded by the
// windows of the request: the scheduler sends no more before it has answers.
func (r *run) accept(item *dtspb.WorkItem) {
	token := item.GetCompletionToken()
	switch k := item.GetRequest().(type) {
	case *dtspb.WorkItem_OrchestratorRequest:
		if l := r.begin(orchestratorItem, token, k.OrchestratorRequest.GetInstanceId()); l != nil {
			r.hands.do(func() { r.orchestrate(l, k.OrchestratorRequest) })
		}
	case *dtspb.WorkItem_ActivityRequest:
		if l := r.begin(activityItem, token, k.ActivityRequest.GetOrchestrationInstance().GetInstanceId()); l != nil {
			r.hands.do(func() { r.activity(l, k.ActivityRequest) })
		}
	case *dtspb.WorkItem_EntityRequest:
		if l := r.begin(entityItem, token, k.EntityRequest.GetInstanceId()); l != nil {
			r.hands.do(func() { r.entity(l, k.EntityRequest.GetEntityState(), oldOperations(k.EntityRequest.GetOperations())) })
		}
	case *dtspb.WorkItem_EntityRequestV2:
		if l := r.begin(entityItem, token, k.EntityRequestV2.GetInstanceId()); l != nil {
			r.hands.do(func() {
				r.entity(l, k.EntityRequestV2.GetEntityState(), operations(k.EntityRequestV2.GetOperationRequests()))
			})
		}
	case *dtspb.WorkItem_HealthPing: // being heard was its purpose
	default:
		r.log.Warn("work item of a kind that this worker does not know; a newer version may")
	}
}

// explain adds the way out to errors that a person has to act on.
func explain(err error) error {
	switch status.Code(err) {
	case codes.NotFound:
		return fmt.Errorf("the task hub does not exist; check TaskHub in the connection string: %w", err)
	case codes.Unauthenticated, codes.PermissionDenied:
		return fmt.Errorf("the scheduler does not accept this worker; check Authentication in the connection string and the role of the identity: %w", err)
	}
	return err
}

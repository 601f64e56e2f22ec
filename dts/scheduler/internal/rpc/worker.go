package rpc

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
	"github.com/funchost/funchost/dts/scheduler/internal/planted"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// defaultWindow is how many items of a kind a worker gets at once that names no
// number; JavaScript's names none.
const defaultWindow = 100

// pingEvery keeps streams audibly alive: SDKs give up on a silent one after two
// minutes.
const pingEvery = 30 * time.Second

// GetWorkItems hands out work until the worker goes or the server stops.
func (s *sidecar) GetWorkItems(r *dtspb.GetWorkItemsRequest, stream grpc.ServerStreamingServer[dtspb.WorkItem]) error {
	ctx := stream.Context()
	h, err := hubOf(ctx, s.hubs)
	if err != nil {
		return err
	}
	st := h.Queue.Open(streamOptions(ctx, r))
	stopping := func() bool { return s.hubs.Stopping().Err() != nil }
	defer func() { h.Leave(st, stopping()) }()
	if err := s.handOut(h, st, stream); !stopping() {
		return err
	}
	return nil // a server that stops may have cancelled the stream already
}

func (s *sidecar) handOut(h *hub.Hub, st *dispatch.Stream, stream grpc.ServerStreamingServer[dtspb.WorkItem]) error {
	ctx := stream.Context()
	ping := &dtspb.WorkItem{Request: &dtspb.WorkItem_HealthPing{HealthPing: &dtspb.HealthPing{}}}
	// The first message tells the worker that it is connected.
	if err := stream.Send(ping); err != nil {
		return err
	}
	every := time.NewTicker(pingEvery)
	defer every.Stop()
	for {
		item, err := h.Next(ctx, st)
		if err != nil {
			return answer(err)
		}
		if item != nil {
			if err := stream.Send(item); err != nil {
				return err
			}
			continue
		}
		select {
		case <-st.More():
		case <-every.C:
			if err := stream.Send(ping); err != nil {
				return err
			}
		case <-s.hubs.Stopping().Done():
			return nil
		case <-h.Gone():
			return answer(store.ErrHubGone)
		case <-ctx.Done():
			return answer(context.Cause(ctx))
		}
	}
}

func streamOptions(ctx context.Context, r *dtspb.GetWorkItemsRequest) dispatch.StreamOptions {
	o := dispatch.StreamOptions{}
	o.Window[dispatch.Orchestration] = window(r.GetMaxConcurrentOrchestrationWorkItems())
	o.Window[dispatch.Activity] = window(r.GetMaxConcurrentActivityWorkItems())
	o.Window[dispatch.Entity] = window(r.GetMaxConcurrentEntityWorkItems())
	for _, c := range r.GetCapabilities() {
		o.Streaming = o.Streaming || c == dtspb.WorkerCapability_WORKER_CAPABILITY_HISTORY_STREAMING
	}
	if f := r.GetWorkItemFilters(); f != nil {
		o.Filters[dispatch.Orchestration] = filterOf(f.GetOrchestrations())
		o.Filters[dispatch.Activity] = filterOf(f.GetActivities())
		o.Filters[dispatch.Entity] = &dispatch.Filter{Names: make(map[string][]string, len(f.GetEntities()))}
		for _, e := range f.GetEntities() {
			o.Filters[dispatch.Entity].Names[strings.ToLower(e.GetName())] = nil
		}
	}
	md, _ := metadata.FromIncomingContext(ctx)
	o.WorkerID, o.Warm = workerOf(ctx), len(md.Get(wire.HeaderWarm)) > 0
	return o
}

// workerOf returns the id that a worker calls itself, empty if it has none.
func workerOf(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if v := md.Get(wire.HeaderWorkerID); len(v) > 0 {
		return v[0]
	}
	return ""
}

func window(n int32) int {
	if n <= 0 {
		return defaultWindow
	}
	return int(n)
}

func filterOf[F interface {
	GetName() string
	GetVersions() []string
}](entries []F) *dispatch.Filter {
	f := &dispatch.Filter{Names: make(map[string][]string, len(entries))}
	for _, e := range entries {
		versions, known := f.Names[e.GetName()]
		switch {
		case len(e.GetVersions()) == 0 || known && len(versions) == 0:
			f.Names[e.GetName()] = nil // any version
		default:
			f.Names[e.GetName()] = append(versions, e.GetVersions()...)
		}
	}
	return f
}

// lease finds the lease of an answer by its token or, for a worker that echoes
// none, by find. Done tells that the same answer was taken before and is on disk.
func (s *sidecar) lease(ctx context.Context, kind dispatch.Kind, token string, find func(*dispatch.Queue) *dispatch.Lease) (h *hub.Hub, l *dispatch.Lease, done bool, err error) {
	if h, err = hubOf(ctx, s.hubs); err != nil {
		return nil, nil, false, err
	}
	if token == "" || planted.Active(planted.TokenUnchecked) {
		l = find(h.Queue)
	} else {
		l, done = h.Queue.Find(token)
	}
	if done {
		return h, nil, true, h.Settle(ctx)
	}
	if l == nil || l.Item.Kind != kind {
		return nil, nil, false, stale(token)
	}
	return h, l, false, nil
}

// stale answers for work that is somebody else's by now. NOT_FOUND makes
// workers give up; anything else would make them repeat it.
func stale(token string) error {
	return status.Errorf(codes.NotFound, "work item %q not found: it was handed to another worker or the scheduler was restarted", token)
}

func (s *sidecar) CompleteOrchestratorTask(ctx context.Context, r *dtspb.OrchestratorResponse) (*dtspb.CompleteTaskResponse, error) {
	h, l, done, err := s.lease(ctx, dispatch.Orchestration, r.GetCompletionToken(), func(q *dispatch.Queue) *dispatch.Lease {
		return q.FindTurn(r.GetInstanceId())
	})
	if err == nil && !done {
		err = h.CompleteTurn(ctx, l, r)
	}
	return &dtspb.CompleteTaskResponse{}, completed(err, r.GetCompletionToken())
}

func (s *sidecar) CompleteActivityTask(ctx context.Context, r *dtspb.ActivityResponse) (*dtspb.CompleteTaskResponse, error) {
	h, l, done, err := s.lease(ctx, dispatch.Activity, r.GetCompletionToken(), func(q *dispatch.Queue) *dispatch.Lease {
		return q.FindTask(r.GetInstanceId(), r.GetTaskId())
	})
	if err == nil && !done {
		err = h.CompleteActivity(ctx, l, r.GetResult(), r.GetFailureDetails())
	}
	return &dtspb.CompleteTaskResponse{}, completed(err, r.GetCompletionToken())
}

func completed(err error, token string) error {
	if err == engine.ErrStale { //nolint:errorlint // decisions return it bare
		return stale(token)
	}
	return answer(err)
}

func (s *sidecar) CompleteEntityTask(ctx context.Context, r *dtspb.EntityBatchResult) (*dtspb.CompleteTaskResponse, error) {
	h, l, done, err := s.lease(ctx, dispatch.Entity, r.GetCompletionToken(), func(*dispatch.Queue) *dispatch.Lease {
		return nil // a result does not say whose it is
	})
	if err == nil && !done {
		err = h.CompleteEntity(ctx, l, r)
	}
	return &dtspb.CompleteTaskResponse{}, completed(err, r.GetCompletionToken())
}

func (s *sidecar) AbandonTaskOrchestratorWorkItem(ctx context.Context, r *dtspb.AbandonOrchestrationTaskRequest) (*dtspb.AbandonOrchestrationTaskResponse, error) {
	return &dtspb.AbandonOrchestrationTaskResponse{}, s.abandon(ctx, r.GetCompletionToken())
}

func (s *sidecar) AbandonTaskActivityWorkItem(ctx context.Context, r *dtspb.AbandonActivityTaskRequest) (*dtspb.AbandonActivityTaskResponse, error) {
	return &dtspb.AbandonActivityTaskResponse{}, s.abandon(ctx, r.GetCompletionToken())
}

func (s *sidecar) AbandonTaskEntityWorkItem(ctx context.Context, r *dtspb.AbandonEntityTaskRequest) (*dtspb.AbandonEntityTaskResponse, error) {
	return &dtspb.AbandonEntityTaskResponse{}, s.abandon(ctx, r.GetCompletionToken())
}

// abandon gives a work item back; an unknown token is fine, the item is not the
// caller's then.
func (s *sidecar) abandon(ctx context.Context, token string) error {
	h, err := hubOf(ctx, s.hubs)
	if err != nil {
		return err
	}
	if l, _ := h.Queue.Find(token); l != nil {
		return answer(h.Abandon(ctx, l))
	}
	return nil
}

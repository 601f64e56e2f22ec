package rpc

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// do checks the id, finds the hub and lets it decide a command.
func (s *sidecar) do(ctx context.Context, id string, cmd engine.Command) error {
	if err := checkID(id); err != nil {
		return err
	}
	h, err := hubOf(ctx, s.hubs)
	if err != nil {
		return err
	}
	return answer(h.Do(ctx, cmd))
}

func (s *sidecar) StartInstance(ctx context.Context, r *dtspb.CreateInstanceRequest) (*dtspb.CreateInstanceResponse, error) {
	if r.GetInstanceId() == "" {
		r.InstanceId = hub.NewID()
	}
	if err := engine.CheckInstanceID(r.GetInstanceId()); err != nil {
		return nil, invalid("%v", err)
	}
	if err := checkName("orchestrator name", r.GetName()); err != nil {
		return nil, err
	}
	if err := cmp.Or(engine.CheckName("version", r.GetVersion().GetValue()), engine.CheckTags(r.GetTags()), engine.CheckTrace(r.GetParentTraceContext())); err != nil {
		return nil, invalid("%v", err)
	}
	if err := checkPayload("input", r.GetInput()); err != nil {
		return nil, err
	}
	if err := checkTime("scheduledStartTimestamp", r.GetScheduledStartTimestamp()); err != nil {
		return nil, err
	}
	if err := s.do(ctx, r.GetInstanceId(), engine.Start{Request: r, RequestID: requestOf(ctx)}); err != nil {
		return nil, err
	}
	return &dtspb.CreateInstanceResponse{InstanceId: r.GetInstanceId()}, nil
}

func (s *sidecar) RaiseEvent(ctx context.Context, r *dtspb.RaiseEventRequest) (*dtspb.RaiseEventResponse, error) {
	if err := checkName("event name", r.GetName()); err != nil {
		return nil, err
	}
	if err := checkPayload("event payload", r.GetInput()); err != nil {
		return nil, err
	}
	err := s.do(ctx, r.GetInstanceId(), engine.Raise{ID: r.GetInstanceId(), Name: r.GetName(), Input: r.GetInput()})
	return &dtspb.RaiseEventResponse{}, err
}

func (s *sidecar) TerminateInstance(ctx context.Context, r *dtspb.TerminateRequest) (*dtspb.TerminateResponse, error) {
	if err := checkPayload("output", r.GetOutput()); err != nil {
		return nil, err
	}
	err := s.do(ctx, r.GetInstanceId(), engine.Terminate{ID: r.GetInstanceId(), Output: r.GetOutput(), Recursive: r.GetRecursive()})
	return &dtspb.TerminateResponse{}, err
}

func (s *sidecar) SuspendInstance(ctx context.Context, r *dtspb.SuspendRequest) (*dtspb.SuspendResponse, error) {
	if err := checkPayload("reason", r.GetReason()); err != nil {
		return nil, err
	}
	err := s.do(ctx, r.GetInstanceId(), engine.Suspend{ID: r.GetInstanceId(), Reason: r.GetReason()})
	return &dtspb.SuspendResponse{}, err
}

func (s *sidecar) ResumeInstance(ctx context.Context, r *dtspb.ResumeRequest) (*dtspb.ResumeResponse, error) {
	if err := checkPayload("reason", r.GetReason()); err != nil {
		return nil, err
	}
	err := s.do(ctx, r.GetInstanceId(), engine.Resume{ID: r.GetInstanceId(), Reason: r.GetReason()})
	return &dtspb.ResumeResponse{}, err
}

func (s *sidecar) RestartInstance(ctx context.Context, r *dtspb.RestartInstanceRequest) (*dtspb.RestartInstanceResponse, error) {
	cmd := engine.Restart{ID: r.GetInstanceId(), RequestID: requestOf(ctx)}
	if r.GetRestartWithNewInstanceId() {
		cmd.As = cmp.Or(cmd.RequestID, hub.NewID()) // the same one when it is repeated
	}
	if err := s.do(ctx, r.GetInstanceId(), cmd); err != nil {
		return nil, err
	}
	return &dtspb.RestartInstanceResponse{InstanceId: cmp.Or(cmd.As, cmd.ID)}, nil
}

func (s *sidecar) RewindInstance(ctx context.Context, r *dtspb.RewindInstanceRequest) (*dtspb.RewindInstanceResponse, error) {
	if err := checkPayload("reason", r.GetReason()); err != nil {
		return nil, err
	}
	err := s.do(ctx, r.GetInstanceId(), engine.Rewind{ID: r.GetInstanceId(), Reason: r.GetReason()})
	return &dtspb.RewindInstanceResponse{}, err
}

func (s *sidecar) GetInstance(ctx context.Context, r *dtspb.GetInstanceRequest) (*dtspb.GetInstanceResponse, error) {
	return s.read(ctx, r, func(h *hub.Hub) (*dtspb.OrchestrationState, error) {
		return h.State(ctx, r.GetInstanceId(), r.GetGetInputsAndOutputs())
	})
}

func (s *sidecar) WaitForInstanceStart(ctx context.Context, r *dtspb.GetInstanceRequest) (*dtspb.GetInstanceResponse, error) {
	return s.wait(ctx, r, true)
}

func (s *sidecar) WaitForInstanceCompletion(ctx context.Context, r *dtspb.GetInstanceRequest) (*dtspb.GetInstanceResponse, error) {
	return s.wait(ctx, r, false)
}

// errStopping is the cause of waits that end because the server stops. Clients
// and gRPC itself try again.
var errStopping = status.Error(codes.Unavailable, "the scheduler is shutting down")

func (s *sidecar) wait(ctx context.Context, r *dtspb.GetInstanceRequest, started bool) (*dtspb.GetInstanceResponse, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.hubs.Stopping(), func() { cancel(errStopping) })()
	return s.read(ctx, r, func(h *hub.Hub) (*dtspb.OrchestrationState, error) {
		return h.Wait(ctx, r.GetInstanceId(), started, r.GetGetInputsAndOutputs())
	})
}

func (s *sidecar) read(ctx context.Context, r *dtspb.GetInstanceRequest, f func(*hub.Hub) (*dtspb.OrchestrationState, error)) (*dtspb.GetInstanceResponse, error) {
	if err := checkID(r.GetInstanceId()); err != nil {
		return nil, err
	}
	h, err := hubOf(ctx, s.hubs)
	if err != nil {
		return nil, err
	}
	state, err := f(h)
	if err != nil {
		return nil, answer(err)
	}
	return &dtspb.GetInstanceResponse{Exists: state != nil, OrchestrationState: state}, nil
}

func (s *sidecar) QueryInstances(ctx context.Context, r *dtspb.QueryInstancesRequest) (*dtspb.QueryInstancesResponse, error) {
	h, err := hubOf(ctx, s.hubs)
	if err != nil {
		return nil, err
	}
	q := r.GetQuery()
	query := hub.Query{
		Statuses: q.GetRuntimeStatus(), From: timeOf(q.GetCreatedTimeFrom()), To: timeOf(q.GetCreatedTimeTo()),
		Prefix: q.GetInstanceIdPrefix().GetValue(), Payloads: q.GetFetchInputsAndOutputs(), Limit: pageSize(q.GetMaxInstanceCount()),
	}
	if query.Behind, err = parseCursor(q.GetContinuationToken().GetValue()); err != nil {
		return nil, err
	}
	page, next, err := h.Query(ctx, query)
	if err != nil {
		return nil, answer(err)
	}
	return &dtspb.QueryInstancesResponse{OrchestrationState: page, ContinuationToken: formatCursor(next)}, nil
}

// formatCursor makes a continuation token, nil at the end.
func formatCursor(c store.Cursor) *wrapperspb.StringValue {
	if c == (store.Cursor{}) {
		return nil
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(c.Created))
	return wrapperspb.String(base64.RawURLEncoding.EncodeToString(append(b, c.ID...)))
}

func parseCursor(token string) (store.Cursor, error) {
	if token == "" {
		return store.Cursor{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 9 {
		return store.Cursor{}, invalid("continuation token %q is not one of this scheduler's", token)
	}
	return store.Cursor{Created: int64(binary.BigEndian.Uint64(b)), ID: string(b[8:])}, nil
}

func (s *sidecar) PurgeInstances(ctx context.Context, r *dtspb.PurgeInstancesRequest) (*dtspb.PurgeInstancesResponse, error) {
	h, err := hubOf(ctx, s.hubs)
	if err != nil {
		return nil, err
	}
	var deleted int
	complete := true
	switch t := r.GetRequest().(type) {
	case *dtspb.PurgeInstancesRequest_InstanceId:
		deleted, err = purge(ctx, h, []string{t.InstanceId}, r.GetRecursive())
	case *dtspb.PurgeInstancesRequest_InstanceBatch:
		deleted, err = purge(ctx, h, t.InstanceBatch.GetInstanceIds(), r.GetRecursive())
	case *dtspb.PurgeInstancesRequest_PurgeInstanceFilter:
		f := t.PurgeInstanceFilter
		deleted, complete, err = h.PurgeWhere(ctx, hub.Query{
			Statuses: f.GetRuntimeStatus(), From: timeOf(f.GetCreatedTimeFrom()), To: timeOf(f.GetCreatedTimeTo()),
		}, r.GetRecursive(), f.GetTimeout().AsDuration())
	default:
		return nil, invalid("purge names neither an instance, nor a batch, nor a filter")
	}
	if err != nil {
		return nil, answer(err)
	}
	return &dtspb.PurgeInstancesResponse{DeletedInstanceCount: int32(deleted), IsComplete: wrapperspb.Bool(complete)}, nil
}

func purge(ctx context.Context, h *hub.Hub, ids []string, recursive bool) (deleted int, err error) {
	if err := checkBatch(ids); err != nil {
		return 0, err
	}
	for _, id := range ids {
		n, err := purgeOne(ctx, h, id, recursive)
		if err != nil {
			return deleted, err
		}
		deleted += n
	}
	return deleted, nil
}

// purgeOne tells instances and entities apart by their ids: clients of before
// isOrchestration leave it unset.
func purgeOne(ctx context.Context, h *hub.Hub, id string, recursive bool) (int, error) {
	if entity, err := wire.EntityID(id); err == nil {
		gone := false
		err := h.Do(ctx, engine.PurgeEntity{ID: entity, Deleted: &gone})
		if !gone {
			return 0, err
		}
		return 1, err
	}
	n := 0
	err := h.Do(ctx, engine.Purge{ID: id, Recursive: recursive, Deleted: &n})
	return n, err
}

// Chunks of a streamed history.
const chunkBytes = 256 << 10

func (s *sidecar) StreamInstanceHistory(r *dtspb.StreamInstanceHistoryRequest, stream grpc.ServerStreamingServer[dtspb.HistoryChunk]) error {
	ctx := stream.Context()
	if err := checkID(r.GetInstanceId()); err != nil {
		return err
	}
	h, err := hubOf(ctx, s.hubs)
	if err != nil {
		return err
	}
	var chunk []*dtspb.HistoryEvent
	size := 0
	var sendErr error
	send := func() bool {
		if len(chunk) > 0 {
			sendErr = stream.Send(&dtspb.HistoryChunk{Events: chunk})
		}
		chunk, size = nil, 0
		return sendErr == nil
	}
	known, err := h.History(ctx, r.GetInstanceId(), r.GetExecutionId().GetValue(), func(e *dtspb.HistoryEvent) bool {
		n := proto.Size(e)
		if size+n > chunkBytes && !send() {
			return false
		}
		chunk, size = append(chunk, e), size+n
		return true
	})
	switch {
	case err != nil:
		return answer(err)
	case !known:
		return status.Errorf(codes.NotFound, "no instance with id %q", r.GetInstanceId())
	case sendErr != nil:
		return sendErr
	}
	send()
	return sendErr
}

// timeOf returns a bound in time, kept within what our keys can say; zero if
// there is none.
func timeOf(t *timestamppb.Timestamp) time.Time {
	switch {
	case t == nil:
		return time.Time{}
	case t.GetSeconds() < 0:
		return time.Unix(0, 0)
	case t.GetSeconds() > maxTime.Unix():
		return maxTime
	default:
		return t.AsTime()
	}
}

// maxTime is the last time that fits the nanoseconds of our keys.
var maxTime = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)

func checkTime(what string, t *timestamppb.Timestamp) error {
	if t == nil {
		return nil
	}
	if err := t.CheckValid(); err != nil {
		return invalid("%s: %v", what, err)
	}
	if t.AsTime().After(maxTime) {
		return invalid("%s is %s, the latest possible is %s", what, t.AsTime().Format(time.RFC3339), maxTime.Format(time.RFC3339))
	}
	return nil
}

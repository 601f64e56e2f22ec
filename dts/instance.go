package dts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// Instance is an orchestration as the scheduler saw it at one moment. Times that
// did not happen are zero, payloads that do not exist are nil.
type Instance struct {
	ID          string
	Name        string // of the orchestrator
	Version     string
	ExecutionID string // new after each continue-as-new and each restart
	ParentID    string // of the orchestration that started this one, if any

	Status    Status
	Created   time.Time
	Updated   time.Time
	Completed time.Time
	StartAt   time.Time // of a delayed start

	Input        []byte
	Output       []byte
	CustomStatus []byte
	Failure      *Failure // when Status is StatusFailed
	Tags         map[string]string
}

// Instance reads one instance with its payloads. The error is [ErrNotFound] when
// there is none with this id.
func (c *Client) Instance(ctx context.Context, id string) (*Instance, error) {
	return c.get(ctx, "get", id, c.hubs.GetInstance)
}

// Wait returns the instance when its status is terminal. It waits across
// reconnects and restarts of the scheduler for as long as ctx lives, so give ctx
// a deadline. The error is [ErrNotFound] when the scheduler knows no such
// instance, which it may say only after a while.
func (c *Client) Wait(ctx context.Context, id string) (*Instance, error) {
	return c.await(ctx, "wait for", id, c.hubs.WaitForInstanceCompletion)
}

// WaitStarted returns the instance when its first turn has run; else like
// [Client.Wait].
func (c *Client) WaitStarted(ctx context.Context, id string) (*Instance, error) {
	return c.await(ctx, "wait for start of", id, c.hubs.WaitForInstanceStart)
}

type getCall func(context.Context, *dtspb.GetInstanceRequest, ...grpc.CallOption) (*dtspb.GetInstanceResponse, error)

func (c *Client) get(ctx context.Context, verb, id string, call getCall) (*Instance, error) {
	op := fmt.Sprintf("%s instance %q", verb, id)
	if err := wire.CheckID(id); err != nil {
		return nil, invalid(op, err)
	}
	resp, err := call(ctx, &dtspb.GetInstanceRequest{InstanceId: id, GetInputsAndOutputs: true})
	if err != nil {
		return nil, c.fail(op, err)
	}
	if !resp.GetExists() {
		return nil, c.fail(op, status.Error(codes.NotFound, ""))
	}
	in := toInstance(resp.GetOrchestrationState())
	if err := c.restoreInstances(ctx, op, in); err != nil {
		return nil, err
	}
	return in, nil
}

// Pauses between attempts to reach a scheduler that is away.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 3 * time.Second
)

// await asks again when a gateway or a restart of the scheduler cut a long poll
// short.
func (c *Client) await(ctx context.Context, verb, id string, call getCall) (*Instance, error) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		in, err := c.get(ctx, verb, id, call)
		switch {
		case err == nil || ctx.Err() != nil:
			return in, err
		case errors.Is(err, context.DeadlineExceeded): // not ours: ctx lives
			pause = firstPause
		case !errors.Is(err, ErrUnavailable):
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, c.fail(fmt.Sprintf("%s instance %q", verb, id), status.FromContextError(ctx.Err()).Err())
		}
	}
}

func toInstance(s *dtspb.OrchestrationState) *Instance {
	return &Instance{
		ID:           s.GetInstanceId(),
		Name:         s.GetName(),
		Version:      s.GetVersion().GetValue(),
		ExecutionID:  s.GetExecutionId().GetValue(),
		ParentID:     s.GetParentInstanceId().GetValue(),
		Status:       toStatus(s.GetOrchestrationStatus()),
		Created:      toTime(s.GetCreatedTimestamp()),
		Updated:      toTime(s.GetLastUpdatedTimestamp()),
		Completed:    toTime(s.GetCompletedTimestamp()),
		StartAt:      toTime(s.GetScheduledStartTimestamp()),
		Input:        wire.ToPayload(s.GetInput()),
		Output:       wire.ToPayload(s.GetOutput()),
		CustomStatus: wire.ToPayload(s.GetCustomStatus()),
		Failure:      wire.ToFailure[Failure](s.GetFailureDetails()),
		Tags:         s.GetTags(),
	}
}

// toTime reads a time; absent and the epoch, which some SDKs write for "none",
// are the zero time.
func toTime(t *timestamppb.Timestamp) time.Time {
	if t == nil || t.GetSeconds() == 0 && t.GetNanos() == 0 {
		return time.Time{}
	}
	return t.AsTime()
}

func fromTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

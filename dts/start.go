package dts

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// StartRequest describes an orchestration to start. Only Name is required.
type StartRequest struct {
	// Name is the registered name of the orchestrator.
	Name string
	// ID names the instance, at most 100 characters; empty means a fresh random id.
	ID string
	// Version is handed to the orchestrator; empty means the client's default, see
	// [WithDefaultVersion].
	Version string
	// Input is the payload; nil means none, which is not the same as empty.
	Input []byte
	// StartAt delays the first turn; zero or past means now.
	StartAt time.Time
	// Tags are kept with the instance.
	Tags map[string]string
	// Reuse says what happens when the id is taken; nil leaves it to the
	// scheduler. Ours refuses to replace a live instance and replaces a finished
	// one.
	Reuse *ReusePolicy
	// TraceParent and TraceState are the W3C trace context of the caller.
	TraceParent, TraceState string
}

// ReusePolicy says which existing instance a start may replace.
type ReusePolicy struct {
	// Replaceable lists the statuses of an instance that may be replaced; a live
	// one is terminated first, which needs StatusTerminated in the list too.
	// Empty means nothing may be replaced.
	Replaceable []Status
}

// Start accepts an orchestration for execution and returns its id; it is durable
// when Start returns. The errors are [ErrExists] when the id is taken,
// [ErrInvalid] for a request the scheduler cannot take, [ErrUnavailable].
//
// A start whose answer was lost is tried again, and our scheduler knows it again.
// Another one does so only without an ID: with one, ErrExists can be the trace of
// the first attempt, and a run that has ended meanwhile is replaced by a second.
func (c *Client) Start(ctx context.Context, r StartRequest) (id string, err error) {
	op := fmt.Sprintf("start orchestrator %q", r.Name)
	if r.ID != "" {
		op = fmt.Sprintf("start instance %q of orchestrator %q", r.ID, r.Name)
	}
	if r.Version == "" && !wire.BuiltIn(r.Name) {
		r.Version = c.version
	}
	req, err := r.message()
	if err != nil {
		return "", invalid(op, err)
	}
	if req.Input, err = c.put(ctx, op, "input", r.Input); err != nil {
		return "", err
	}
	if r.ID != "" {
		ctx = repeatable(ctx)
	}
	id = req.GetInstanceId() // read before the call: the message belongs to the receiver then
	resp, err := c.hubs.StartInstance(ctx, req)
	if err = c.fail(op, err); err != nil {
		if r.ID == "" && errors.Is(err, ErrExists) {
			return id, nil // nobody else has this id: an earlier attempt of this call arrived
		}
		return "", err
	}
	return resp.GetInstanceId(), nil
}

// message is the request without the input.
func (r *StartRequest) message() (*dtspb.CreateInstanceRequest, error) {
	if r.Name == "" {
		return nil, errors.New("the orchestrator has no name")
	}
	reuse := r.Reuse
	id := r.ID
	if id == "" {
		id = newID()
		reuse = &ReusePolicy{} // so that a repeated attempt never replaces the first
	}
	if err := wire.CheckID(id); err != nil {
		return nil, err
	}
	req := &dtspb.CreateInstanceRequest{
		InstanceId:              id,
		Name:                    r.Name,
		Version:                 wire.FromText(r.Version),
		ScheduledStartTimestamp: fromTime(r.StartAt),
		Tags:                    maps.Clone(r.Tags),
		RequestTime:             timestamppb.Now(),
	}
	if reuse != nil {
		replaceable, err := fromStatuses(reuse.Replaceable)
		if err != nil {
			return nil, fmt.Errorf("reuse policy: %w", err)
		}
		req.OrchestrationIdReusePolicy = &dtspb.OrchestrationIdReusePolicy{ReplaceableStatus: replaceable}
	}
	if r.TraceParent != "" {
		req.ParentTraceContext = &dtspb.TraceContext{TraceParent: r.TraceParent, TraceState: wire.FromText(r.TraceState)}
	}
	return req, nil
}

// repeatable names the call, so that the scheduler knows a repeated attempt.
func repeatable(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, wire.HeaderRequestID, newID())
}

// newID gives 32 hexadecimal digits, the form that the other SDKs use.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}

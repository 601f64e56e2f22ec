package dts

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// Raise delivers an event to a live instance, which keeps it until it asks for
// it. A finished instance drops it. The error is [ErrNotFound] for an unknown
// id. An event whose acknowledgement was lost is sent again: it can arrive
// twice.
func (c *Client) Raise(ctx context.Context, id, event string, payload []byte) error {
	op := fmt.Sprintf("raise event %q to instance %q", event, id)
	err := wire.CheckID(id)
	if event == "" {
		err = errors.Join(err, errors.New("the event has no name"))
	}
	if err != nil {
		return invalid(op, err)
	}
	input, err := c.put(ctx, op, "payload", payload)
	if err != nil {
		return err
	}
	_, err = c.hubs.RaiseEvent(ctx, &dtspb.RaiseEventRequest{InstanceId: id, Name: event, Input: input})
	return c.fail(op, err)
}

// TerminateOption changes what [Client.Terminate] does.
type TerminateOption interface{ terminate(*dtspb.TerminateRequest) }

// PurgeOption changes what [Client.Purge] does.
type PurgeOption interface {
	purge(*dtspb.PurgeInstancesRequest)
}

// RecursiveOption is the type of [Recursive].
type RecursiveOption struct{}

// Recursive includes the orchestrations that the instance has started and that
// theirs have started, and so on. The default leaves them alone.
func Recursive() RecursiveOption { return RecursiveOption{} }

func (RecursiveOption) terminate(r *dtspb.TerminateRequest)  { r.Recursive = true }
func (RecursiveOption) purge(r *dtspb.PurgeInstancesRequest) { r.Recursive = true }

type outputOption []byte

// Output sets the output of the terminated instance in place of the reason. Nil
// means no output.
func Output(payload []byte) TerminateOption { return outputOption(payload) }

func (o outputOption) terminate(r *dtspb.TerminateRequest) { r.Output = wire.FromPayload(o) }

// Terminate ends an instance without asking its orchestrator. It returns when
// the request is durable; the status follows, see [Client.Wait]. The output is
// the reason as JSON text, see [Output]. A finished instance stays as it is; the
// error is [ErrNotFound] for an unknown id.
func (c *Client) Terminate(ctx context.Context, id, reason string, opts ...TerminateOption) error {
	op := fmt.Sprintf("terminate instance %q", id)
	output, err := jsonConverter{}.Marshal(reason) // text for people, whatever the payloads are written in
	if err != nil {
		return invalid(op, err)
	}
	req := &dtspb.TerminateRequest{InstanceId: id, Output: wire.FromPayload(output)}
	for _, o := range opts {
		o.terminate(req)
	}
	if err := wire.CheckID(id); err != nil {
		return invalid(op, err)
	}
	if req.Output, err = c.put(ctx, op, "output", wire.ToPayload(req.GetOutput())); err != nil {
		return err
	}
	_, err = c.hubs.TerminateInstance(ctx, req)
	return c.fail(op, err)
}

// TerminateNow ends instances at once, without asking their workers, and returns
// the ids of those that had nothing to end: unknown and finished ones. Their
// output is the reason as JSON text; what they have started goes on. [Client.Terminate]
// is the polite way.
func (c *Client) TerminateNow(ctx context.Context, reason string, ids ...string) (left []string, err error) {
	const op = "terminate instances"
	output, err := jsonConverter{}.Marshal(reason)
	if err != nil {
		return nil, invalid(op, err)
	}
	for _, id := range ids {
		if err := wire.CheckID(id); err != nil {
			return nil, invalid(op, err)
		}
	}
	if err := wire.CheckPayload("reason", output); err != nil {
		return nil, invalid(op, err)
	}
	for batch := range slices.Chunk(ids, wire.MaxBatch) {
		resp, err := c.hubs.SkipGracefulOrchestrationTerminations(ctx, &dtspb.SkipGracefulOrchestrationTerminationsRequest{
			InstanceBatch: &dtspb.InstanceBatch{InstanceIds: slices.Clone(batch)}, Reason: wire.FromPayload(output),
		})
		if err != nil {
			return left, c.fail(op, err)
		}
		left = append(left, resp.GetUnterminatedInstanceIds()...)
	}
	return left, nil
}

// RestartOption changes what [Client.Restart] does.
type RestartOption interface {
	restart(*dtspb.RestartInstanceRequest)
}

type newIDOption struct{}

// NewID restarts under a new id, which the scheduler makes, and leaves the old
// instance as it is; it may be live.
func NewID() RestartOption { return newIDOption{} }

func (newIDOption) restart(r *dtspb.RestartInstanceRequest) { r.RestartWithNewInstanceId = true }

// Restart starts an orchestration again with the name, version, input and tags
// that it was started with, and returns its id. Without [NewID] the finished
// instance and its history are replaced; the error is [ErrConflict] if it is
// live. It is [ErrNotFound] for an unknown id.
func (c *Client) Restart(ctx context.Context, id string, opts ...RestartOption) (string, error) {
	op := fmt.Sprintf("restart instance %q", id)
	if err := wire.CheckID(id); err != nil {
		return "", invalid(op, err)
	}
	req := &dtspb.RestartInstanceRequest{InstanceId: id}
	for _, o := range opts {
		o.restart(req)
	}
	resp, err := c.hubs.RestartInstance(repeatable(ctx), req)
	return resp.GetInstanceId(), c.fail(op, err)
}

// Rewind lets a failed instance go on from what failed: activities that failed
// run again, sub-orchestrations that failed are rewound, and what succeeded is
// not repeated. It returns when the request is durable; a worker takes the
// failure out of the history next. The instance gets a new execution id. The
// error is [ErrConflict] if the instance has not failed, or failed while it held
// or waited for an entity, and [ErrNotFound] for an unknown id.
func (c *Client) Rewind(ctx context.Context, id, reason string) error {
	op := fmt.Sprintf("rewind instance %q", id)
	if err := checkSteer(id, reason); err != nil {
		return invalid(op, err)
	}
	_, err := c.hubs.RewindInstance(ctx, &dtspb.RewindInstanceRequest{InstanceId: id, Reason: wire.FromText(reason)})
	return c.fail(op, err)
}

// Suspend makes an instance hold still: events and results are kept, no turn
// acts on them until [Client.Resume]. Suspending twice is one suspension. The
// error is [ErrNotFound] for an unknown id.
func (c *Client) Suspend(ctx context.Context, id, reason string) error {
	op := fmt.Sprintf("suspend instance %q", id)
	if err := checkSteer(id, reason); err != nil {
		return invalid(op, err)
	}
	_, err := c.hubs.SuspendInstance(ctx, &dtspb.SuspendRequest{InstanceId: id, Reason: wire.FromText(reason)})
	return c.fail(op, err)
}

// Resume lets a suspended instance go on; for a running one it does nothing. The
// error is [ErrNotFound] for an unknown id.
func (c *Client) Resume(ctx context.Context, id, reason string) error {
	op := fmt.Sprintf("resume instance %q", id)
	if err := checkSteer(id, reason); err != nil {
		return invalid(op, err)
	}
	_, err := c.hubs.ResumeInstance(ctx, &dtspb.ResumeRequest{InstanceId: id, Reason: wire.FromText(reason)})
	return c.fail(op, err)
}

func checkSteer(id, reason string) error {
	return errors.Join(wire.CheckID(id), wire.CheckPayload("reason", []byte(reason)))
}

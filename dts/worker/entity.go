package worker

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/large"
	"github.com/funchost/funchost/dts/internal/wire"
)

// Entity does an operation on the state of one entity, which the context has. It
// is called for one operation of an entity at a time, in the order in which they
// came. It may do I/O, and it runs again if its worker is lost before the answer
// is kept. Input is nil when there is none, and so is a result that is absent.
//
// An error or a panic is the failure of this one operation: its state, signals
// and starts are as if it had not happened, and the next operation goes on from
// there. Nobody learns of the failure of a signal.
type Entity func(ctx *EntityContext, op string, input []byte) ([]byte, error)

// EntityContext is what one operation sees and changes. It belongs to that
// operation: it is not safe for concurrent use and of no use after it.
type EntityContext struct {
	ctx     context.Context //nolint:containedctx // an operation has one argument for both, as a request has
	id      dts.EntityID
	state   []byte
	actions []*dtspb.OperationAction

	payloads *large.Payloads // nil without a store
}

// Context is for the I/O of the operation. It ends when the worker stops and the
// batch could not finish in time.
func (c *EntityContext) Context() context.Context { return c.ctx }

// ID returns the id of the entity, its name in lower case.
func (c *EntityContext) ID() dts.EntityID { return c.id }

// State returns the state, nil if there is none. It must not be changed.
func (c *EntityContext) State() []byte { return c.state }

// SetState replaces the state when the operation succeeds; nil deletes it, and
// with it the entity. The bytes are kept, not copied.
func (c *EntityContext) SetState(state []byte) { c.state = state }

// Signal asks another entity, or this one, for an operation when this one has
// succeeded, or at a later time if one is given. It fails for what the scheduler
// would refuse: a wrong id, a payload that is too large.
func (c *EntityContext) Signal(id dts.EntityID, op string, payload []byte, at time.Time) error {
	if err := cmp.Or(id.Check(), c.payloads.Check("payload", payload), checkText("name", op)); err != nil {
		return fmt.Errorf("signal operation %q to entity %q: %w", op, id, err)
	}
	c.act(&dtspb.OperationAction{OperationActionType: &dtspb.OperationAction_SendSignal{SendSignal: &dtspb.SendSignalAction{
		InstanceId: id.String(), Name: op, Input: wire.FromPayload(payload), ScheduledTime: optionalTime(at), RequestTime: timestamppb.Now(),
	}}})
	return nil
}

// StartOptions are what [EntityContext.StartOrchestration] may be told besides. An
// empty ID means a fresh one; a start whose ID is taken does not happen, and nobody
// is told. The zero time means now.
type StartOptions struct {
	ID      string
	Version string
	At      time.Time
}

// StartOrchestration starts an orchestration when the operation has succeeded, and
// returns its id. It fails for what the scheduler would refuse.
func (c *EntityContext) StartOrchestration(name string, input []byte, o StartOptions) (id string, err error) {
	id = o.ID
	if id == "" {
		id = newID()
	}
	if err := cmp.Or(wire.CheckID(id), c.payloads.Check("input", input), checkText("name", name), checkText("version", o.Version)); err != nil {
		return "", fmt.Errorf("start orchestrator %q: %w", name, err)
	}
	if wire.IsEntity(id) {
		return "", fmt.Errorf("start orchestrator %q: instance id %q begins with @, as only those of entities do", name, id)
	}
	c.act(&dtspb.OperationAction{OperationActionType: &dtspb.OperationAction_StartNewOrchestration{StartNewOrchestration: &dtspb.StartNewOrchestrationAction{
		InstanceId: id, Name: name, Version: wire.FromText(o.Version), Input: wire.FromPayload(input),
		ScheduledTime: optionalTime(o.At), RequestTime: timestamppb.Now(),
	}}})
	return id, nil
}

func (c *EntityContext) act(a *dtspb.OperationAction) { c.actions = append(c.actions, a) }

func optionalTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

package worker

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/large"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/worker/internal/replay"
)

// operation is one thing that an entity is asked for.
type operation struct {
	name  string
	input *wrapperspb.StringValue
	info  *dtspb.OperationInfo // goes back with the result; nil if the scheduler keeps it
}

// operations reads the form in which schedulers send them. Other kinds of
// messages to an entity are the scheduler's own business.
func operations(requests []*dtspb.HistoryEvent) []operation {
	ops := make([]operation, 0, len(requests))
	for _, e := range requests {
		switch k := e.GetEventType().(type) {
		case *dtspb.HistoryEvent_EntityOperationCalled:
			c := k.EntityOperationCalled
			ops = append(ops, operation{c.GetOperation(), c.GetInput(), &dtspb.OperationInfo{
				RequestId: c.GetRequestId(),
				ResponseDestination: &dtspb.OrchestrationInstance{
					InstanceId: c.GetParentInstanceId().GetValue(), ExecutionId: wire.FromText(c.GetParentExecutionId().GetValue()),
				},
			}})
		case *dtspb.HistoryEvent_EntityOperationSignaled:
			s := k.EntityOperationSignaled
			ops = append(ops, operation{s.GetOperation(), s.GetInput(), &dtspb.OperationInfo{RequestId: s.GetRequestId()}})
		}
	}
	return ops
}

// oldOperations reads the form that the Functions host sends.
func oldOperations(requests []*dtspb.OperationRequest) []operation {
	ops := make([]operation, 0, len(requests))
	for _, r := range requests {
		ops = append(ops, operation{name: r.GetOperation(), input: r.GetInput()})
	}
	return ops
}

// batch is a work item of an entity, as far as its operations have been done.
type batch struct {
	run    *run
	id     dts.EntityID
	fn     Entity // nil if the entity is not registered
	state  []byte
	answer *dtspb.EntityBatchResult
	size   int // of the answer without the state
}

// entity does the operations of an item one after another and answers. The
// answer is sent by a deferred function because an operation may end its
// goroutine. Then, as when the answer is full, it has fewer results than the item
// has operations, and the scheduler sends the rest again.
func (r *run) entity(l *lease, state *wrapperspb.StringValue, ops []operation) {
	defer r.end(l)
	b := &batch{run: r, state: wire.ToPayload(state), answer: &dtspb.EntityBatchResult{CompletionToken: l.token}, size: partOverhead}
	defer func() {
		if len(b.answer.Results) == 0 && len(ops) > 0 && b.answer.FailureDetails == nil {
			if l.claim() {
				r.abandon(l)
			}
			return
		}
		if b.answer.EntityState = state; b.answer.FailureDetails == nil {
			b.answer.EntityState = wire.FromPayload(b.state)
			if err := r.put(&b.answer.EntityState); err != nil {
				r.giveBack(l, err)
				return
			}
		}
		r.answerEntity(l, b.answer)
	}()
	id, err := dts.ParseEntityID(l.instance)
	if err != nil {
		b.answer.FailureDetails = refusal(typeInvalidEntity, err.Error())
		return
	}
	b.id, b.fn = id, r.registry.entities[id.Name]
	if whole, err := r.get(state); errors.Is(err, large.ErrGone) {
		b.answer.FailureDetails = lost(err)
		return
	} else if err != nil {
		return
	} else if whole != state {
		b.state = wire.ToPayload(whole)
	}
	for _, op := range ops {
		if r.work.Err() != nil || !b.do(op) {
			return
		}
	}
}

// do runs one operation and reports whether its outcome is in the answer.
func (b *batch) do(op operation) (kept bool) {
	c := &EntityContext{ctx: b.run.work, id: b.id, state: b.state, payloads: b.run.payloads}
	began := time.Now()
	input, err := b.run.get(op.input)
	if errors.Is(err, large.ErrGone) {
		return b.keep(op, c, nil, lost(err), began)
	} else if err != nil {
		return false
	}
	op.input = input
	var result []byte
	var failure *dtspb.TaskFailureDetails
	returned := false
	defer func() {
		switch cause := recover(); {
		case returned:
		case cause != nil:
			failure = shorten(replay.Panicked(cause))
		default:
			failure = shorten(replay.Exited())
		}
		kept = b.keep(op, c, result, failure, began)
	}()
	result, failure = b.call(c, op)
	returned = true
	return // kept is set above
}

func (b *batch) call(c *EntityContext, op operation) ([]byte, *dtspb.TaskFailureDetails) {
	if b.fn == nil {
		return nil, refusal(typeEntityNotFound, fmt.Sprintf("entity %q is not registered in this worker", b.id.Name))
	}
	result, err := b.fn(c, op.name, wire.ToPayload(op.input))
	if err != nil {
		return nil, details(err)
	}
	if f := checkResult(c.payloads.Limit(), "operation", op.name, result); f != nil {
		return nil, f
	}
	if err := c.payloads.Check("state of entity "+b.id.String(), c.state); err != nil {
		return nil, refusal(typeInvalidPayload, err.Error())
	}
	return result, nil
}

// keep adds the outcome of an operation to the answer. What a failed one did to
// the state and wanted to send is forgotten. It reports false, and changes
// nothing, when the answer would grow too large for one message or the payload
// store is away.
func (b *batch) keep(op operation, c *EntityContext, result []byte, f *dtspb.TaskFailureDetails, began time.Time) bool {
	if f != nil {
		c.state, c.actions = b.state, nil
	}
	outcome := outcomeOf(result, f, began)
	if err := b.run.storeOutcome(outcome, c.actions); err != nil {
		return false
	}
	size := b.size + proto.Size(outcome) + proto.Size(op.info) + 2*actionOverhead
	for _, a := range c.actions {
		size += proto.Size(a) + 2*actionOverhead // it gets its id below
	}
	state := b.run.payloads.Size(c.state)
	if size+state > maxAnswer {
		if len(b.answer.Results) > 0 {
			return false
		}
		if f == nil {
			return b.keep(op, c, nil, refusal(typeAnswerTooLarge, fmt.Sprintf("operation %q with its signals and starts has %d bytes, the limit is %d: "+
				"send less at once", op.name, size+state, maxAnswer)), began)
		}
	}
	for _, a := range c.actions {
		a.Id = int32(len(b.answer.Actions))
		b.answer.Actions = append(b.answer.Actions, a)
	}
	b.answer.Results = append(b.answer.Results, outcome)
	if op.info != nil {
		b.answer.OperationInfos = append(b.answer.OperationInfos, op.info)
	}
	b.state, b.size = c.state, size
	b.run.note(keyEntity, b.id.Name, b.id.String(), f)
	return true
}

func outcomeOf(result []byte, f *dtspb.TaskFailureDetails, began time.Time) *dtspb.OperationResult {
	begin, end := timestamppb.New(began), timestamppb.Now()
	if f != nil {
		return &dtspb.OperationResult{ResultType: &dtspb.OperationResult_Failure{Failure: &dtspb.OperationResultFailure{
			FailureDetails: f, StartTimeUtc: begin, EndTimeUtc: end,
		}}}
	}
	return &dtspb.OperationResult{ResultType: &dtspb.OperationResult_Success{Success: &dtspb.OperationResultSuccess{
		Result: wire.FromPayload(result), StartTimeUtc: begin, EndTimeUtc: end,
	}}}
}

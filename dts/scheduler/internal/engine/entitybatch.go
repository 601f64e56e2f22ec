package engine

import (
	"cmp"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// EntityBatch commits what a worker did with a batch (CompleteEntityTask).
type EntityBatch struct {
	ID string
	// Result has an id for each orchestration that it starts.
	Result *dtspb.EntityBatchResult
}

func (c EntityBatch) touches(s *State) {
	s.need(c.ID)
	e := s.Entity(c.ID)
	if e == nil {
		return
	}
	for _, m := range e.Delivered {
		s.needSender(m)
	}
	for _, a := range c.Result.GetActions() {
		if sig := a.GetSendSignal(); sig != nil {
			if id, err := wire.EntityID(sig.GetInstanceId()); err == nil {
				s.need(id)
			}
		}
		if start := a.GetStartNewOrchestration(); start.GetInstanceId() != "" {
			s.need(start.GetInstanceId())
		}
	}
}

func (s *State) needSender(m EntityMessage) {
	if id := m.GetSender().GetInstanceId(); id != "" {
		s.need(id)
	}
}

func (c EntityBatch) apply(s *State, now time.Time) error {
	e := s.Entity(c.ID)
	r := c.Result
	if len(e.Delivered) == 0 {
		return ErrStale
	}
	if f := s.checkBatch(r); f != nil {
		s.failBatch(e, f, now)
		return nil
	}
	n := min(len(r.GetResults()), len(e.Delivered))
	done := e.Delivered[:n]
	for i, m := range done {
		res := r.GetResults()[i]
		s.reply(m, res.GetSuccess().GetResult(), res.GetFailure().GetFailureDetails(), now)
	}
	s.settle(e, done)
	e.Record.State, e.Record.Modified = r.GetEntityState(), now.UnixNano()
	if e.Record.GetExecutionId() == "" {
		e.Record.ExecutionId = s.NewID()
	}
	for _, a := range r.GetActions() {
		s.actOfEntity(a, now)
	}
	s.keep(e)
	return nil
}

// settle takes messages that have been dealt with out of the queue.
func (s *State) settle(e *Entity, done []EntityMessage) {
	numbers := make(map[uint64]bool, len(done))
	for _, m := range done {
		numbers[m.Number] = true
	}
	e.Delivered = nil
	s.dropMessages(e, func(m EntityMessage) bool { return numbers[m.Number] })
}

// reply answers a call; nobody waits for a signal.
func (s *State) reply(m EntityMessage, result *wrapperspb.StringValue, f *dtspb.TaskFailureDetails, now time.Time) {
	call := m.GetEvent().GetEntityOperationCalled()
	if call == nil {
		return
	}
	caller := s.Instance(m.GetSender().GetInstanceId())
	if caller == nil || caller.Record.GetExecutionId() != m.GetSender().GetExecutionId() {
		return
	}
	e := event(now)
	if f != nil {
		e.EventType = &dtspb.HistoryEvent_EntityOperationFailed{EntityOperationFailed: &dtspb.EntityOperationFailedEvent{RequestId: call.GetRequestId(), FailureDetails: f}}
	} else {
		e.EventType = &dtspb.HistoryEvent_EntityOperationCompleted{EntityOperationCompleted: &dtspb.EntityOperationCompletedEvent{RequestId: call.GetRequestId(), Output: result}}
	}
	s.deliver(caller, e, now)
}

func (s *State) actOfEntity(a *dtspb.OperationAction, now time.Time) {
	switch t := a.GetOperationActionType().(type) {
	case *dtspb.OperationAction_SendSignal:
		id, err := wire.EntityID(t.SendSignal.GetInstanceId())
		if err != nil {
			return // checked before
		}
		s.signal(id, &dtspb.EntityOperationSignaledEvent{
			RequestId: guid(s.NewID()), Operation: t.SendSignal.GetName(), Input: t.SendSignal.GetInput(), ScheduledTime: t.SendSignal.GetScheduledTime(),
		}, now)
	case *dtspb.OperationAction_StartNewOrchestration:
		start := t.StartNewOrchestration
		id := start.GetInstanceId()
		if s.Instance(id) != nil {
			return // a second start under the same id is dropped
		}
		rec := &record.Instance{Id: id, Name: start.GetName(), Version: start.GetVersion()}
		if at := start.GetScheduledTime(); at != nil && at.AsTime().After(now) {
			rec.Scheduled = nanos(at)
		}
		s.create(rec, &dtspb.ExecutionStartedEvent{Input: start.GetInput(), ParentTraceContext: start.GetParentTraceContext()}, now)
	}
}

// guid writes 32 hexadecimal digits as .NET's workers parse request ids.
func guid(hex string) string {
	return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:]
}

// checkBatch tells what makes a batch impossible to commit.
func (s *State) checkBatch(r *dtspb.EntityBatchResult) *dtspb.TaskFailureDetails {
	f := s.tooLarge("state of the entity", "", r.GetEntityState())
	for _, res := range r.GetResults() {
		f = cmp.Or(f, s.tooLarge("result of the operation", "", res.GetSuccess().GetResult()), s.failureTooLarge(res.GetFailure().GetFailureDetails()))
	}
	for _, a := range r.GetActions() {
		switch t := a.GetOperationActionType().(type) {
		case *dtspb.OperationAction_SendSignal:
			f = cmp.Or(f, checkTime("a signal", t.SendSignal.GetScheduledTime()), beyond(CheckName("name of the operation", t.SendSignal.GetName())), s.tooLarge("input of the signal", "", t.SendSignal.GetInput()))
			if _, err := wire.EntityID(t.SendSignal.GetInstanceId()); err != nil {
				f = cmp.Or(f, failure(InvalidEntityID, err.Error()))
			}
		case *dtspb.OperationAction_StartNewOrchestration:
			start := t.StartNewOrchestration
			f = cmp.Or(f,
				checkTime("a start", start.GetScheduledTime()),
				beyond(CheckName("name of the orchestration", start.GetName()), CheckName("version of the orchestration", start.GetVersion().GetValue()),
					CheckTrace(start.GetParentTraceContext())),
				s.tooLarge("input of the orchestration", "", start.GetInput()))
			if err := CheckInstanceID(start.GetInstanceId()); err != nil {
				f = cmp.Or(f, failure(InvalidInstanceID, err.Error()))
			}
		default:
			f = cmp.Or(f, failure(UnsupportedAction, "an action of an entity that this scheduler does not know"))
		}
	}
	return f
}

// EntityFail ends a batch that no worker can carry out: calls fail, signals are
// dropped, the state stays.
type EntityFail struct {
	ID      string
	Failure *dtspb.TaskFailureDetails
}

func (c EntityFail) touches(s *State) {
	s.need(c.ID)
	if e := s.Entity(c.ID); e != nil {
		for _, m := range e.Queue {
			s.needSender(m)
		}
	}
}

func (c EntityFail) apply(s *State, now time.Time) error {
	e := s.Entity(c.ID)
	if len(e.Delivered) == 0 {
		e.Deliver()
	}
	if len(e.Delivered) == 0 {
		return ErrStale
	}
	s.failBatch(e, c.Failure, now)
	return nil
}

func (s *State) failBatch(e *Entity, f *dtspb.TaskFailureDetails, now time.Time) {
	done := e.Delivered
	for _, m := range done {
		s.reply(m, nil, f, now)
	}
	s.settle(e, done)
	s.keep(e)
}

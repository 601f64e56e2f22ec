package engine

import (
	"cmp"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// Entity is one entity in memory. An entity that does not exist is one without
// state, lock and messages.
type Entity struct {
	// Record is what the entity's own row holds.
	Record *record.Entity
	// Queue holds the messages to deal with, in order; Delayed those whose time
	// has not come.
	Queue, Delayed []EntityMessage
	// ReadyRow tells that a row announces the queue.
	ReadyRow bool
	// Delivered are the messages that a worker was handed and has not answered for.
	Delivered []EntityMessage

	bytes int // of the messages
}

// EntityMessage is a message for an entity with the number that orders it.
type EntityMessage struct {
	Number uint64
	*record.EntityMessage
	// Size is that of the event in bytes.
	Size int
}

// LoadEntity makes an entity of what is stored. The messages are in order.
func LoadEntity(id string, rec *record.Entity, messages []EntityMessage, readyRow bool, now time.Time) *Entity {
	if rec == nil {
		rec = &record.Entity{Id: id}
	}
	e := &Entity{Record: rec, ReadyRow: readyRow}
	for _, m := range messages {
		m.Size = proto.Size(m.GetEvent())
		e.bytes += m.Size
		if m.GetVisible() > now.UnixNano() {
			e.Delayed = append(e.Delayed, m)
		} else {
			e.Queue = append(e.Queue, m)
		}
	}
	slices.SortStableFunc(e.Queue, func(a, b EntityMessage) int { return cmp.Compare(a.GetVisible(), b.GetVisible()) })
	return e
}

// ID returns the entity's id.
func (e *Entity) ID() string { return e.Record.GetId() }

// Gone reports whether nothing is left of the entity.
func (e *Entity) Gone() bool {
	return e.Record.GetState() == nil && e.Record.GetOwner() == nil && len(e.Queue)+len(e.Delayed) == 0
}

// Backlog is the number of messages that wait.
func (e *Entity) Backlog() int { return len(e.Queue) }

// Bytes is about how much memory the entity takes.
func (e *Entity) Bytes() uint64 { return uint64(e.bytes + len(e.Record.GetState().GetValue())) }

const (
	// maxBatch bounds the operations of one work item.
	maxBatch = 1000
	// batchBytes is how large they may be together with the entity's state; one
	// operation always goes. SDKs receive 4 MiB by default.
	batchBytes = 3 << 20
)

// runnable returns the messages that a worker could deal with now: up to the next
// request for a lock, or those of the owner of the lock, as many as fit one batch.
func (e *Entity) runnable() []EntityMessage {
	if len(e.Delivered) > 0 {
		return nil
	}
	owner := e.Record.GetOwner()
	var ms []EntityMessage
	size := len(e.Record.GetState().GetValue())
	for _, m := range e.Queue {
		if len(ms) == maxBatch {
			break
		}
		if owner != nil {
			if isLock(m) || !sameExecution(m.GetSender(), owner) {
				continue
			}
		} else if isLock(m) {
			break
		}
		if size += m.Size; size > batchBytes && len(ms) > 0 {
			break
		}
		ms = append(ms, m)
	}
	return ms
}

// Deliverable reports whether a worker could run a batch.
func (e *Entity) Deliverable() bool { return len(e.runnable()) > 0 }

// Deliver takes a batch for a worker. It may be called again when the worker was
// lost; the messages are the same or more.
func (e *Entity) Deliver() []*dtspb.HistoryEvent {
	e.Delivered = nil
	e.Delivered = e.runnable()
	events := make([]*dtspb.HistoryEvent, len(e.Delivered))
	for i, m := range e.Delivered {
		events[i] = m.GetEvent()
	}
	return events
}

// DeliveredBytes is the size of the batch that Deliver took, with the state.
func (e *Entity) DeliveredBytes() uint64 {
	n := len(e.Record.GetState().GetValue())
	for _, m := range e.Delivered {
		n += m.Size
	}
	return uint64(n)
}

func isLock(m EntityMessage) bool { return m.GetEvent().GetEntityLockRequested() != nil }

func sameExecution(a, b *record.EntityOwner) bool {
	return a != nil && b != nil && a.GetInstanceId() == b.GetInstanceId() && a.GetExecutionId() == b.GetExecutionId()
}

// enqueue gives an entity a message, at once or at its time.
func (s *State) enqueue(e *Entity, m *record.EntityMessage, now time.Time) {
	if m.GetVisible() <= now.UnixNano() {
		m.Visible = 0
	}
	msg := EntityMessage{s.NewGeneration(), m, proto.Size(m.GetEvent())}
	e.bytes += msg.Size
	s.fx.write(Write{Op: PutEntityMessage, ID: e.ID(), Gen: msg.Number, EntityMessage: m})
	if m.GetVisible() == 0 {
		e.Queue = append(e.Queue, msg)
		s.announceEntity(e, now)
		return
	}
	e.Delayed = append(e.Delayed, msg)
	key := TaskKey{e.ID(), msg.Number, SignalTimer}
	s.fx.write(Write{Op: PutTimer, ID: key.ID, Gen: key.Gen, TaskID: key.TaskID, At: m.GetVisible()})
	s.fx.Timers = append(s.fx.Timers, Timer{TaskKey: key, Due: m.GetVisible()})
}

// announceEntity writes the row that tells a restarted scheduler of the queue.
func (s *State) announceEntity(e *Entity, now time.Time) {
	if e.ReadyRow {
		return
	}
	e.ReadyRow = true
	s.fx.write(Write{Op: PutReady, ID: e.ID(), Ready: &record.Ready{Name: wire.EntityName(e.ID()), Since: now.UnixNano()}})
}

// dropMessages removes the messages that gone selects from the queue.
func (s *State) dropMessages(e *Entity, gone func(EntityMessage) bool) {
	e.Queue = slices.DeleteFunc(slices.Clone(e.Queue), func(m EntityMessage) bool {
		if !gone(m) {
			return false
		}
		e.bytes -= m.Size
		s.fx.write(Write{Op: DeleteEntityMessage, ID: e.ID(), Gen: m.Number})
		return true
	})
	if len(e.Queue) == 0 && e.ReadyRow {
		e.ReadyRow = false
		s.fx.write(Write{Op: DeleteReady, ID: e.ID()})
	}
}

// keep writes the entity's row, or removes it when nothing is left of the entity.
func (s *State) keep(e *Entity) {
	if e.Gone() {
		s.fx.write(Write{Op: DeleteEntity, ID: e.ID()})
		e.Record = &record.Entity{Id: e.ID()}
		return
	}
	s.fx.write(Write{Op: PutEntity, ID: e.ID(), Entity: e.Record})
}

// Signal gives an entity an operation that nobody waits for (SignalEntity).
type Signal struct {
	// ID is as wire.EntityID returns it.
	ID    string
	Event *dtspb.EntityOperationSignaledEvent
}

func (c Signal) touches(s *State) { s.need(c.ID) }

func (c Signal) apply(s *State, now time.Time) error {
	s.signal(c.ID, c.Event, now)
	return nil
}

func (s *State) signal(id string, signal *dtspb.EntityOperationSignaledEvent, now time.Time) {
	e := event(now)
	e.EventType = &dtspb.HistoryEvent_EntityOperationSignaled{EntityOperationSignaled: signal}
	m := &record.EntityMessage{Event: e}
	if t := signal.GetScheduledTime(); t != nil {
		m.Visible = nanos(t)
	}
	s.enqueue(s.Entity(id), m, now)
}

// signalDue makes a delayed signal visible.
func (s *State) signalDue(t Timer, now time.Time) {
	e := s.Entity(t.ID)
	s.fx.write(Write{Op: DeleteTimer, ID: t.ID, Gen: t.Gen, TaskID: t.TaskID, At: t.Due})
	i := slices.IndexFunc(e.Delayed, func(m EntityMessage) bool { return m.Number == t.Gen })
	if i < 0 { // loaded after its time: it is in the queue already
		if slices.ContainsFunc(e.Queue, func(m EntityMessage) bool { return m.Number == t.Gen }) {
			s.announceEntity(e, now)
		}
		return
	}
	m := e.Delayed[i]
	e.Delayed = slices.Delete(slices.Clone(e.Delayed), i, i+1)
	e.Queue = append(e.Queue, m)
	s.announceEntity(e, now)
}

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
			f = cmp.Or(f, beyond(CheckName("name of the operation", t.SendSignal.GetName())), s.tooLarge("input of the signal", "", t.SendSignal.GetInput()))
			if _, err := wire.EntityID(t.SendSignal.GetInstanceId()); err != nil {
				f = cmp.Or(f, failure(InvalidEntityID, err.Error()))
			}
		case *dtspb.OperationAction_StartNewOrchestration:
			start := t.StartNewOrchestration
			f = cmp.Or(f,
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

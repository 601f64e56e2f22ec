package engine

import (
	"fmt"
	"maps"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// Turn commits what an orchestrator decided (CompleteOrchestratorTask).
type Turn struct {
	ID  string
	Gen uint64
	// Started is the OrchestratorStarted event that the worker was handed.
	Started *dtspb.HistoryEvent
	// Response has the actions of all chunks.
	Response *dtspb.OrchestratorResponse
}

func (c Turn) touches(s *State) {
	s.need(c.ID)
	in := s.Instance(c.ID)
	if in == nil {
		return
	}
	if in.Rewinding() {
		s.needRewound(in, c.Response)
		return
	}
	if s.check(in, c.Response) != nil {
		s.needEnd(in) // the parent hears of the failure, and nothing else is carried out
		return
	}
	for _, a := range c.Response.GetActions() {
		switch t := a.GetOrchestratorActionType().(type) {
		case *dtspb.OrchestratorAction_CreateSubOrchestration:
			id := childID(in, a)
			s.needInstance(id)
			if child := s.Instance(id); child != nil {
				s.needEnd(child) // it may be replaced
			}
		case *dtspb.OrchestratorAction_SendEvent:
			s.needInstance(t.SendEvent.GetInstance().GetInstanceId())
		case *dtspb.OrchestratorAction_TerminateOrchestration:
			id := t.TerminateOrchestration.GetInstanceId()
			s.needInstance(id)
			if target := s.Instance(id); target != nil {
				s.needEnd(target)
			}
		case *dtspb.OrchestratorAction_SendEntityMessage:
			s.needEntities(t.SendEntityMessage)
		case *dtspb.OrchestratorAction_CompleteOrchestration:
			s.needEnd(in)
			if recursive(in) {
				for _, id := range in.openIDs(openChild) {
					s.need(in.open[id].child)
				}
			}
		}
	}
}

func (c Turn) apply(s *State, now time.Time) error {
	in := s.Instance(c.ID)
	if in == nil || in.Record.GetGeneration() != c.Gen || in.Delivered == 0 || in.Terminal() {
		return ErrStale
	}
	r := c.Response
	if in.Rewinding() {
		s.rewound(in, r, now)
		return nil
	}
	actions, status := r.GetActions(), r.GetCustomStatus()
	if problem := s.check(in, r); problem != nil {
		actions, status = []*dtspb.OrchestratorAction{failAction(actions, problem)}, nil
	}
	consumed := in.Delivered
	if n := r.GetNumEventsProcessed(); n != nil && int(n.GetValue()) < consumed {
		consumed = int(max(n.GetValue(), 0))
	}
	if in.Record.GetTurn() == 0 {
		consumed = max(consumed, 1) // without ExecutionStarted there is no execution
	}
	kill, began := recursive(in), in.Started()
	turn := s.consume(in, c.Started, consumed)
	if status != nil {
		in.Record.CustomStatus = status
	}
	if t := r.GetOrchestrationTraceContext(); t != nil {
		in.Record.Trace = t
	}
	var last *dtspb.OrchestratorAction
	for _, a := range actions {
		if cur := a.GetCompleteOrchestration(); cur != nil {
			// .NET can answer both terminated and continued-as-new; termination wins.
			if last == nil || cur.GetOrchestrationStatus() == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED {
				last = a
			}
			continue
		}
		if e := s.act(in, a, now); e != nil {
			turn.events = append(turn.events, e)
		}
	}
	if last == nil {
		s.commit(in, turn)
		s.hush(in)
		s.touch(in, now)
		return nil
	}
	if last.GetCompleteOrchestration().GetOrchestrationStatus() == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CONTINUED_AS_NEW {
		s.continueAsNew(in, began, last.GetCompleteOrchestration(), now)
		return nil
	}
	s.complete(in, turn, last, kill, now)
	return nil
}

// turn is a turn on its way into history.
type turn struct {
	started  *dtspb.HistoryEvent
	messages []Message
	events   []*dtspb.HistoryEvent
}

// consume takes the first n messages out of the inbox as those of the next turn.
func (s *State) consume(in *Instance, started *dtspb.HistoryEvent, n int) turn {
	rec := in.Record
	first := rec.GetTurn() == 0
	t := turn{started: started, messages: in.Inbox[:n:n]}
	// Not always the last turn's successor: when a turn with nothing but fired
	// timers was at a worker and the scheduler was restarted, its number is skipped.
	rec.Turn = in.Inbox[0].Turn
	in.Inbox = in.Inbox[n:]
	for _, m := range t.messages {
		in.bytes -= m.Size
	}
	rec.Clock = nanos(started.GetTimestamp())
	left := in.Delivered - n
	in.Delivered = 0
	for i, m := range t.messages {
		if !m.Stored {
			s.storeTimer(in, &t.messages[i])
		}
		switch m.Event.GetEventType().(type) {
		case *dtspb.HistoryEvent_ExecutionSuspended:
			rec.Status = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_SUSPENDED
		case *dtspb.HistoryEvent_ExecutionResumed:
			rec.Status = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_RUNNING
		}
	}
	if rec.GetStatus() == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_PENDING {
		rec.Status = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_RUNNING
	}
	if first && rec.GetScheduled() != 0 {
		s.fx.write(Write{Op: DeleteTimer, ID: rec.GetId(), Gen: rec.GetGeneration(), TaskID: StartTimer, At: rec.GetScheduled()})
	}
	if left > 0 {
		s.renumber(in)
	}
	return t
}

// storeTimer gives a fired timer its history row and removes it from the due index.
func (s *State) storeTimer(in *Instance, m *Message) {
	rec, fired := in.Record, m.Event.GetTimerFired()
	m.Stored = true
	delete(in.open, fired.GetTimerId())
	s.fx.write(Write{Op: PutMessage, ID: rec.GetId(), Gen: rec.GetGeneration(), Turn: m.Turn, Slot: m.Slot, Event: m.Event})
	s.fx.write(Write{Op: DeleteTimer, ID: rec.GetId(), Gen: rec.GetGeneration(), TaskID: fired.GetTimerId(), At: nanos(fired.GetFireAt())})
}

// renumber gives the messages that a worker sent back to the next turn, in front
// of those that have arrived since.
func (s *State) renumber(in *Instance) {
	rec, left := in.Record, in.Inbox
	for _, m := range left {
		if m.Stored {
			s.fx.write(Write{Op: DeleteMessage, ID: rec.GetId(), Gen: rec.GetGeneration(), Turn: m.Turn, Slot: m.Slot})
		}
	}
	in.clearInbox()
	for _, m := range left {
		m = in.append(m.Event, m.Stored)
		if m.Stored {
			s.fx.write(Write{Op: PutMessage, ID: rec.GetId(), Gen: rec.GetGeneration(), Turn: m.Turn, Slot: m.Slot, Event: m.Event})
		}
	}
}

// commit makes t history.
func (s *State) commit(in *Instance, t turn) {
	rec := in.Record
	before := len(in.History)
	size := proto.Size(t.started)
	in.History = append(in.History, t.started)
	for _, m := range t.messages {
		in.History = append(in.History, m.Event)
		size += m.Size
	}
	in.History = append(in.History, t.events...)
	for _, e := range t.events {
		size += proto.Size(e)
	}
	rec.HistoryBytes += uint64(size)
	rec.Events += uint32(len(in.History) - before)
	row := make([]*dtspb.HistoryEvent, 0, 1+len(t.events))
	row = append(append(row, t.started), t.events...)
	s.fx.write(Write{Op: PutTurn, ID: rec.GetId(), Gen: rec.GetGeneration(), Turn: rec.GetTurn(), Events: row})
}

// act carries out one action and returns the event that confirms it.
func (s *State) act(in *Instance, a *dtspb.OrchestratorAction, now time.Time) *dtspb.HistoryEvent {
	e := event(now)
	e.EventId = a.GetId()
	switch t := a.GetOrchestratorActionType().(type) {
	case *dtspb.OrchestratorAction_ScheduleTask:
		scheduled := &dtspb.TaskScheduledEvent{
			Name: t.ScheduleTask.GetName(), Version: t.ScheduleTask.GetVersion(), Input: t.ScheduleTask.GetInput(),
			ParentTraceContext: t.ScheduleTask.GetParentTraceContext(), Tags: t.ScheduleTask.GetTags(),
		}
		e.EventType = &dtspb.HistoryEvent_TaskScheduled{TaskScheduled: scheduled}
		in.observe(e)
		s.handOut(in, e, now)
	case *dtspb.OrchestratorAction_CreateTimer:
		e.EventType = &dtspb.HistoryEvent_TimerCreated{TimerCreated: &dtspb.TimerCreatedEvent{FireAt: t.CreateTimer.GetFireAt()}}
		in.observe(e)
		s.setTimer(in, a.GetId())
	case *dtspb.OrchestratorAction_CreateSubOrchestration:
		s.createChild(in, e, a, now)
	case *dtspb.OrchestratorAction_SendEvent:
		target := t.SendEvent.GetInstance().GetInstanceId()
		e.EventType = &dtspb.HistoryEvent_EventSent{EventSent: &dtspb.EventSentEvent{
			InstanceId: target, Name: t.SendEvent.GetName(), Input: t.SendEvent.GetData(),
		}}
		raised := event(now)
		raised.EventType = &dtspb.HistoryEvent_EventRaised{EventRaised: &dtspb.EventRaisedEvent{Name: t.SendEvent.GetName(), Input: t.SendEvent.GetData()}}
		s.deliver(s.Instance(target), raised, now)
	case *dtspb.OrchestratorAction_SendEntityMessage:
		s.sendToEntity(in, e, t.SendEntityMessage, now)
	case *dtspb.OrchestratorAction_TerminateOrchestration:
		s.terminate(s.Instance(t.TerminateOrchestration.GetInstanceId()), t.TerminateOrchestration.GetReason(), t.TerminateOrchestration.GetRecurse(), now)
		return nil
	}
	return e
}

// handOut gives workers the activity that e scheduled.
func (s *State) handOut(in *Instance, e *dtspb.HistoryEvent, now time.Time) {
	rec := in.Record
	task := Task{
		TaskKey: TaskKey{rec.GetId(), rec.GetGeneration(), e.GetEventId()},
		Task: &record.Task{
			Scheduled: e.GetTaskScheduled(), ExecutionId: rec.GetExecutionId(),
			OrchestrationVersion: rec.GetVersion().GetValue(), Since: now.UnixNano(),
		},
	}
	s.fx.Tasks = append(s.fx.Tasks, task)
	s.fx.write(Write{Op: PutTask, ID: task.ID, Gen: task.Gen, TaskID: task.TaskID, Task: task.Task})
}

// setTimer puts an open timer into the due index.
func (s *State) setTimer(in *Instance, id int32) {
	timer := Timer{TaskKey: TaskKey{in.ID(), in.Record.GetGeneration(), id}, Due: in.open[id].due}
	s.fx.Timers = append(s.fx.Timers, timer)
	s.fx.write(Write{Op: PutTimer, ID: timer.ID, Gen: timer.Gen, TaskID: timer.TaskID, At: timer.Due})
}

// createChild makes e the event that creates a sub-orchestration, and the
// sub-orchestration.
func (s *State) createChild(in *Instance, e *dtspb.HistoryEvent, a *dtspb.OrchestratorAction, now time.Time) {
	c, id := a.GetCreateSubOrchestration(), childID(in, a)
	e.EventType = &dtspb.HistoryEvent_SubOrchestrationInstanceCreated{SubOrchestrationInstanceCreated: &dtspb.SubOrchestrationInstanceCreatedEvent{
		InstanceId: id, Name: c.GetName(), Version: c.GetVersion(), Input: c.GetInput(),
		ParentTraceContext: c.GetParentTraceContext(), Tags: c.GetTags(),
	}}
	in.observe(e)
	s.spawn(in, e, now)
}

// spawn starts the sub-orchestration that e creates. An id that a live instance
// has, or that is too long, fails the call in the parent instead.
func (s *State) spawn(in *Instance, e *dtspb.HistoryEvent, now time.Time) {
	c := e.GetSubOrchestrationInstanceCreated()
	id := c.GetInstanceId()
	var refusal *dtspb.TaskFailureDetails
	old := s.Instance(id)
	if err := CheckInstanceID(id); err != nil {
		refusal = failure(InvalidInstanceID, err.Error())
	} else if old != nil && !old.Terminal() {
		refusal = failure(OrchestrationAlreadyExists, fmt.Sprintf("instance %q exists already and is %s", id, statusName(old.Record.GetStatus())))
	}
	if refusal != nil {
		failed := event(now)
		failedChild(refusal)(failed, e.GetEventId())
		s.deliver(in, failed, now)
		return
	}
	if old != nil {
		s.remove(old, now)
	}
	s.create(&record.Instance{
		Id: id, Name: c.GetName(), Version: c.GetVersion(), Tags: childTags(in.Record.GetTags(), c.GetTags()),
		Parent: &dtspb.ParentInstanceInfo{
			TaskScheduledId: e.GetEventId(), Name: wrapperspb.String(in.Record.GetName()), Version: in.Record.GetVersion(),
			OrchestrationInstance: &dtspb.OrchestrationInstance{
				InstanceId: in.ID(), ExecutionId: wrapperspb.String(in.Record.GetExecutionId()),
			},
		},
	}, &dtspb.ExecutionStartedEvent{Input: c.GetInput(), ParentTraceContext: c.GetParentTraceContext()}, now)
}

// childTags returns the tags of a child: its own, and those that it inherits.
func childTags(parent, own map[string]string) map[string]string {
	if len(parent)+len(own) == 0 {
		return nil
	}
	tags := make(map[string]string, len(parent)+len(own))
	maps.Copy(tags, parent)
	delete(tags, fireAndForget)
	maps.Copy(tags, own)
	return tags
}

// fireAndForget is the one tag that a child does not inherit: .NET marks with it
// a sub-orchestration that nobody waits for.
const fireAndForget = "FireAndForget"

// childID returns the id of the sub-orchestration that a creates.
func childID(in *Instance, a *dtspb.OrchestratorAction) string {
	if id := a.GetCreateSubOrchestration().GetInstanceId(); id != "" {
		return id
	}
	return fmt.Sprintf("%s:%04x", in.Record.GetExecutionId(), a.GetId())
}

// recursive reports whether the turn at the worker holds a terminate that goes
// on to the children.
func recursive(in *Instance) bool {
	for _, m := range in.Inbox[:in.Delivered] {
		if m.Event.GetExecutionTerminated().GetRecurse() {
			return true
		}
	}
	return false
}

package engine

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// A rewind has two steps, as in DTS. The first gives a failed instance back to a
// worker, with its whole history and the request to rewind it: it is rewinding,
// and waits for nothing else. The second is the worker's answer, the history
// without what failed. It becomes that of a new execution, which schedules again
// what is missing, and each child that failed is rewound in its turn.

// Rewind asks a failed instance to go on from what failed (RewindInstance).
type Rewind struct {
	ID     string
	Reason *wrapperspb.StringValue
}

func (c Rewind) touches(s *State) { s.need(c.ID) }

func (c Rewind) apply(s *State, now time.Time) error {
	in := s.Instance(c.ID)
	if in == nil {
		return refuse(ErrNotFound, "no instance with id %q", c.ID)
	}
	if st := in.Record.GetStatus(); st != dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED {
		return refuse(ErrConflict, "instance %q is %s, which does not allow a rewind: only a failed one can be rewound", c.ID, statusName(st))
	}
	if why := entangled(in.History); why != "" {
		return refuse(ErrConflict, "instance %q does not allow a rewind: it %s; restart it instead", c.ID, why)
	}
	s.rewind(in, &dtspb.ExecutionRewoundEvent{Reason: c.Reason}, now)
	return nil
}

// rewind takes a failed instance up again, for a worker to take the failure out
// of its history.
func (s *State) rewind(in *Instance, e *dtspb.ExecutionRewoundEvent, now time.Time) {
	rec := in.Record
	s.fx.write(Write{Op: DeleteCompleted, ID: rec.GetId(), At: rec.GetCompleted()})
	// What came too late for the execution is still there.
	s.fx.write(Write{Op: DeleteInbox, ID: rec.GetId(), Gen: rec.GetGeneration(), Turn: rec.GetTurn()})
	rec.Status, rec.Completed = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_RUNNING, 0
	rec.Output, rec.Failure = nil, nil
	rewound := event(now)
	rewound.EventType = &dtspb.HistoryEvent_ExecutionRewound{ExecutionRewound: e}
	s.deliver(in, rewound, now)
	s.touch(in, now)
}

// Rewinding reports whether the next turn is a worker's chance to take the
// failure out of the history.
func (in *Instance) Rewinding() bool {
	n := len(in.History)
	return n > 0 && !in.Terminal() && in.History[n-1].GetExecutionCompleted() != nil
}

// RewindFailed ends the rewind of an instance as no worker could do it: it is
// failed as it was before.
type RewindFailed struct {
	ID  string
	Gen uint64
}

func (c RewindFailed) touches(s *State) { Fail{ID: c.ID}.touches(s) }

func (c RewindFailed) apply(s *State, now time.Time) error {
	in := s.Instance(c.ID)
	if in == nil || in.Record.GetGeneration() != c.Gen || !in.Rewinding() {
		return ErrStale
	}
	s.giveUpRewind(in, now)
	return nil
}

func (s *State) giveUpRewind(in *Instance, now time.Time) {
	rec := in.Record
	e := in.History[len(in.History)-1]
	end := e.GetExecutionCompleted()
	rec.Status, rec.Completed = end.GetOrchestrationStatus(), nanos(e.GetTimestamp())
	rec.Output, rec.Failure = end.GetResult(), end.GetFailureDetails()
	s.fx.write(Write{Op: DeleteInbox, ID: rec.GetId(), Gen: rec.GetGeneration(), Turn: rec.GetTurn()})
	s.dropOpen(in)
	in.clearInbox()
	in.Delivered = 0
	s.hush(in)
	s.ended(in, now)
}

// needRewound adds what the answer to a rewind touches.
func (s *State) needRewound(in *Instance, r *dtspb.OrchestratorResponse) {
	s.needParent(in)
	for _, e := range rewoundHistory(r) {
		id := e.GetSubOrchestrationInstanceCreated().GetInstanceId()
		if id == "" {
			continue
		}
		s.needInstance(id)
		if child := s.Instance(id); child != nil {
			s.needEnd(child) // it may be replaced
		}
	}
}

// rewound takes the answer of a worker that was to rewind an instance.
func (s *State) rewound(in *Instance, r *dtspb.OrchestratorResponse, now time.Time) {
	turns := turnsOf(rewoundHistory(r))
	if turns == nil {
		s.giveUpRewind(in, now)
		return
	}
	rec, left := in.Record, in.Inbox
	before, started := rec.GetExecutionId(), proto.CloneOf(in.History[1])
	execution := turns[0][1].GetExecutionStarted().GetOrchestrationInstance().GetExecutionId().GetValue()
	if CheckInstanceID(execution) != nil || execution == before {
		execution = s.NewID()
	}
	s.dropExecution(in)
	rec.ExecutionId, rec.Generation = execution, s.NewGeneration()
	started.GetExecutionStarted().OrchestrationInstance.ExecutionId = wrapperspb.String(execution)
	started.GetExecutionStarted().ParentInstance = rec.GetParent()
	turns[0][1] = started
	scheduled := s.replaceHistory(in, turns)
	// The same event once more, now in a history without an end, makes a worker
	// run the orchestrator.
	s.deliver(in, left[0].Event, now)
	s.scheduleAgain(in, scheduled, before, now)
	for _, m := range left[1:] {
		if outlives(m.Event) {
			s.deliver(in, m.Event, now)
		}
	}
	s.touch(in, now)
}

// replaceHistory makes turns the history of the execution that begins, and
// returns what they scheduled by its id.
func (s *State) replaceHistory(in *Instance, turns [][]*dtspb.HistoryEvent) map[int32]*dtspb.HistoryEvent {
	rec := in.Record
	scheduled := make(map[int32]*dtspb.HistoryEvent)
	rec.Status = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_RUNNING
	for i, events := range turns {
		rec.Turn = uint32(i + 1)
		for _, e := range events {
			in.observe(e)
			rec.HistoryBytes += uint64(proto.Size(e))
			switch e.GetEventType().(type) {
			case *dtspb.HistoryEvent_TaskScheduled, *dtspb.HistoryEvent_SubOrchestrationInstanceCreated:
				scheduled[e.GetEventId()] = e
			case *dtspb.HistoryEvent_ExecutionSuspended:
				rec.Status = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_SUSPENDED
			case *dtspb.HistoryEvent_ExecutionResumed:
				rec.Status = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_RUNNING
			}
		}
		in.History = append(in.History, events...)
		row := events
		if i == 0 { // the start has a row of its own, as everywhere
			s.fx.write(Write{Op: PutMessage, ID: rec.GetId(), Gen: rec.GetGeneration(), Turn: 1, Slot: 1, Event: events[1]})
			row = append(append([]*dtspb.HistoryEvent(nil), events[0]), events[2:]...)
		}
		s.fx.write(Write{Op: PutTurn, ID: rec.GetId(), Gen: rec.GetGeneration(), Turn: rec.GetTurn(), Events: row})
	}
	rec.Events = uint32(len(in.History))
	return scheduled
}

// scheduleAgain does again what a rewound history has scheduled and has no
// outcome of.
func (s *State) scheduleAgain(in *Instance, scheduled map[int32]*dtspb.HistoryEvent, before string, now time.Time) {
	for _, id := range in.openIDs(openTask) {
		s.handOut(in, scheduled[id], now)
	}
	for _, id := range in.openIDs(openTimer) {
		s.setTimer(in, id)
	}
	for _, id := range in.openIDs(openChild) {
		s.rewindChild(in, scheduled[id], before, now)
	}
}

// rewindChild sees to a child that a rewound execution waits for. One that
// failed is rewound too, one that is gone is created again, the outcome of any
// other is or will be told to the new execution.
func (s *State) rewindChild(in *Instance, created *dtspb.HistoryEvent, before string, now time.Time) {
	child := s.Instance(created.GetSubOrchestrationInstanceCreated().GetInstanceId())
	if child == nil || !child.isChildOf(in, created.GetEventId(), before) {
		s.spawn(in, created, now)
		return
	}
	parent := proto.CloneOf(child.Record.GetParent()) // history holds it too
	parent.OrchestrationInstance.ExecutionId = wrapperspb.String(in.Record.GetExecutionId())
	child.Record.Parent = parent
	s.touch(child, now)
	failed := child.Record.GetStatus() == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED
	switch {
	case failed && entangled(child.History) == "":
		s.rewind(child, &dtspb.ExecutionRewoundEvent{
			Reason:            in.Inbox[0].Event.GetExecutionRewound().GetReason(),
			InstanceId:        wrapperspb.String(child.ID()),
			ParentExecutionId: parent.GetOrchestrationInstance().GetExecutionId(),
		}, now)
	case child.Terminal():
		s.tellOutcome(child, now)
	}
}

// isChildOf reports whether an execution of parent created the instance as its
// task.
func (in *Instance) isChildOf(parent *Instance, task int32, execution string) bool {
	info := in.Record.GetParent()
	return parentID(in) == parent.ID() && info.GetTaskScheduledId() == task &&
		info.GetOrchestrationInstance().GetExecutionId().GetValue() == execution
}

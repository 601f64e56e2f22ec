package engine

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Raise gives an event to an instance (RaiseEvent).
type Raise struct {
	ID, Name string
	Input    *wrapperspb.StringValue
}

func (c Raise) touches(s *State) { s.need(c.ID) }

func (c Raise) apply(s *State, now time.Time) error {
	e := event(now)
	e.EventType = &dtspb.HistoryEvent_EventRaised{EventRaised: &dtspb.EventRaisedEvent{Name: c.Name, Input: c.Input}}
	return s.send(c.ID, e, now)
}

// Suspend asks an instance to pause (SuspendInstance).
type Suspend struct {
	ID     string
	Reason *wrapperspb.StringValue
}

func (c Suspend) touches(s *State) { s.need(c.ID) }

func (c Suspend) apply(s *State, now time.Time) error {
	e := event(now)
	e.EventType = &dtspb.HistoryEvent_ExecutionSuspended{ExecutionSuspended: &dtspb.ExecutionSuspendedEvent{Input: c.Reason}}
	return s.send(c.ID, e, now)
}

// Resume asks a paused instance to go on (ResumeInstance).
type Resume struct {
	ID     string
	Reason *wrapperspb.StringValue
}

func (c Resume) touches(s *State) { s.need(c.ID) }

func (c Resume) apply(s *State, now time.Time) error {
	e := event(now)
	e.EventType = &dtspb.HistoryEvent_ExecutionResumed{ExecutionResumed: &dtspb.ExecutionResumedEvent{Input: c.Reason}}
	return s.send(c.ID, e, now)
}

// Terminate asks an instance to end with an output (TerminateInstance).
type Terminate struct {
	ID        string
	Output    *wrapperspb.StringValue
	Recursive bool
}

func (c Terminate) touches(s *State) {
	s.need(c.ID)
	if in := s.Instance(c.ID); in != nil {
		s.needEnd(in)
	}
}

func (c Terminate) apply(s *State, now time.Time) error {
	in := s.Instance(c.ID)
	if in == nil {
		return refuse(ErrNotFound, "no instance with id %q", c.ID)
	}
	s.terminate(in, c.Output, c.Recursive, now)
	return nil
}

// terminate sends ExecutionTerminated, once, or ends an instance that no worker
// has seen: a hub without workers can be cleaned up too.
func (s *State) terminate(in *Instance, output *wrapperspb.StringValue, recursive bool, now time.Time) {
	if in == nil || in.Terminal() {
		return
	}
	if in.Record.GetTurn() == 0 && in.Delivered == 0 && in.Record.GetStatus() == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_PENDING {
		s.endWithoutWorker(in, &dtspb.CompleteOrchestrationAction{
			OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED, Result: output,
		}, now)
		return
	}
	for _, m := range in.Inbox[in.Delivered:] {
		if t := m.Event.GetExecutionTerminated(); t != nil && (t.GetRecurse() || !recursive) {
			return
		}
	}
	e := event(now)
	e.EventType = &dtspb.HistoryEvent_ExecutionTerminated{ExecutionTerminated: &dtspb.ExecutionTerminatedEvent{Input: output, Recurse: recursive}}
	s.deliver(in, e, now)
}

// send delivers a client's message; an ended instance takes it in silence.
func (s *State) send(id string, e *dtspb.HistoryEvent, now time.Time) error {
	in := s.Instance(id)
	if in == nil {
		return refuse(ErrNotFound, "no instance with id %q", id)
	}
	s.deliver(in, e, now)
	return nil
}

// TimerDue tells an instance that a timer of its is due.
type TimerDue struct {
	Timer Timer
}

func (c TimerDue) touches(s *State) { s.need(c.Timer.ID) }

func (c TimerDue) apply(s *State, now time.Time) error {
	t := c.Timer
	if t.TaskID == SignalTimer {
		s.signalDue(t, now)
		return nil
	}
	in := s.Instance(t.ID)
	if in != nil && !in.Terminal() && in.Record.GetGeneration() == t.Gen {
		if t.TaskID == StartTimer && in.Record.GetTurn() == 0 {
			return nil // the message has been in the inbox since the start
		}
		if o := in.open[t.TaskID]; o.kind == openTimer && o.due == t.Due {
			if !o.fired {
				in.fire(t.TaskID, o)
			}
			return nil
		}
	}
	s.fx.write(Write{Op: DeleteTimer, ID: t.ID, Gen: t.Gen, TaskID: t.TaskID, At: t.Due}) // left by an execution that is gone
	return nil
}

// Purge deletes an ended instance, with its sub-orchestrations if asked
// (PurgeInstances). Live and unknown ones are left alone.
type Purge struct {
	ID        string
	Recursive bool
	// Deleted receives the number of instances deleted.
	Deleted *int
}

func (c Purge) touches(s *State) {
	s.need(c.ID)
	if c.Recursive {
		c.walk(s, c.ID, map[string]bool{}, func(in *Instance) {
			for _, child := range childrenOf(in) {
				s.need(child)
			}
		})
	}
}

func (c Purge) apply(s *State, now time.Time) error {
	var gone []*Instance
	c.walk(s, c.ID, map[string]bool{}, func(in *Instance) { gone = append(gone, in) })
	for _, in := range slices.Backward(gone) { // children first
		s.remove(in, now)
	}
	*c.Deleted = len(gone)
	return nil
}

// walk visits id and, if the purge is recursive, the ended instances below it.
func (c Purge) walk(s *State, id string, seen map[string]bool, visit func(*Instance)) {
	in := s.Instance(id)
	if in == nil || seen[id] || !in.Terminal() {
		return
	}
	seen[id] = true
	visit(in)
	if !c.Recursive {
		return
	}
	for _, id := range childrenOf(in) {
		// The id may belong to an unrelated instance by now.
		if child := s.Instance(id); child != nil && parentID(child) == in.ID() {
			c.walk(s, id, seen, visit)
		}
	}
}

// childrenOf returns the ids of all sub-orchestrations in the history of in.
func childrenOf(in *Instance) []string {
	var ids []string
	for _, e := range in.History {
		if c := e.GetSubOrchestrationInstanceCreated(); c != nil {
			ids = append(ids, c.GetInstanceId())
		}
	}
	return ids
}

// statusName returns the name people know a status by.
func statusName(s dtspb.OrchestrationStatus) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "ORCHESTRATION_STATUS_"))
}

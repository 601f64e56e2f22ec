package engine

import (
	"encoding/json"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// complete ends the execution with t as its last turn and action a.
func (s *State) complete(in *Instance, t turn, a *dtspb.OrchestratorAction, recurse bool, now time.Time) {
	c := a.GetCompleteOrchestration()
	if recurse && c.GetOrchestrationStatus() == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED {
		for _, id := range in.openIDs(openChild) {
			s.terminate(s.Instance(in.open[id].child), c.GetResult(), true, now)
		}
	}
	s.finish(in, t, a.GetId(), c, now)
}

// finish records the outcome, tells the parent and drops what is left to do.
func (s *State) finish(in *Instance, t turn, id int32, c *dtspb.CompleteOrchestrationAction, now time.Time) {
	rec := in.Record
	rec.Status, rec.Output, rec.Failure, rec.Completed = c.GetOrchestrationStatus(), c.GetResult(), c.GetFailureDetails(), now.UnixNano()
	if rec.GetStatus() == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED && rec.GetFailure() == nil {
		rec.Failure = failure("OrchestrationFailed", c.GetDetails().GetValue()) // an SDK from before failure details
	}
	e := event(now)
	e.EventId = id
	e.EventType = &dtspb.HistoryEvent_ExecutionCompleted{ExecutionCompleted: &dtspb.ExecutionCompletedEvent{
		OrchestrationStatus: rec.GetStatus(), Result: rec.GetOutput(), FailureDetails: rec.GetFailure(),
	}}
	t.events = append(t.events, e)
	s.commit(in, t)
	s.releaseLocks(in)
	s.dropOpen(in)
	in.clearInbox()
	s.hush(in)
	s.ended(in, now)
}

// ended makes the end of in known: to those who list what has ended, and to the
// parent.
func (s *State) ended(in *Instance, now time.Time) {
	rec := in.Record
	s.fx.write(Write{Op: PutCompleted, ID: rec.GetId(), At: rec.GetCompleted(), Instance: rec})
	s.touch(in, now)
	s.tellOutcome(in, now)
}

// tellOutcome tells the parent how an ended instance ended.
func (s *State) tellOutcome(in *Instance, now time.Time) {
	rec := in.Record
	switch rec.GetStatus() {
	case dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED:
		s.tellParent(in, completedChild(rec.GetOutput()), now)
	case dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED:
		s.tellParent(in, failedChild(rec.GetFailure()), now)
	default:
		s.tellParent(in, failedChild(failure("OrchestrationTerminated", text(rec.GetOutput()))), now)
	}
}

// Fail ends an instance that no worker can carry on with (poison).
type Fail struct {
	ID      string
	Gen     uint64
	Failure *dtspb.TaskFailureDetails
}

func (c Fail) touches(s *State) {
	s.need(c.ID)
	if in := s.Instance(c.ID); in != nil {
		s.needEnd(in)
	}
}

func (c Fail) apply(s *State, now time.Time) error {
	in := s.Instance(c.ID)
	if in == nil || in.Record.GetGeneration() != c.Gen || !in.Deliverable(now) {
		return ErrStale
	}
	if in.Rewinding() {
		s.giveUpRewind(in, now)
		return nil
	}
	s.endWithoutWorker(in, &dtspb.CompleteOrchestrationAction{
		OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED, FailureDetails: c.Failure,
	}, now)
	return nil
}

// endWithoutWorker takes the next turn in the worker's place and ends with it.
func (s *State) endWithoutWorker(in *Instance, c *dtspb.CompleteOrchestrationAction, now time.Time) {
	started := in.Deliver(now)[0]
	s.finish(in, s.consume(in, started, in.Delivered), 0, c, now)
}

// continueAsNew replaces the execution by a new one under the same id. Messages
// for the old one are gone with it; events, and requests to suspend, resume or
// terminate, are the instance's and stay.
func (s *State) continueAsNew(in *Instance, old *dtspb.ExecutionStartedEvent, c *dtspb.CompleteOrchestrationAction, now time.Time) {
	rec := in.Record
	left := in.Inbox
	started := &dtspb.ExecutionStartedEvent{Input: c.GetResult(), ParentTraceContext: old.GetParentTraceContext()}
	s.releaseLocks(in)
	s.dropExecution(in)
	if c.GetNewVersion() != nil {
		rec.Version = c.GetNewVersion()
	}
	rec.Scheduled = 0
	rec.Status = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_RUNNING
	s.begin(in, started, now)
	for _, e := range c.GetCarryoverEvents() {
		if outlives(e) {
			s.deliver(in, e, now)
		}
	}
	for _, m := range left {
		if outlives(m.Event) {
			s.deliver(in, m.Event, now)
		}
	}
}

// outlives reports whether a message is the instance's and not an execution's.
func outlives(e *dtspb.HistoryEvent) bool {
	switch e.GetEventType().(type) {
	case *dtspb.HistoryEvent_EventRaised, *dtspb.HistoryEvent_ExecutionSuspended,
		*dtspb.HistoryEvent_ExecutionResumed, *dtspb.HistoryEvent_ExecutionTerminated:
		return true
	default:
		return false
	}
}

// ActivityDone records the outcome of an activity (CompleteActivityTask). Where
// nobody waits for it any more it is discarded.
type ActivityDone struct {
	Task    TaskKey
	Result  *wrapperspb.StringValue
	Failure *dtspb.TaskFailureDetails
}

func (c ActivityDone) touches(s *State) { s.need(c.Task.ID) }

func (c ActivityDone) apply(s *State, now time.Time) error {
	in := s.Instance(c.Task.ID)
	if in == nil || in.Record.GetGeneration() != c.Task.Gen || in.open[c.Task.TaskID].kind != openTask {
		return nil
	}
	f := s.failureTooLarge(c.Failure)
	if f == nil {
		f = s.tooLarge("result of the activity", "", c.Result)
	}
	if f != nil {
		c.Failure = f
	}
	e := event(now)
	if c.Failure != nil {
		e.EventType = &dtspb.HistoryEvent_TaskFailed{TaskFailed: &dtspb.TaskFailedEvent{TaskScheduledId: c.Task.TaskID, FailureDetails: c.Failure}}
	} else {
		e.EventType = &dtspb.HistoryEvent_TaskCompleted{TaskCompleted: &dtspb.TaskCompletedEvent{TaskScheduledId: c.Task.TaskID, Result: c.Result}}
	}
	s.fx.write(Write{Op: DeleteTask, ID: c.Task.ID, Gen: c.Task.Gen, TaskID: c.Task.TaskID})
	s.deliver(in, e, now)
	return nil
}

// tellParent delivers the outcome of in to the execution that waits for it.
func (s *State) tellParent(in *Instance, outcome func(*dtspb.HistoryEvent, int32), now time.Time) {
	info := in.Record.GetParent()
	if info == nil {
		return
	}
	parent := s.Instance(parentID(in))
	if parent == nil || parent.Record.GetExecutionId() != info.GetOrchestrationInstance().GetExecutionId().GetValue() {
		return
	}
	e := event(now)
	outcome(e, info.GetTaskScheduledId())
	s.deliver(parent, e, now)
}

func completedChild(result *wrapperspb.StringValue) func(*dtspb.HistoryEvent, int32) {
	return func(e *dtspb.HistoryEvent, task int32) {
		e.EventType = &dtspb.HistoryEvent_SubOrchestrationInstanceCompleted{
			SubOrchestrationInstanceCompleted: &dtspb.SubOrchestrationInstanceCompletedEvent{TaskScheduledId: task, Result: result},
		}
	}
}

func failedChild(f *dtspb.TaskFailureDetails) func(*dtspb.HistoryEvent, int32) {
	return func(e *dtspb.HistoryEvent, task int32) {
		e.EventType = &dtspb.HistoryEvent_SubOrchestrationInstanceFailed{
			SubOrchestrationInstanceFailed: &dtspb.SubOrchestrationInstanceFailedEvent{TaskScheduledId: task, FailureDetails: f},
		}
	}
}

// failure returns failure details that the scheduler made: trying again would
// not help.
func failure(kind, message string) *dtspb.TaskFailureDetails {
	return &dtspb.TaskFailureDetails{ErrorType: kind, ErrorMessage: message, IsNonRetriable: true}
}

// text returns a payload as people read it: a JSON string without its quotes.
func text(v *wrapperspb.StringValue) string {
	var s string
	if err := json.Unmarshal([]byte(v.GetValue()), &s); err == nil {
		return s
	}
	return v.GetValue()
}

// needInstance adds an id that a worker took for an orchestration's.
func (s *State) needInstance(id string) {
	if !wire.IsEntity(id) {
		s.need(id)
	}
}

// needEnd adds what the end of an instance touches: the parent that hears of it
// and the entities it has locked.
func (s *State) needEnd(in *Instance) {
	s.needParent(in)
	s.needLocks(in)
}

func (s *State) needParent(in *Instance) {
	if id := parentID(in); id != "" {
		s.need(id)
	}
}

func parentID(in *Instance) string {
	return in.Record.GetParent().GetOrchestrationInstance().GetInstanceId()
}

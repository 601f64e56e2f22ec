package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// Start creates an instance (StartInstance).
type Start struct {
	// Request has an instance id.
	Request *dtspb.CreateInstanceRequest
	// RequestID tells a repeated request from another one; may be empty.
	RequestID string
}

func (c Start) touches(s *State) {
	s.need(c.Request.GetInstanceId())
	if old := s.Instance(c.Request.GetInstanceId()); old != nil {
		s.needEnd(old)
	}
}

func (c Start) apply(s *State, now time.Time) error {
	r := c.Request
	if err := checkReuse(r.GetOrchestrationIdReusePolicy()); err != nil {
		return err
	}
	old := s.Instance(r.GetInstanceId())
	if madeBy(old, c.RequestID) {
		return nil
	}
	if old != nil && !replaceable(old.Record.GetStatus(), r.GetOrchestrationIdReusePolicy()) {
		return refuse(ErrExists, "instance %q exists already and is %s", r.GetInstanceId(), statusName(old.Record.GetStatus()))
	}
	scheduled := int64(0)
	// JavaScript sends 1970 when the caller named no time.
	if t := r.GetScheduledStartTimestamp(); t != nil && t.AsTime().After(now) {
		scheduled = nanos(t)
	}
	if old != nil {
		s.remove(old, now)
	}
	s.create(&record.Instance{
		Id: r.GetInstanceId(), Name: r.GetName(), Version: r.GetVersion(), Tags: r.GetTags(), Scheduled: scheduled,
		Request: c.RequestID,
	}, &dtspb.ExecutionStartedEvent{
		Input: r.GetInput(), ParentTraceContext: r.GetParentTraceContext(), OrchestrationInstance: c.execution(old),
	}, now)
	return nil
}

// execution returns the execution that the caller named, if it did in the form of
// our own ids: others would have to be bounded, and could meet the one before.
func (c Start) execution(old *Instance) *dtspb.OrchestrationInstance {
	id := c.Request.GetExecutionId().GetValue()
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" || old != nil && old.Record.GetExecutionId() == id {
		return nil
	}
	return &dtspb.OrchestrationInstance{ExecutionId: c.Request.GetExecutionId()}
}

// madeBy reports whether the request, which has come again, made in.
func madeBy(in *Instance, request string) bool {
	return in != nil && request != "" && in.Record.GetRequest() == request
}

// create makes a new instance of rec, whose first message is started, completed
// by what rec says.
func (s *State) create(rec *record.Instance, started *dtspb.ExecutionStartedEvent, now time.Time) {
	rec.Status = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_PENDING
	rec.Created = now.UnixNano()
	in := &Instance{Record: rec}
	s.Put(rec.GetId(), in)
	s.fx.write(Write{Op: PutCreated, ID: rec.GetId(), At: rec.GetCreated()})
	s.begin(in, started, now)
	if rec.GetScheduled() != 0 {
		key := TaskKey{rec.GetId(), rec.GetGeneration(), StartTimer}
		s.fx.write(Write{Op: PutTimer, ID: key.ID, Gen: key.Gen, TaskID: StartTimer, At: rec.GetScheduled()})
		s.fx.Timers = append(s.fx.Timers, Timer{TaskKey: key, Due: rec.GetScheduled()})
	}
}

// begin gives in a new execution that starts with started.
func (s *State) begin(in *Instance, started *dtspb.ExecutionStartedEvent, now time.Time) {
	rec := in.Record
	rec.ExecutionId = started.GetOrchestrationInstance().GetExecutionId().GetValue()
	if rec.GetExecutionId() == "" {
		rec.ExecutionId = s.NewID()
	}
	rec.Generation, rec.Turn = s.NewGeneration(), 0
	started.Name, started.Version, started.Tags, started.ParentInstance = rec.GetName(), rec.GetVersion(), rec.GetTags(), rec.GetParent()
	started.OrchestrationInstance = &dtspb.OrchestrationInstance{
		InstanceId: rec.GetId(), ExecutionId: wrapperspb.String(rec.GetExecutionId()),
	}
	if rec.GetScheduled() != 0 {
		started.ScheduledStartTimestamp = timestamppb.New(time.Unix(0, rec.GetScheduled()))
	}
	e := event(now)
	e.EventId = 0 // as DTS numbers it
	e.EventType = &dtspb.HistoryEvent_ExecutionStarted{ExecutionStarted: started}
	s.deliver(in, e, now)
	s.touch(in, now)
}

// remove deletes an instance so that another may take its id. A live one ends
// for those who wait for it: its parent hears of a failure.
func (s *State) remove(in *Instance, now time.Time) {
	if !in.Terminal() {
		s.tellParent(in, failedChild(failure("OrchestrationReplaced", "instance "+in.ID()+" was replaced by a new start")), now)
	}
	s.releaseLocks(in)
	s.dropExecution(in)
	s.fx.write(Write{Op: DeleteCreated, ID: in.ID(), At: in.Record.GetCreated()})
	if in.Terminal() {
		s.fx.write(Write{Op: DeleteCompleted, ID: in.ID(), At: in.Record.GetCompleted()})
	}
	s.fx.write(Write{Op: DeleteInstance, ID: in.ID()})
	s.Put(in.ID(), nil)
}

// CheckInstanceID says what is wrong with the id of a new orchestration, or nil.
func CheckInstanceID(id string) error {
	if err := wire.CheckID(id); err != nil {
		return err
	}
	if id[0] == '@' {
		return fmt.Errorf("instance id %q begins with @, which is for entities", id)
	}
	return nil
}

// replaceable is the reuse rule. Without a policy a live instance is kept and an
// ended one replaced; with one, only the statuses it lists are replaced.
func replaceable(status dtspb.OrchestrationStatus, p *dtspb.OrchestrationIdReusePolicy) bool {
	if p == nil {
		return Terminal(status)
	}
	return slices.Contains(p.GetReplaceableStatus(), status)
}

// checkReuse refuses a policy that replaces what runs but not what was
// terminated: replacing goes through termination. DTS has the same text.
func checkReuse(p *dtspb.OrchestrationIdReusePolicy) error {
	live := slices.ContainsFunc(p.GetReplaceableStatus(), func(s dtspb.OrchestrationStatus) bool { return !Terminal(s) })
	if live && !slices.Contains(p.GetReplaceableStatus(), dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED) {
		return refuse(ErrInvalid, "Invalid reusable statuses: cannot exclude 'Terminated' while also allowing reuse of running instances")
	}
	return nil
}

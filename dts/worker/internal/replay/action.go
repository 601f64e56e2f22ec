package replay

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// kind is a kind of action; its text is what a non-determinism failure says.
type kind string

const (
	activity      kind = "activity"
	timer         kind = "timer"
	orchestration kind = "sub-orchestration"
	sentEvent     kind = "event"
	entityCall    kind = "entity call"
	entitySignal  kind = "entity signal"
	entityLock    kind = "entity lock"
	entityUnlock  kind = "entity unlock"
	completion    kind = "end of the orchestrator"

	raisedEvent kind = "raised event" // a task, not an action
)

// action is something the orchestrator asked for. Most are asked for again in
// each replay, only to be confirmed by the next events, so the message is made
// late, from those that are left.
type action struct {
	id      int32
	kind    kind
	name    string
	target  string // instance id
	request string // id of what is asked of an entity
	set     []string
	version *string
	input   []byte
	tags    map[string]string
	fireAt  time.Time
}

// pending holds actions without confirmation, by ascending id. History mostly
// confirms them in that order.
type pending struct {
	list []*action
	head int
	last int32 // the next sequence id
}

// add gives a its sequence id.
func (p *pending) add(a *action) {
	a.id = p.last
	p.last++
	if p.head == len(p.list) {
		p.list, p.head = p.list[:0], 0
	}
	p.list = append(p.list, a)
}

// remove takes out the action with that id; nil if there is none.
func (p *pending) remove(id int32) *action {
	open := p.open()
	i := 0
	if len(open) == 0 || open[0].id != id {
		var found bool
		if i, found = slices.BinarySearchFunc(open, id, func(a *action, id int32) int { return cmp.Compare(a.id, id) }); !found {
			return nil
		}
	}
	a := open[i]
	if i > 0 {
		p.list = slices.Delete(p.list, p.head+i, p.head+i+1)
		return a
	}
	open[0] = nil
	p.head++
	return a
}

// open returns what is not confirmed.
func (p *pending) open() []*action { return p.list[p.head:] }

// confirm takes the event of an earlier turn as proof that the orchestrator
// asks for the same things again. It returns what was asked for, nil if it is
// something else. An empty target is not compared.
func (t *Turn) confirm(id int32, k kind, name, target string) *action {
	if t.end != nil && t.end.alone {
		return nil
	}
	a := t.pending.remove(id)
	if a != nil && a.kind == k && a.name == name && (target == "" || a.target == target) {
		return a
	}
	was, is := describe(k, name, target), "nothing"
	switch {
	case a != nil:
		is = describe(a.kind, a.name, a.target)
	case t.end != nil && t.end.id == id:
		is = string(completion)
	}
	t.notice(was, is, a)
	t.diverge(id, was, is)
	return nil
}

// scheduled is a ScheduleTask action in one allocation.
type scheduled struct {
	action dtspb.OrchestratorAction
	oneof  dtspb.OrchestratorAction_ScheduleTask
	task   dtspb.ScheduleTaskAction
	input  wrapperspb.StringValue
}

// message returns a as it is answered by a turn.
func (a *action) message(by *Turn) *dtspb.OrchestratorAction {
	m := &dtspb.OrchestratorAction{Id: a.id}
	switch a.kind {
	case activity:
		s := &scheduled{}
		s.action.Id = a.id
		s.action.OrchestratorActionType = &s.oneof
		s.oneof.ScheduleTask = &s.task
		s.task.Name, s.task.Version, s.task.Tags = a.name, optional(a.version), maps.Clone(a.tags)
		if a.input != nil {
			s.input.Value = string(a.input)
			s.task.Input = &s.input
		}
		return &s.action
	case timer:
		m.OrchestratorActionType = &dtspb.OrchestratorAction_CreateTimer{CreateTimer: &dtspb.CreateTimerAction{
			FireAt: timestamppb.New(a.fireAt),
		}}
	case orchestration:
		m.OrchestratorActionType = &dtspb.OrchestratorAction_CreateSubOrchestration{CreateSubOrchestration: &dtspb.CreateSubOrchestrationAction{
			InstanceId: a.target, Name: a.name, Version: optional(a.version), Input: wire.FromPayload(a.input), Tags: maps.Clone(a.tags),
		}}
	case sentEvent:
		m.OrchestratorActionType = &dtspb.OrchestratorAction_SendEvent{SendEvent: &dtspb.SendEventAction{
			Instance: &dtspb.OrchestrationInstance{InstanceId: a.target}, Name: a.name, Data: wire.FromPayload(a.input),
		}}
	case entityCall, entitySignal, entityLock, entityUnlock:
		m.OrchestratorActionType = &dtspb.OrchestratorAction_SendEntityMessage{SendEntityMessage: a.entityMessage(by)}
	}
	return m
}

// optional wraps s unless there is none.
func optional(s *string) *wrapperspb.StringValue {
	if s == nil {
		return nil
	}
	return wrapperspb.String(*s)
}

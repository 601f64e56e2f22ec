package engine

import (
	"slices"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/planted"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// An orchestration locks a set of entities at once. The request stands in the
// queue of each of them, put there by one decision, so that all queues agree on
// the order of requests and no two can wait for each other. It holds up what
// comes behind it. It is granted, by one decision again, when it is first in
// every queue and no entity of the set is locked or at a worker.

// requestLock puts a request into the queues of its set.
func (s *State) requestLock(in *Instance, r *dtspb.EntityLockRequestedEvent, now time.Time) {
	sender := &record.EntityOwner{
		InstanceId: in.ID(), ExecutionId: in.Record.GetExecutionId(), CriticalSectionId: r.GetCriticalSectionId(),
	}
	for _, id := range lockSet(r) {
		e := event(now)
		e.EventType = &dtspb.HistoryEvent_EntityLockRequested{EntityLockRequested: r}
		s.enqueue(s.Entity(id), &record.EntityMessage{Event: e, Sender: sender}, now)
		if !slices.Contains(in.Record.GetLocks(), id) {
			in.Record.Locks = append(in.Record.Locks, id)
		}
	}
}

// lockSet returns the ids of a request as they are kept, in order.
func lockSet(r *dtspb.EntityLockRequestedEvent) []string {
	var ids []string
	for _, id := range r.GetLockSet() {
		if id, err := wire.EntityID(id); err == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// WantsLock reports whether a request for a lock is next.
func (e *Entity) WantsLock() bool {
	return e.Record.GetOwner() == nil && len(e.Delivered) == 0 && len(e.Queue) > 0 && isLock(e.Queue[0])
}

// Grant gives a lock to the request that is first in the entity's queue, if the
// other entities of its set are ready for it too.
type Grant struct{ ID string }

func (c Grant) touches(s *State) {
	s.need(c.ID)
	e := s.Entity(c.ID)
	if e == nil || !e.WantsLock() {
		return
	}
	s.needSender(e.Queue[0])
	for _, id := range lockSet(e.Queue[0].GetEvent().GetEntityLockRequested()) {
		s.need(id)
	}
}

func (c Grant) apply(s *State, now time.Time) error {
	e := s.Entity(c.ID)
	if !e.WantsLock() {
		return nil
	}
	want := e.Queue[0].GetSender()
	set := lockSet(e.Queue[0].GetEvent().GetEntityLockRequested())
	for _, id := range set {
		other := s.Entity(id)
		if !other.WantsLock() || other.Queue[0].GetSender().GetCriticalSectionId() != want.GetCriticalSectionId() {
			return nil // it asks again when it is first there
		}
	}
	for _, id := range set {
		other := s.Entity(id)
		first := other.Queue[0].Number
		s.dropMessages(other, func(m EntityMessage) bool { return m.Number == first })
		other.Record.Owner = want
		s.keep(other)
	}
	granted := event(now)
	granted.EventType = &dtspb.HistoryEvent_EntityLockGranted{EntityLockGranted: &dtspb.EntityLockGrantedEvent{CriticalSectionId: want.GetCriticalSectionId()}}
	s.deliver(s.Instance(want.GetInstanceId()), granted, now)
	return nil
}

// unlock ends the hold of an execution on an entity, and its wish for one.
func (s *State) unlock(e *Entity, in *Instance) {
	me := &record.EntityOwner{InstanceId: in.ID(), ExecutionId: in.Record.GetExecutionId()}
	in.Record.Locks = slices.DeleteFunc(in.Record.GetLocks(), func(id string) bool { return id == e.ID() })
	s.dropMessages(e, func(m EntityMessage) bool { return isLock(m) && sameExecution(m.GetSender(), me) })
	if sameExecution(e.Record.GetOwner(), me) {
		e.Record.Owner = nil
	}
	s.keep(e)
}

// releaseLocks ends all holds of an execution that ends.
func (s *State) releaseLocks(in *Instance) {
	if planted.Active(planted.LockNotReleased) {
		return
	}
	for _, id := range slices.Clone(in.Record.GetLocks()) {
		s.unlock(s.Entity(id), in)
	}
}

// needLocks adds the entities that releaseLocks needs.
func (s *State) needLocks(in *Instance) {
	for _, id := range in.Record.GetLocks() {
		s.need(id)
	}
}

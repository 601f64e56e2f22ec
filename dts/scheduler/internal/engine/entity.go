package engine

import (
	"cmp"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

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

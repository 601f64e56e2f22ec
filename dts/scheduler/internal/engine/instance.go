package engine

import (
	"math"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/planted"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// Instance is one orchestration in memory.
type Instance struct {
	// Record is what the instance's own row holds.
	Record *record.Instance
	// History is the committed history of the current execution.
	History []*dtspb.HistoryEvent
	// Inbox holds the messages that no committed turn has consumed, in order.
	Inbox []Message
	// ReadyRow tells that a row announces stored messages. There is one whenever
	// the inbox has any; it may outlive them.
	ReadyRow bool
	// Delivered is how many messages of the inbox a worker was handed and has not
	// answered for; 0 is none.
	Delivered int

	open  map[int32]open
	bytes int // of the messages of the inbox
	tail  int // of those of its last turn
}

// turnBytes is how large the messages of a turn may be together; a message that
// is larger has a turn to itself. A worker must be able to receive a turn.
const turnBytes = 1 << 20

// Message is something an execution has not consumed yet.
type Message struct {
	Turn, Slot uint32
	Event      *dtspb.HistoryEvent
	// Stored is false for a fired timer, whose row is the one in the due index.
	Stored bool
	// Size is that of the event in bytes.
	Size int
}

// open is something an execution scheduled and has no outcome of.
type open struct {
	kind  openKind
	due   int64  // timer: when it fires
	fired bool   // timer: its message is in the inbox
	child string // child: its instance id
}

type openKind uint8

const (
	openTask openKind = iota + 1
	openTimer
	openChild
)

// Load makes an instance of what is stored: its record, the committed history
// and the messages beyond it. Timers that are due by now become messages again.
func Load(rec *record.Instance, history []*dtspb.HistoryEvent, inbox []Message, readyRow bool, now time.Time) *Instance {
	in := &Instance{Record: rec, History: history, Inbox: inbox, ReadyRow: readyRow}
	if in.Terminal() {
		return in // it waits for nothing
	}
	if !in.Rewinding() { // else what the history is about has ended
		for _, e := range history {
			in.observe(e)
		}
	}
	for i := range inbox {
		m := &inbox[i]
		in.observe(m.Event)
		if i == 0 || m.Turn != inbox[i-1].Turn {
			in.tail = 0
		}
		m.Size = proto.Size(m.Event)
		in.tail += m.Size
		in.bytes += m.Size
	}
	in.fireDue(now)
	return in
}

// ID returns the instance id.
func (in *Instance) ID() string { return in.Record.GetId() }

// Started returns the event that began the current execution.
func (in *Instance) Started() *dtspb.ExecutionStartedEvent {
	for _, e := range in.History[:min(len(in.History), 2)] {
		if s := e.GetExecutionStarted(); s != nil {
			return s
		}
	}
	if len(in.Inbox) > 0 {
		return in.Inbox[0].Event.GetExecutionStarted()
	}
	return nil
}

// Terminal reports whether the instance has ended for good.
func (in *Instance) Terminal() bool { return Terminal(in.Record.GetStatus()) }

// Terminal reports whether s is a status that only a purge, a rewind or a new
// start can change.
func Terminal(s dtspb.OrchestrationStatus) bool {
	switch s {
	case dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED,
		dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED,
		dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CANCELED,
		dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED:
		return true
	default:
		return false
	}
}

// Deliverable reports whether a worker could take a turn at now.
func (in *Instance) Deliverable(now time.Time) bool {
	return len(in.Inbox) > 0 && !in.Terminal() && !in.waitsForStart(now)
}

// waitsForStart reports whether the instance was started for a later time.
func (in *Instance) waitsForStart(now time.Time) bool {
	return in.Record.GetTurn() == 0 && in.Record.GetScheduled() > now.UnixNano()
}

// Deliver takes the messages of the next turn for a worker and returns the
// turn's new events: OrchestratorStarted, then the messages. It may be called
// again for the same turn when the worker was lost; the messages are the same.
// The instance must be deliverable.
func (in *Instance) Deliver(now time.Time) []*dtspb.HistoryEvent {
	n := 0
	for n < len(in.Inbox) && in.Inbox[n].Turn == in.Inbox[0].Turn {
		n++
	}
	in.Delivered = n
	// The orchestration's clock never goes back, and is strictly later than any
	// timer that fires with it: Java's worker would create the timer again.
	clock := max(now.UnixNano(), in.Record.GetClock()+1)
	events := make([]*dtspb.HistoryEvent, 1, n+1)
	for _, m := range in.Inbox[:n] {
		if t := m.Event.GetTimerFired(); t != nil {
			clock = max(clock, nanos(t.GetFireAt())+1)
		}
		events = append(events, m.Event)
	}
	if planted.Active(planted.SwappedEvents) && n > 1 && events[n-1].GetEventRaised() != nil && events[n].GetEventRaised() != nil {
		events[n-1], events[n] = events[n], events[n-1]
	}
	events[0] = &dtspb.HistoryEvent{
		EventId:   -1,
		Timestamp: timestamppb.New(time.Unix(0, clock)),
		EventType: &dtspb.HistoryEvent_OrchestratorStarted{OrchestratorStarted: &dtspb.OrchestratorStartedEvent{}},
	}
	return events
}

// DeliveredBytes is the size of the messages that Deliver took.
func (in *Instance) DeliveredBytes() (n uint64) {
	for _, m := range in.Inbox[:in.Delivered] {
		n += uint64(m.Size)
	}
	return n
}

// Bytes is about how much memory the instance takes.
func (in *Instance) Bytes() uint64 {
	return in.Record.GetHistoryBytes() + uint64(in.bytes+len(in.Record.GetCustomStatus().GetValue()))
}

// clearInbox drops the messages that wait. Their rows are the caller's affair.
func (in *Instance) clearInbox() { in.Inbox, in.bytes = nil, 0 }

// observe keeps the set of open tasks, timers and children in step with an event
// that became part of the execution, committed or as a message.
func (in *Instance) observe(e *dtspb.HistoryEvent) {
	switch t := e.GetEventType().(type) {
	case *dtspb.HistoryEvent_TaskScheduled:
		in.setOpen(e.GetEventId(), open{kind: openTask})
	case *dtspb.HistoryEvent_TimerCreated:
		in.setOpen(e.GetEventId(), open{kind: openTimer, due: nanos(t.TimerCreated.GetFireAt())})
	case *dtspb.HistoryEvent_SubOrchestrationInstanceCreated:
		in.setOpen(e.GetEventId(), open{kind: openChild, child: t.SubOrchestrationInstanceCreated.GetInstanceId()})
	default:
		if id, _, ok := outcomeOf(e); ok {
			delete(in.open, id)
		}
	}
}

func (in *Instance) setOpen(id int32, o open) {
	if in.open == nil {
		in.open = make(map[int32]open)
	}
	in.open[id] = o
}

// outcomeOf tells which scheduled thing e is the outcome of.
func outcomeOf(e *dtspb.HistoryEvent) (id int32, kind openKind, ok bool) {
	switch t := e.GetEventType().(type) {
	case *dtspb.HistoryEvent_TaskCompleted:
		return t.TaskCompleted.GetTaskScheduledId(), openTask, true
	case *dtspb.HistoryEvent_TaskFailed:
		return t.TaskFailed.GetTaskScheduledId(), openTask, true
	case *dtspb.HistoryEvent_TimerFired:
		return t.TimerFired.GetTimerId(), openTimer, true
	case *dtspb.HistoryEvent_SubOrchestrationInstanceCompleted:
		return t.SubOrchestrationInstanceCompleted.GetTaskScheduledId(), openChild, true
	case *dtspb.HistoryEvent_SubOrchestrationInstanceFailed:
		return t.SubOrchestrationInstanceFailed.GetTaskScheduledId(), openChild, true
	default:
		return 0, 0, false
	}
}

// fireDue turns every open timer that is due by now into a message.
func (in *Instance) fireDue(now time.Time) {
	if in.Terminal() {
		return
	}
	for _, id := range in.openIDs(openTimer) {
		if o := in.open[id]; !o.fired && o.due <= now.UnixNano() {
			in.fire(id, o)
		}
	}
}

func (in *Instance) fire(id int32, o open) {
	o.fired = true
	in.open[id] = o
	due := timestamppb.New(time.Unix(0, o.due))
	in.append(&dtspb.HistoryEvent{
		EventId:   -1,
		Timestamp: due,
		EventType: &dtspb.HistoryEvent_TimerFired{TimerFired: &dtspb.TimerFiredEvent{FireAt: due, TimerId: id}},
	}, false)
}

// nanos is t as our rows count, kept within what they can say: 1970 to 2262. SDKs
// take the year 9999 for never, which that comes to.
func nanos(t *timestamppb.Timestamp) int64 {
	const last = math.MaxInt64 / int64(time.Second)
	switch {
	case t.GetSeconds() < 0:
		return 0
	case t.GetSeconds() >= last:
		return (last - 1) * int64(time.Second)
	default:
		return t.GetSeconds()*int64(time.Second) + int64(t.GetNanos())
	}
}

// append puts a message at the end of the inbox, in the turn that will consume
// it, and returns it.
func (in *Instance) append(e *dtspb.HistoryEvent, stored bool) Message {
	m := Message{Turn: in.Record.GetTurn() + 1, Slot: 1, Event: e, Stored: stored, Size: proto.Size(e)}
	if n := len(in.Inbox); n > 0 {
		last := in.Inbox[n-1]
		// A turn that is at a worker has its messages already, and a request to
		// rewind is a turn to itself.
		if n == in.Delivered || in.tail+m.Size > turnBytes || last.Event.GetExecutionRewound() != nil {
			m.Turn = last.Turn + 1
		} else {
			m.Turn, m.Slot = last.Turn, last.Slot+1
		}
	}
	if m.Slot == 1 {
		in.tail = 0
	}
	in.tail += m.Size
	in.bytes += m.Size
	in.Inbox = append(in.Inbox, m)
	return m
}

// storedMessages reports whether the inbox holds a message with a row.
func (in *Instance) storedMessages() bool {
	for _, m := range in.Inbox {
		if m.Stored {
			return true
		}
	}
	return false
}

// expectsOutcome reports whether a task or a child is under way.
func (in *Instance) expectsOutcome() bool {
	for _, o := range in.open {
		if o.kind != openTimer {
			return true
		}
	}
	return false
}

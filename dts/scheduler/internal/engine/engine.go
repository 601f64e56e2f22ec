package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// What a command is refused with.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	ErrInvalid  = errors.New("invalid")
	// ErrConflict refuses what the instance's status does not allow.
	ErrConflict = errors.New("not possible now")
	// ErrStale refuses an answer for work that is no longer the answerer's.
	ErrStale = errors.New("work item is stale")
)

// Command is one thing to decide.
type Command interface {
	// touches tells s which ids the command needs, as far as they can be told from
	// those in s.
	touches(s *State)
	apply(s *State, now time.Time) error
}

// Apply decides cmd at now. It changes the instances of s and returns the same
// change as effects, or an error and changes nothing.
func Apply(s *State, cmd Command, now time.Time) (Effects, error) {
	s.fx = Effects{Writes: s.fx.Writes[:0]}
	if err := cmd.apply(s, now); err != nil {
		return Effects{}, err
	}
	for i := range s.parts {
		if p := &s.parts[i]; p.dirty && p.in != nil {
			s.fx.write(Write{Op: PutInstance, ID: p.id, Instance: p.in.Record})
		}
	}
	return s.fx, nil
}

// Effects are what a decision changes and what follows from it.
type Effects struct {
	// Writes go to disk together, in this order. They are good until the state
	// decides again or is reset.
	Writes []Write
	// Tasks may be handed to workers once the writes are durable.
	Tasks []Task
	// Timers were created; their rows are among the writes.
	Timers []Timer
	// Withdrawn is work that must not be handed out any more: activities, and the
	// turn of an execution that has ended.
	Withdrawn []TaskKey
}

func (fx *Effects) write(w Write) { fx.Writes = append(fx.Writes, w) }

// Op says what a write does.
type Op uint8

// The writes a decision can ask for.
const (
	PutInstance         Op = iota + 1 // ID, Instance
	DeleteInstance                    // ID
	PutMessage                        // ID, Gen, Turn, Slot, Event
	DeleteMessage                     // ID, Gen, Turn, Slot
	PutTurn                           // ID, Gen, Turn, Events
	DeleteExecution                   // ID, Gen: history, messages and tasks
	PutTask                           // ID, Gen, TaskID, Task
	DeleteTask                        // ID, Gen, TaskID
	PutTimer                          // ID, Gen, TaskID, At
	DeleteTimer                       // ID, Gen, TaskID, At
	PutReady                          // ID, Ready
	DeleteReady                       // ID
	PutCreated                        // ID, At
	DeleteCreated                     // ID, At
	PutEntity                         // ID, Entity
	DeleteEntity                      // ID
	PutEntityMessage                  // ID, Gen, EntityMessage
	DeleteEntityMessage               // ID, Gen
	PutCompleted                      // ID, At, Instance
	DeleteCompleted                   // ID, At
	DeleteInbox                       // ID, Gen, Turn: messages beyond the turn
)

// Write is one change on disk; Op says which fields it uses.
type Write struct {
	Op         Op
	ID         string
	Gen        uint64
	Turn, Slot uint32
	TaskID     int32
	At         int64
	Instance   *record.Instance
	Event      *dtspb.HistoryEvent
	Events     []*dtspb.HistoryEvent
	Task       *record.Task
	Ready      *record.Ready

	Entity        *record.Entity
	EntityMessage *record.EntityMessage
}

// TaskKey names one scheduled activity.
type TaskKey struct {
	ID     string
	Gen    uint64
	TaskID int32
}

// Task is an activity that a worker may run.
type Task struct {
	TaskKey
	Task *record.Task
}

// TaskIDs of timers that are not an orchestrator's.
const (
	// StartTimer starts an instance at its time.
	StartTimer int32 = -1 - iota
	// SignalTimer makes a delayed signal visible; the generation is its number.
	SignalTimer
	// GrantTimer asks whether an entity can be locked. It is in memory only.
	GrantTimer
)

// TurnTask is the TaskID in the key of an execution's turn.
const TurnTask int32 = -1

// TurnKey names the turns of the current execution.
func (in *Instance) TurnKey() TaskKey {
	return TaskKey{in.ID(), in.Record.GetGeneration(), TurnTask}
}

// Timer is something that happens to an instance at a time.
type Timer struct {
	TaskKey
	Due int64
}

// deliver gives a message to in. It is dropped where nobody waits for it: the
// instance is gone or has ended, or the outcome's task has one or was never
// scheduled by this execution.
func (s *State) deliver(in *Instance, e *dtspb.HistoryEvent, now time.Time) {
	if in == nil || in.Terminal() {
		return
	}
	if id, kind, ok := outcomeOf(e); ok {
		if in.open[id].kind != kind {
			return
		}
		delete(in.open, id)
	}
	m := in.append(e, true)
	s.fx.write(Write{Op: PutMessage, ID: in.ID(), Gen: in.Record.GetGeneration(), Turn: m.Turn, Slot: m.Slot, Event: e})
	s.announce(in, now)
}

// announce writes the row that tells a restarted scheduler to look for stored
// messages.
func (s *State) announce(in *Instance, now time.Time) {
	if in.ReadyRow || in.waitsForStart(now) {
		return
	}
	in.ReadyRow = true
	s.fx.write(Write{Op: PutReady, ID: in.ID(), Ready: &record.Ready{
		Name: in.Record.GetName(), Version: in.Record.GetVersion(), Since: now.UnixNano(),
		Generation: in.Record.GetGeneration(),
	}})
}

// hush removes the row of announce when no stored message is left and none is
// near: an execution that waits for an activity or a child keeps it, since the
// outcome would only write it again. A restarted scheduler that looks in vain
// has lost little; each write counts on the hot path.
func (s *State) hush(in *Instance) {
	if in.ReadyRow && !in.storedMessages() && !in.expectsOutcome() {
		in.ReadyRow = false
		s.fx.write(Write{Op: DeleteReady, ID: in.ID()})
	}
}

// openIDs returns the ids of what is open of a kind, in order.
func (in *Instance) openIDs(kind openKind) []int32 {
	var ids []int32
	for id, o := range in.open {
		if o.kind == kind {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b int32) int {
		return cmp.Or(cmp.Compare(in.open[a].due, in.open[b].due), cmp.Compare(a, b))
	})
	return ids
}

// dropExecution removes all rows of in's current execution but its own row, and
// withdraws its tasks.
func (s *State) dropExecution(in *Instance) {
	s.dropOpen(in)
	s.fx.write(Write{Op: DeleteExecution, ID: in.ID(), Gen: in.Record.GetGeneration()})
	in.clearInbox()
	in.History, in.Delivered = nil, 0
	in.Record.Events, in.Record.HistoryBytes = 0, 0
	s.hush(in)
}

// dropOpen removes what the execution still waits for, its next turn included.
func (s *State) dropOpen(in *Instance) {
	id, gen := in.ID(), in.Record.GetGeneration()
	s.fx.Withdrawn = append(s.fx.Withdrawn, in.TurnKey())
	// What this very decision scheduled is not to be handed out either.
	s.fx.Tasks = slices.DeleteFunc(s.fx.Tasks, func(t Task) bool { return t.ID == id && t.Gen == gen })
	s.fx.Timers = slices.DeleteFunc(s.fx.Timers, func(t Timer) bool { return t.ID == id && t.Gen == gen })
	for _, task := range in.openIDs(openTask) {
		s.fx.write(Write{Op: DeleteTask, ID: id, Gen: gen, TaskID: task})
		s.fx.Withdrawn = append(s.fx.Withdrawn, TaskKey{id, gen, task})
	}
	for _, timer := range in.openIDs(openTimer) {
		s.fx.write(Write{Op: DeleteTimer, ID: id, Gen: gen, TaskID: timer, At: in.open[timer].due})
	}
	if in.Record.GetTurn() == 0 && in.Record.GetScheduled() != 0 {
		s.fx.write(Write{Op: DeleteTimer, ID: id, Gen: gen, TaskID: StartTimer, At: in.Record.GetScheduled()})
	}
	clear(in.open)
}

// refusal is one of the errors above with a text for the caller.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

func refuse(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

// event returns a history event made by the scheduler at now.
func event(now time.Time) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, Timestamp: timestamppb.New(now)}
}

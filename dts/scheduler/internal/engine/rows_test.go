package engine

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// rows is what the writes of decisions leave on disk.
type rows struct {
	Instances map[string]*record.Instance
	History   map[historyRow][]*dtspb.HistoryEvent
	Tasks     map[TaskKey]*record.Task
	Timers    map[Timer]bool
	Ready     map[string]*record.Ready
	Created   map[createdRow]bool
	Ended     map[createdRow]dtspb.OrchestrationStatus
}

type historyRow struct {
	ID         string
	Gen        uint64
	Turn, Slot uint32
}

type createdRow struct {
	At int64
	ID string
}

func newRows() rows {
	return rows{
		map[string]*record.Instance{},
		map[historyRow][]*dtspb.HistoryEvent{},
		map[TaskKey]*record.Task{},
		map[Timer]bool{},
		map[string]*record.Ready{},
		map[createdRow]bool{},
		map[createdRow]dtspb.OrchestrationStatus{},
	}
}

// clone is shallow below the rows: fold never changes what is in one.
func (r rows) clone() rows {
	return rows{
		maps.Clone(r.Instances), maps.Clone(r.History), maps.Clone(r.Tasks),
		maps.Clone(r.Timers), maps.Clone(r.Ready), maps.Clone(r.Created), maps.Clone(r.Ended),
	}
}

// fold makes the writes. A row that is deleted must be there.
func (r rows) fold(t tester, writes []Write) {
	t.Helper()
	for _, w := range writes {
		row := historyRow{w.ID, w.Gen, w.Turn, w.Slot}
		task := TaskKey{w.ID, w.Gen, w.TaskID}
		switch w.Op {
		case PutInstance:
			r.Instances[w.ID] = proto.CloneOf(w.Instance)
		case DeleteInstance:
			drop(t, r.Instances, w.ID)
		case PutMessage:
			r.History[row] = []*dtspb.HistoryEvent{w.Event}
		case DeleteMessage:
			drop(t, r.History, row)
		case PutTurn:
			if row.Slot = 0; r.History[row] != nil {
				t.Errorf("turn %+v is committed twice", row)
			}
			r.History[row] = slices.Clone(w.Events)
		case DeleteExecution:
			maps.DeleteFunc(r.History, func(h historyRow, _ []*dtspb.HistoryEvent) bool { return h.ID == w.ID && h.Gen == w.Gen })
		case PutTask:
			r.Tasks[task] = proto.CloneOf(w.Task)
		case DeleteTask:
			drop(t, r.Tasks, task)
		case PutTimer:
			r.Timers[Timer{task, w.At}] = true
		case DeleteTimer:
			drop(t, r.Timers, Timer{task, w.At})
		case PutReady:
			r.Ready[w.ID] = proto.CloneOf(w.Ready)
		case DeleteReady:
			drop(t, r.Ready, w.ID)
		case PutCreated:
			r.Created[createdRow{w.At, w.ID}] = true
		case DeleteCreated:
			drop(t, r.Created, createdRow{w.At, w.ID})
		case PutCompleted:
			r.Ended[createdRow{w.At, w.ID}] = w.Instance.GetStatus()
		case DeleteCompleted:
			drop(t, r.Ended, createdRow{w.At, w.ID})
		case DeleteInbox:
			maps.DeleteFunc(r.History, func(h historyRow, _ []*dtspb.HistoryEvent) bool {
				return h.ID == w.ID && h.Gen == w.Gen && h.Turn > w.Turn
			})
		default:
			t.Fatalf("unknown write %+v", w)
		}
	}
}

func drop[K comparable, V any](t tester, m map[K]V, k K) {
	t.Helper()
	if _, ok := m[k]; !ok {
		t.Errorf("row %+v is deleted and is not there", k)
	}
	delete(m, k)
}

// load makes an instance of its rows in the order of their keys.
func (r rows) load(id string, now time.Time) *Instance {
	rec := proto.CloneOf(r.Instances[id])
	keys := slices.SortedFunc(maps.Keys(r.History), func(a, b historyRow) int {
		return cmp.Or(cmp.Compare(a.Turn, b.Turn), cmp.Compare(a.Slot, b.Slot))
	})
	var history, rest []*dtspb.HistoryEvent
	var inbox []Message
	for _, k := range keys {
		if k.ID != id || k.Gen != rec.GetGeneration() {
			continue
		}
		events := r.History[k]
		switch {
		case k.Slot == 0:
			history = append(append(history, rest...), events[0])
			rest = events[1:]
		case k.Turn <= rec.GetTurn():
			history = append(history, events...)
		case !Terminal(rec.GetStatus()):
			inbox = append(inbox, Message{Turn: k.Turn, Slot: k.Slot, Event: events[0], Stored: true})
		}
	}
	return Load(rec, append(history, rest...), inbox, r.Ready[id] != nil, now)
}

// checkIndexes holds the rows that are found through others against what they
// are about.
func (r rows) checkIndexes(t tester, live map[string]*Instance, now time.Time) {
	t.Helper()
	for k := range r.History {
		if in := live[k.ID]; in == nil || in.Record.GetGeneration() != k.Gen {
			t.Errorf("history row %+v is of no execution", k)
		}
	}
	for k := range r.Tasks {
		if in := live[k.ID]; in == nil || in.Record.GetGeneration() != k.Gen || in.open[k.TaskID].kind != openTask {
			t.Errorf("task row %+v is of no open task", k)
		}
	}
	for k := range r.Timers {
		in := live[k.ID]
		switch {
		case in == nil || in.Record.GetGeneration() != k.Gen:
			t.Errorf("timer row %+v is of no execution", k)
		case k.TaskID == StartTimer:
			if in.Record.GetTurn() != 0 || in.Record.GetScheduled() != k.Due {
				t.Errorf("timer row %+v starts nothing", k)
			}
		case in.open[k.TaskID].kind != openTimer || in.open[k.TaskID].due != k.Due:
			t.Errorf("timer row %+v is of no open timer", k)
		}
	}
	for k := range r.Created {
		if in := live[k.ID]; in == nil || in.Record.GetCreated() != k.At {
			t.Errorf("created row %+v is of no instance", k)
		}
	}
	for k, status := range r.Ended {
		if in := live[k.ID]; in == nil || in.Record.GetCompleted() != k.At || in.Record.GetStatus() != status {
			t.Errorf("ended row %+v with status %v is of no instance that ended so", k, status)
		}
	}
	for id, in := range live {
		if _, ok := r.Ended[createdRow{in.Record.GetCompleted(), id}]; ok != in.Terminal() {
			t.Errorf("instance %q is %v and its ended row is there: %v", id, in.Record.GetStatus(), ok)
		}
		if !r.Created[createdRow{in.Record.GetCreated(), id}] {
			t.Errorf("instance %q has no created row", id)
		}
		ready := r.Ready[id]
		if in.storedMessages() && !in.waitsForStart(now) && in.Record.GetScheduled() == 0 && ready == nil {
			t.Errorf("instance %q has messages and no ready row", id)
		}
		if ready != nil && (!in.storedMessages() && !in.expectsOutcome() || ready.GetGeneration() != in.Record.GetGeneration()) {
			t.Errorf("instance %q of generation %d has ready row %v with inbox %v", id, in.Record.GetGeneration(), ready, in.Inbox)
		}
		for task, o := range in.open {
			key := TaskKey{id, in.Record.GetGeneration(), task}
			if o.kind == openTask && r.Tasks[key] == nil || o.kind == openTimer && !r.Timers[Timer{key, o.due}] {
				t.Errorf("%+v is open and has no row", key)
			}
		}
	}
}

package store_test

import (
	"log/slog"
	"maps"
	"math"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/funchost/funchost/dts/internal/disk"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// open opens a store that is closed when the test ends.
func open(t *testing.T, fs vfs.FS, dir string) *store.Store {
	t.Helper()
	s, err := tryOpen(fs, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func tryOpen(fs vfs.FS, dir string) (*store.Store, error) {
	return store.Open(store.Options{Dir: dir, Disk: disk.On(fs), Log: slog.New(slog.DiscardHandler)})
}

func closeStore(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// save submits writes and waits for them.
func save(t *testing.T, s *store.Store, hub uint32, writes ...engine.Write) {
	t.Helper()
	if err := s.Submit(hub, writes, nil).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func putInstance(id string, created int64) []engine.Write {
	return []engine.Write{
		{Op: engine.PutInstance, ID: id, Instance: &record.Instance{Id: id, Created: created, Generation: 1}},
		{Op: engine.PutCreated, ID: id, At: created},
	}
}

func message(name string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_EventRaised{EventRaised: &dtspb.EventRaisedEvent{Name: name}}}
}

func numbered(ids ...int32) []*dtspb.HistoryEvent {
	events := make([]*dtspb.HistoryEvent, len(ids))
	for i, id := range ids {
		events[i] = &dtspb.HistoryEvent{EventId: id}
	}
	return events
}

// contents is all that a hub has.
type contents struct {
	Instances map[string]*store.Instance
	Order     []string
	Ended     []string
	Ready     map[string]*record.Ready
	Tasks     map[engine.TaskKey]*record.Task
	Timers    []engine.Timer
	Losses    map[engine.TaskKey]uint32
}

func read(s *store.Store, hub uint32) (c contents, err error) {
	c = contents{Instances: map[string]*store.Instance{}, Ready: map[string]*record.Ready{}, Tasks: map[engine.TaskKey]*record.Task{}}
	err = s.Instances(hub, 0, math.MaxInt64, store.Cursor{}, func(rec *record.Instance) (bool, error) {
		c.Order = append(c.Order, rec.GetId())
		in, err := s.Instance(hub, rec.GetId())
		c.Instances[rec.GetId()] = in
		return true, err
	})
	if err != nil {
		return c, err
	}
	err = s.Ended(hub, 0, math.MaxInt64, store.Cursor{}, func(at store.Cursor, _ dtspb.OrchestrationStatus) (bool, error) {
		c.Ended = append(c.Ended, at.ID)
		return true, nil
	})
	if err != nil {
		return c, err
	}
	if err := s.Ready(hub, func(id string, r *record.Ready) { c.Ready[id] = r }); err != nil {
		return c, err
	}
	if err := s.Tasks(hub, func(t engine.Task) { c.Tasks[t.TaskKey] = t.Task }); err != nil {
		return c, err
	}
	if c.Timers, err = s.Timers(hub, nil, 1000); err != nil {
		return c, err
	}
	losses, err := s.Losses(hub)
	c.Losses = maps.Clone(losses)
	return c, err
}

func mustRead(t *testing.T, s *store.Store, hub uint32) contents {
	t.Helper()
	c, err := read(s, hub)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// everything is one row of each kind for the instance.
func everything(id string) []engine.Write {
	return []engine.Write{
		{Op: engine.PutInstance, ID: id, Instance: &record.Instance{Id: id, Name: "orc", Created: 5, Generation: 7, Turn: 1, Events: 3}},
		{Op: engine.PutCreated, ID: id, At: 5},
		{Op: engine.PutMessage, ID: id, Gen: 7, Turn: 1, Slot: 1, Event: message("one")},
		{Op: engine.PutTurn, ID: id, Gen: 7, Turn: 1, Events: numbered(10, 11)},
		{Op: engine.PutMessage, ID: id, Gen: 7, Turn: 2, Slot: 1, Event: message("two")},
		{Op: engine.PutTask, ID: id, Gen: 7, TaskID: -3, Task: &record.Task{ExecutionId: "x", Since: 4}},
		{Op: engine.PutTimer, ID: id, Gen: 7, TaskID: 4, At: 99},
		{Op: engine.PutReady, ID: id, Ready: &record.Ready{Name: "orc", Since: 3, Generation: 7}},
		{Op: engine.PutCompleted, ID: id, At: 6, Instance: &record.Instance{Status: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED}},
	}
}

// remove undoes everything.
func remove(id string) []engine.Write {
	return []engine.Write{
		{Op: engine.DeleteInstance, ID: id},
		{Op: engine.DeleteCreated, ID: id, At: 5},
		{Op: engine.DeleteMessage, ID: id, Gen: 7, Turn: 2, Slot: 1},
		{Op: engine.DeleteExecution, ID: id, Gen: 7},
		{Op: engine.DeleteTask, ID: id, Gen: 7, TaskID: -3},
		{Op: engine.DeleteTimer, ID: id, Gen: 7, TaskID: 4, At: 99},
		{Op: engine.DeleteReady, ID: id},
		{Op: engine.DeleteCompleted, ID: id, At: 6},
	}
}

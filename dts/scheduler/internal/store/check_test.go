package store_test

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/disk"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

const failedStatus = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED

// inOrder is the rows of a hub with one of each: an instance that waits for an
// activity and a timer and has a message, one that starts later, one that has
// failed, an entity with a lock, a message and a delayed signal.
func inOrder() []engine.Write {
	event := func(id int32, e *dtspb.HistoryEvent) *dtspb.HistoryEvent {
		e.EventId, e.Timestamp = id, &timestamppb.Timestamp{Seconds: 1}
		return e
	}
	busy := &record.Instance{Id: "busy", ExecutionId: "x", Name: "orc", Created: 5, Generation: 7, Turn: 1, Events: 4, Locks: []string{"@stock@desk"}}
	later := &record.Instance{Id: "later", Name: "orc", Created: 5, Generation: 8, Scheduled: 77}
	ended := &record.Instance{Id: "ended", Name: "orc", Created: 5, Generation: 9, Status: failedStatus, Completed: 6}
	owner := &record.EntityOwner{InstanceId: "busy", ExecutionId: "x"}
	return []engine.Write{
		{Op: engine.PutInstance, ID: "busy", Instance: busy},
		{Op: engine.PutCreated, ID: "busy", At: 5},
		{Op: engine.PutMessage, ID: "busy", Gen: 7, Turn: 1, Slot: 1, Event: message("one")},
		{Op: engine.PutTurn, ID: "busy", Gen: 7, Turn: 1, Events: []*dtspb.HistoryEvent{
			event(-1, &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_OrchestratorStarted{OrchestratorStarted: &dtspb.OrchestratorStartedEvent{}}}),
			event(1, &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_TaskScheduled{TaskScheduled: &dtspb.TaskScheduledEvent{Name: "a"}}}),
			event(2, &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_TimerCreated{TimerCreated: &dtspb.TimerCreatedEvent{
				FireAt: &timestamppb.Timestamp{Nanos: 99},
			}}}),
		}},
		{Op: engine.PutTask, ID: "busy", Gen: 7, TaskID: 1, Task: &record.Task{}},
		{Op: engine.PutTimer, ID: "busy", Gen: 7, TaskID: 2, At: 99},
		{Op: engine.PutMessage, ID: "busy", Gen: 7, Turn: 2, Slot: 1, Event: message("two")},
		{Op: engine.PutReady, ID: "busy", Ready: &record.Ready{Generation: 7}},

		{Op: engine.PutInstance, ID: "later", Instance: later},
		{Op: engine.PutCreated, ID: "later", At: 5},
		{Op: engine.PutTimer, ID: "later", Gen: 8, TaskID: engine.StartTimer, At: 77},

		{Op: engine.PutInstance, ID: "ended", Instance: ended},
		{Op: engine.PutCreated, ID: "ended", At: 5},
		{Op: engine.PutCompleted, ID: "ended", At: 6, Instance: ended},

		{Op: engine.PutEntity, ID: "@stock@desk", Entity: &record.Entity{Id: "@stock@desk", Owner: owner}},
		{Op: engine.PutEntityMessage, ID: "@stock@desk", Gen: 1, EntityMessage: lockRequest(owner)},
		{Op: engine.PutEntityMessage, ID: "@stock@desk", Gen: 2, EntityMessage: &record.EntityMessage{Visible: 55}},
		{Op: engine.PutTimer, ID: "@stock@desk", Gen: 2, TaskID: engine.SignalTimer, At: 55},
		{Op: engine.PutReady, ID: "@stock@desk", Ready: &record.Ready{}},
	}
}

func lockRequest(sender *record.EntityOwner) *record.EntityMessage {
	return &record.EntityMessage{Sender: sender, Event: &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_EntityLockRequested{
		EntityLockRequested: &dtspb.EntityLockRequestedEvent{LockSet: []string{"@stock@desk"}},
	}}}
}

// check returns the problems of a directory.
func check(t *testing.T, fs vfs.FS) string {
	t.Helper()
	s, err := store.OpenToRead(store.Options{Dir: "data", Disk: disk.On(fs), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	report, err := s.Check(t.Context())
	if err != nil {
		return err.Error()
	}
	return strings.Join(report.Problems, "\n")
}

func TestCheckFindsWhatDoesNotAgree(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		writes []engine.Write
		want   string
	}{
		"nothing": {nil, ""},
		"an instance that is not in the order of creation": {
			[]engine.Write{{Op: engine.DeleteCreated, ID: "busy", At: 5}}, `instance "busy": is not in the order of creation`,
		},
		"a row in the order of creation of nothing": {
			[]engine.Write{{Op: engine.PutCreated, ID: "nobody", At: 5}}, `row in the order of creation "nobody": is of an instance that is not there`,
		},
		"an instance that is not in the order of ends": {
			[]engine.Write{{Op: engine.DeleteCompleted, ID: "ended", At: 6}}, `instance "ended": is not in the order of ends`,
		},
		"a row in the order of ends of what has not ended": {
			[]engine.Write{{Op: engine.PutCompleted, ID: "busy", At: 6, Instance: &record.Instance{Status: failedStatus}}}, `"busy": is of an instance that has not ended so`,
		},
		"an activity that is lost": {
			[]engine.Write{{Op: engine.DeleteTask, ID: "busy", Gen: 7, TaskID: 1}}, `instance "busy": waits for an activity that no worker will get`,
		},
		"an activity too many": {
			[]engine.Write{{Op: engine.PutTask, ID: "busy", Gen: 7, TaskID: 9, Task: &record.Task{}}}, `activity "busy": is one that nobody waits for`,
		},
		"an activity of an execution that is gone": {
			[]engine.Write{{Op: engine.PutTask, ID: "busy", Gen: 6, TaskID: 1, Task: &record.Task{}}}, `activity "busy": is one that nobody waits for`,
		},
		"a timer that is lost": {
			[]engine.Write{{Op: engine.DeleteTimer, ID: "busy", Gen: 7, TaskID: 2, At: 99}}, `instance "busy": waits for a timer that will not fire`,
		},
		"a timer at another time": {
			[]engine.Write{{Op: engine.PutTimer, ID: "busy", Gen: 7, TaskID: 2, At: 98}}, `timer "busy": is one that nobody waits for`,
		},
		"a start that is lost": {
			[]engine.Write{{Op: engine.DeleteTimer, ID: "later", Gen: 8, TaskID: engine.StartTimer, At: 77}}, `instance "later": has a start that will not come`,
		},
		"messages that nobody will look at": {
			[]engine.Write{{Op: engine.DeleteReady, ID: "busy"}}, `instance "busy": has messages and is not among those that are ready`,
		},
		"a ready row of an instance that has ended": {
			[]engine.Write{{Op: engine.PutReady, ID: "ended", Ready: &record.Ready{Generation: 9}}}, `ready row "ended": is of an execution that is gone`,
		},
		"history of an execution that is gone": {
			[]engine.Write{{Op: engine.PutMessage, ID: "busy", Gen: 6, Turn: 1, Slot: 1, Event: message("old")}}, `history "busy": is of an execution that is gone`,
		},
		"history of nothing": {
			[]engine.Write{{Op: engine.DeleteInstance, ID: "busy"}}, `history "busy": is of an instance that is not there`,
		},
		"history that is not complete": {
			[]engine.Write{{Op: engine.DeleteMessage, ID: "busy", Gen: 7, Turn: 1, Slot: 1}}, `instance "busy": has 3 events of history, want 4`,
		},
		"a lock of nobody": {
			[]engine.Write{{Op: engine.PutEntity, ID: "@stock@desk", Entity: &record.Entity{Id: "@stock@desk", Owner: &record.EntityOwner{InstanceId: "busy", ExecutionId: "y"}}}},
			`entity "@stock@desk": is locked by an execution that is gone`,
		},
		"a lock that its owner would leave": {
			[]engine.Write{
				{Op: engine.PutEntity, ID: "@stock@lamp", Entity: &record.Entity{Id: "@stock@lamp", Owner: &record.EntityOwner{InstanceId: "busy", ExecutionId: "x"}}},
			},
			`entity "@stock@lamp": is locked by an execution that does not know of it`,
		},
		"a request for a lock of nobody": {
			[]engine.Write{{Op: engine.PutEntityMessage, ID: "@stock@desk", Gen: 1, EntityMessage: lockRequest(&record.EntityOwner{InstanceId: "ended"})}},
			`entity "@stock@desk": is to be locked by an execution that is gone`,
		},
		"messages of an entity that nobody will look at": {
			[]engine.Write{{Op: engine.DeleteReady, ID: "@stock@desk"}}, `entity "@stock@desk": has messages and is not among those that are ready`,
		},
		"a signal whose time will not come": {
			[]engine.Write{
				{Op: engine.DeleteTimer, ID: "@stock@desk", Gen: 2, TaskID: engine.SignalTimer, At: 55},
				{Op: engine.DeleteEntityMessage, ID: "@stock@desk", Gen: 1},
				{Op: engine.DeleteReady, ID: "@stock@desk"},
			}, `entity "@stock@desk": has messages and is not among those that are ready`,
		},
		"a timer of a signal that is gone": {
			[]engine.Write{{Op: engine.PutTimer, ID: "@stock@desk", Gen: 3, TaskID: engine.SignalTimer, At: 55}}, `timer "@stock@desk": is of a signal that is gone`,
		},
		"an entity under another name": {
			[]engine.Write{{Op: engine.PutEntity, ID: "@stock@shelf", Entity: &record.Entity{Id: "@stock@desk"}}}, `entity "@stock@shelf": says that it is @stock@desk`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fs := vfs.NewMem()
			s := open(t, fs, "data")
			hub := makeHub(t, s)
			save(t, s, hub, inOrder()...)
			save(t, s, hub, tc.writes...)
			closeStore(t, s)
			if got := check(t, fs); tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestCheckFindsWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	hubKey := func(hub uint32, rest string) []byte { return append(binary.BigEndian.AppendUint32(nil, hub), rest...) }
	for name, tc := range map[string]struct {
		key  []byte
		want string
	}{
		"instance":            {hubKey(1, "ibusy"), "row 00000001696275737"},
		"history":             {hubKey(1, "ibusy\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00"), `instance "busy": has a history that cannot be read`},
		"key of a history":    {hubKey(1, "ibusy\x00\x00"), "has a key that cannot be read"},
		"ready row":           {hubKey(1, "rbusy"), "has a value that cannot be read"},
		"key of a timer":      {hubKey(1, "dbusy"), "has a key that cannot be read"},
		"value of the order":  {hubKey(1, "c\x00\x00\x00\x00\x00\x00\x00\x05busy"), "has a value of 1 bytes, want 0"},
		"row of no kind":      {hubKey(1, "?"), "is of no kind that there is"},
		"row of no hub":       {hubKey(9, "ibusy"), "is of task hub 9, which there is not"},
		"row of the store":    {hubKey(0, "?"), "is of no kind that there is"},
		"row without any hub": {[]byte("x"), "is of no kind that there is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fs := vfs.NewMem()
			s := open(t, fs, "data")
			save(t, s, makeHub(t, s), inOrder()...)
			closeStore(t, s)
			db, err := pebble.Open("data", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Set(tc.key, []byte{0xff}, pebble.Sync); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if got := check(t, fs); !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestCheckNamesTheFileThatIsDamaged, and about where in it, once.
func TestCheckNamesTheFileThatIsDamaged(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs, "data")
	save(t, s, makeHub(t, s), inOrder()...)
	closeStore(t, s)
	db, err := pebble.Open("data", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Flush(), db.Close()); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List("data")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") {
			continue
		}
		f, err := fs.OpenReadWrite(fs.PathJoin("data", name), vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte{0xff, 0xff, 0xff}, 10); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	text := check(t, fs)
	for want, times := range map[string]int{"damaged data": 1, ".sst, in or behind row ": 1, "carrier": 0, "restore the data directory from a backup": 1} {
		if n := strings.Count(text, want); n != times {
			t.Errorf("%q is %d times in %q, want %d", want, n, text, times)
		}
	}
}

func makeHub(t *testing.T, s *store.Store) uint32 {
	t.Helper()
	rec, err := s.Hub("default", true, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return rec.GetNumber()
}

func TestReportOfADirectoryInPiecesIsBounded(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs, "data")
	hub := makeHub(t, s)
	for i := range 150 {
		save(t, s, hub, engine.Write{Op: engine.PutCreated, ID: "nobody", At: int64(i)})
	}
	report, err := s.Check(t.Context())
	if err != nil || len(report.Problems) != 100 || report.More != 50 {
		t.Errorf("%d problems and %d more, %v", len(report.Problems), report.More, err)
	}
	closeStore(t, s)
}

// quiet drops the engine's log.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}

package hub_test

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/disk"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// world is a hub on a disk in memory, in a bubble.
type world struct {
	t     *testing.T
	disk  *slowDisk
	store *store.Store
	hub   *hub.Hub
	keep  hub.Ages
	began time.Time
	stop  func()
}

// inWorld runs a test with a hub.
func inWorld(t *testing.T, f func(t *testing.T, w *world)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, disk: newSlowDisk(), began: time.Now()}
		w.open()
		defer func() {
			w.disk.resume()
			w.stop()
		}()
		f(t, w)
	})
}

func (w *world) open() {
	w.t.Helper()
	var err error
	if w.store, err = store.Open(store.Options{Dir: "data", Disk: disk.On(w.disk.fs), Log: slog.New(slog.DiscardHandler)}); err != nil {
		w.t.Fatal(err)
	}
	rec, err := w.store.Hub("default", true, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	w.hub, err = hub.Open(rec, hub.Options{Store: w.store, Log: slog.New(slog.DiscardHandler), MaxPayload: 1 << 20, MaxLosses: 3, Keep: w.keep})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := newContext()
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.hub.Run(ctx); err != nil {
			w.t.Errorf("hub: %v", err)
		}
	})
	w.stop = func() {
		cancel()
		running.Wait()
		w.hub.Close()
		if err := w.store.Close(); err != nil {
			w.t.Errorf("store: %v", err)
		}
	}
}

// reopen stops the hub in order and opens it again.
func (w *world) reopen() {
	w.t.Helper()
	w.stop()
	w.open()
}

func (w *world) do(cmd engine.Command) {
	w.t.Helper()
	if err := w.hub.Do(w.t.Context(), cmd); err != nil {
		w.t.Fatalf("%T: %v", cmd, err)
	}
}

func start(id string) engine.Start {
	return engine.Start{Request: &dtspb.CreateInstanceRequest{InstanceId: id, Name: "orc", Input: wrapperspb.String("in")}}
}

// worker connects a worker for everything.
func (w *world) worker() *dispatch.Stream { return w.workerFor(dispatch.StreamOptions{}) }

func (w *world) workerFor(o dispatch.StreamOptions) *dispatch.Stream {
	for i := range o.Window {
		if o.Window[i] == 0 {
			o.Window[i] = 100
		}
	}
	return w.hub.Queue.Open(o)
}

// next returns the worker's next work item, nil if there is none.
func (w *world) next(s *dispatch.Stream) *dtspb.WorkItem {
	w.t.Helper()
	synctest.Wait()
	item, err := w.hub.Next(w.t.Context(), s)
	if err != nil {
		w.t.Fatal(err)
	}
	return item
}

// turn is next for a turn that must be there.
func (w *world) turn(s *dispatch.Stream) *dtspb.WorkItem {
	w.t.Helper()
	item := w.next(s)
	if item.GetOrchestratorRequest() == nil {
		w.t.Fatalf("next work item is %v, want a turn", item)
	}
	return item
}

// answer answers a turn.
func (w *world) answer(item *dtspb.WorkItem, actions ...*dtspb.OrchestratorAction) error {
	l, _ := w.hub.Queue.Find(item.GetCompletionToken())
	if l == nil {
		return engine.ErrStale
	}
	return w.hub.CompleteTurn(w.t.Context(), l, &dtspb.OrchestratorResponse{
		InstanceId: item.GetOrchestratorRequest().GetInstanceId(), CompletionToken: item.GetCompletionToken(), Actions: actions,
	})
}

func (w *world) state(id string) *dtspb.OrchestrationState {
	w.t.Helper()
	s, err := w.hub.State(w.t.Context(), id, true)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) wantStatus(id string, want dtspb.OrchestrationStatus) {
	w.t.Helper()
	if got := w.state(id); got == nil || got.GetOrchestrationStatus() != want {
		w.t.Errorf("instance %q: got %v, want %v", id, got, want)
	}
}

func complete(id int32, result string) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CompleteOrchestration{
		CompleteOrchestration: &dtspb.CompleteOrchestrationAction{
			OrchestrationStatus: completed, Result: wrapperspb.String(result),
		},
	}}
}

func schedule(id int32, name string) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_ScheduleTask{
		ScheduleTask: &dtspb.ScheduleTaskAction{Name: name},
	}}
}

func timer(id int32, fireAt time.Time) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CreateTimer{
		CreateTimer: &dtspb.CreateTimerAction{FireAt: stamp(fireAt)},
	}}
}

// Statuses, shorter.
const (
	pending    = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_PENDING
	running    = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_RUNNING
	completed  = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED
	failed     = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED
	terminated = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED
)

// slowDisk is a disk whose syncs can be held up and whose reads can take time.
type slowDisk struct {
	fs    vfs.FS
	reads atomic.Int64 // how long one takes

	mu   sync.Mutex // guards what follows
	held chan struct{}
}

func newSlowDisk() *slowDisk {
	d := &slowDisk{}
	d.fs = errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileReadAt:
			if took := d.reads.Load(); took > 0 {
				time.Sleep(time.Duration(took))
			}
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			d.mu.Lock()
			held := d.held
			d.mu.Unlock()
			if held != nil {
				<-held
			}
		default:
		}
		return nil
	}))
	return d
}

// hold lets no sync end until resume.
func (d *slowDisk) hold() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held = make(chan struct{})
}

func (d *slowDisk) resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held != nil {
		close(d.held)
		d.held = nil
	}
}

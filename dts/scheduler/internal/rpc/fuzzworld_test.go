package rpc_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/funchost/funchost/dts/internal/disk"
	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/inproc"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
	"github.com/funchost/funchost/dts/scheduler/internal/rpc"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// fuzzWorld is a hub with something of each kind in it, under the services.
// Whatever is called there, the rows on its disk can be looked at.
type fuzzWorld struct {
	dtsgrpc.TaskHubSidecarServiceClient

	t       *testing.T
	backend dtsgrpc.BackendServiceClient
	store   *store.Store
	rec     *record.Hub
	hub     *hub.Hub
	hubs    int
	// tokens of work that a worker holds, by the kind of the answer.
	turn, activity, entity string
}

// Hub, Create, Delete and Stopping make it what the services find hubs by. There
// is one, whatever its name.
func (w *fuzzWorld) Hub(string) (*hub.Hub, error) { return w.hub, nil }

func (w *fuzzWorld) Create(ctx context.Context, _ string, anew bool) error {
	if anew {
		return w.Delete(ctx, "")
	}
	return nil
}

func (w *fuzzWorld) Delete(ctx context.Context, _ string) error {
	w.hub.Close()
	return w.store.DeleteHub(ctx, w.name())
}

func (w *fuzzWorld) Stopping() context.Context { return context.Background() }

func (w *fuzzWorld) name() string { return fmt.Sprint("hub", w.hubs) }

// openFuzzWorld opens a world that is closed when the target ends.
func openFuzzWorld(f *testing.F) *fuzzWorld {
	f.Helper()
	s, err := store.Open(store.Options{Dir: "data", Disk: disk.Memory(), Log: slog.New(slog.DiscardHandler)})
	must(f, err)
	w := &fuzzWorld{store: s}
	conn := inproc.New()
	rpc.Register(conn, w)
	w.TaskHubSidecarServiceClient, w.backend = dtsgrpc.NewTaskHubSidecarServiceClient(conn), dtsgrpc.NewBackendServiceClient(conn)
	f.Cleanup(func() {
		conn.Close()
		if w.hub != nil {
			w.hub.Close()
		}
		must(f, s.Close())
	})
	return w
}

// fill puts a new hub in place of the one that was changed.
func (w *fuzzWorld) fill() {
	w.t.Helper()
	if w.hub != nil {
		w.hub.Close()
		must(w.t, w.store.DeleteHub(w.t.Context(), w.name()))
	}
	w.hubs++
	var err error
	w.rec, err = w.store.Hub(w.name(), true, time.Now())
	must(w.t, err)
	w.hub, err = hub.Open(w.rec, hub.Options{Store: w.store, Log: slog.New(slog.DiscardHandler), MaxPayload: 1 << 20})
	must(w.t, err)
	o := dispatch.StreamOptions{}
	for i := range o.Window {
		o.Window[i] = 100
	}
	worker := w.hub.Queue.Open(o)
	for _, id := range []string{"completed", "failed", "rewinding", "running"} {
		w.start(id, time.Time{})
	}
	for item := w.next(worker); item != nil; item = w.next(worker) {
		id := item.GetOrchestratorRequest().GetInstanceId()
		actions := map[string][]*dtspb.OrchestratorAction{
			"completed": {complete(1, "out")}, "failed": fail(1), "rewinding": fail(1), "running": {schedule(1, "act"), wakeUp(2), child(3)},
		}[id]
		_, err := w.CompleteOrchestratorTask(w.t.Context(), &dtspb.OrchestratorResponse{InstanceId: id, CompletionToken: item.GetCompletionToken(), Actions: actions})
		must(w.t, err)
		if id == "running" {
			break
		}
	}
	_, err = w.RewindInstance(w.t.Context(), &dtspb.RewindInstanceRequest{InstanceId: "rewinding"})
	must(w.t, err)
	w.signal("@counter@1")
	for item := w.next(worker); item != nil; item = w.next(worker) {
		switch {
		case item.GetOrchestratorRequest().GetInstanceId() == "rewinding": // held too, and found by its id
		case item.GetOrchestratorRequest() != nil:
			w.turn = item.GetCompletionToken()
		case item.GetActivityRequest() != nil:
			w.activity = item.GetCompletionToken()
		default:
			_, err := w.CompleteEntityTask(w.t.Context(), &dtspb.EntityBatchResult{
				CompletionToken: item.GetCompletionToken(), EntityState: text("1"), Results: []*dtspb.OperationResult{{}},
			})
			must(w.t, err)
		}
	}
	w.signal("@counter@2")
	w.entity = w.next(worker).GetCompletionToken()
	w.start("pending", time.Time{})
	w.start("delayed", time.Now().Add(time.Hour))
	if w.turn == "" || w.activity == "" || w.entity == "" {
		w.t.Fatalf("the worker holds %q, %q, %q", w.turn, w.activity, w.entity)
	}
}

func (w *fuzzWorld) start(id string, at time.Time) {
	w.t.Helper()
	_, err := w.StartInstance(w.t.Context(), &dtspb.CreateInstanceRequest{InstanceId: id, Name: "orc", Input: text("in"), ScheduledStartTimestamp: stamp(at)})
	must(w.t, err)
}

func (w *fuzzWorld) signal(id string) {
	w.t.Helper()
	_, err := w.SignalEntity(w.t.Context(), &dtspb.SignalEntityRequest{InstanceId: id, Name: "add"})
	must(w.t, err)
}

func (w *fuzzWorld) next(s *dispatch.Stream) *dtspb.WorkItem {
	w.t.Helper()
	item, err := w.hub.Next(w.t.Context(), s)
	must(w.t, err)
	return item
}

func wakeUp(id int32) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CreateTimer{
		CreateTimer: &dtspb.CreateTimerAction{FireAt: stamp(time.Now().Add(time.Hour))},
	}}
}

func child(id int32) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CreateSubOrchestration{
		CreateSubOrchestration: &dtspb.CreateSubOrchestrationAction{InstanceId: "child", Name: "orc"},
	}}
}

// rows is all that the hub has on disk, and what waits.
func (w *fuzzWorld) rows() string {
	w.t.Helper()
	var b strings.Builder
	n := w.rec.GetNumber()
	must(w.t, w.store.Instances(n, 0, math.MaxInt64, store.Cursor{}, func(rec *record.Instance) (bool, error) {
		in, err := w.store.Instance(n, rec.GetId())
		fmt.Fprintln(&b, rec, in.History, in.Inbox, in.ReadyRow)
		return true, err
	}))
	must(w.t, w.store.Ended(n, 0, math.MaxInt64, store.Cursor{}, func(c store.Cursor, status dtspb.OrchestrationStatus) (bool, error) {
		fmt.Fprintln(&b, c, status)
		return true, nil
	}))
	must(w.t, w.store.Ready(n, func(id string, r *record.Ready) { fmt.Fprintln(&b, id, r) }))
	must(w.t, w.store.Tasks(n, func(t engine.Task) { fmt.Fprintln(&b, t.TaskKey, t.Task) }))
	timers, err := w.store.Timers(n, nil, 1000)
	must(w.t, err)
	fmt.Fprintln(&b, timers)
	for _, id := range []string{"@counter@1", "@counter@2"} {
		e, err := w.store.Entity(n, id)
		must(w.t, err)
		fmt.Fprintln(&b, e.Record, e.Messages, e.ReadyRow)
	}
	must(w.t, w.store.Entities(n, "", "", func(rec *record.Entity) (bool, error) {
		fmt.Fprintln(&b, rec)
		return true, nil
	}))
	for k := range []dispatch.Kind{dispatch.Orchestration, dispatch.Activity, dispatch.Entity} {
		c := w.hub.Queue.Counts(dispatch.Kind(k))
		fmt.Fprintln(&b, c.Pending, c.Active)
	}
	return b.String()
}

// held is the token in seeds for what the worker holds.
const held = "held"

// useTokens puts the token of what the worker holds into a request that has held.
func (w *fuzzWorld) useTokens(r proto.Message) {
	m := r.ProtoReflect()
	f := m.Descriptor().Fields().ByName("completionToken")
	if f == nil || m.Get(f).String() != held {
		return
	}
	token := w.turn
	switch r.(type) {
	case *dtspb.ActivityResponse, *dtspb.AbandonActivityTaskRequest:
		token = w.activity
	case *dtspb.EntityBatchResult, *dtspb.AbandonEntityTaskRequest:
		token = w.entity
	}
	m.Set(f, protoreflect.ValueOfString(token))
}

// effect says what a method may do when it succeeds.
type effect bool

const (
	reads  effect = false
	writes effect = true
)

// fuzz calls a method with whatever decodes. It must not panic, and what it
// refuses, or a method that only reads, must change nothing.
func fuzz[Client, Req, Resp any, Ptr interface {
	*Req
	proto.Message
}](f *testing.F, client func(*fuzzWorld) Client, e effect, call func(Client, context.Context, Ptr, ...grpc.CallOption) (Resp, error), seeds ...Ptr) {
	for _, seed := range append(seeds, new(Req)) {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(seed)
		must(f, err)
		f.Add(b)
	}
	w := openFuzzWorld(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		r := Ptr(new(Req))
		if proto.Unmarshal(b, r) != nil {
			t.Skip("no request")
		}
		if w.t = t; w.hub == nil {
			w.fill()
		}
		w.useTokens(r)
		before := w.rows()
		ctx := t.Context()
		if e == reads { // some wait for what never happens; a write that ran out of time may have happened
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
		}
		_, err := call(client(w), ctx, r)
		if err == nil && e == writes {
			w.fill()
			return
		}
		if after := w.rows(); before != after {
			t.Errorf("answered %v and changed\n%s\nto\n%s", err, before, after)
			w.fill()
		}
	})
}

// TestEveryUnaryMethodIsFuzzed holds the targets against the contract.
func TestEveryUnaryMethodIsFuzzed(t *testing.T) {
	t.Parallel()
	targets, err := os.ReadFile("fuzz_test.go")
	must(t, err)
	for _, d := range []grpc.ServiceDesc{dtsgrpc.TaskHubSidecarService_ServiceDesc, dtsgrpc.BackendService_ServiceDesc} {
		for _, m := range d.Methods {
			served := d.ServiceName == dtsgrpc.TaskHubSidecarService_ServiceDesc.ServiceName || m.MethodName == "Ping" || m.MethodName == "GetMetrics" || m.MethodName == "BeginWorkerDrain"
			if served && !strings.Contains(string(targets), "\nfunc Fuzz"+m.MethodName+"(f *testing.F)") {
				t.Errorf("%s has no fuzz target", m.MethodName)
			}
		}
	}
}

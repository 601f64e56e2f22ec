package conformance

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

// world is what one scenario sees of the scheduler: both services, a hub, and ids
// and names that nobody else has.
type world struct {
	testing.TB
	dtsgrpc.TaskHubSidecarServiceClient

	backend dtsgrpc.BackendServiceClient
	at      *address
	ctx     context.Context // of calls: names the hub and ends when patience does
	tag     string          // begins every id and ends every name
	// Names of an orchestrator, an activity and an entity.
	orc, act, ent string
	made          []string // ids that do not begin with tag
}

func newWorld(t *testing.T, at *address, tag string) *world {
	w := &world{
		TB: t, TaskHubSidecarServiceClient: dtsgrpc.NewTaskHubSidecarServiceClient(at.conn), backend: dtsgrpc.NewBackendServiceClient(at.conn),
		at: at, tag: tag,
	}
	w.orc, w.act, w.ent = w.name("orc"), w.name("act"), w.name("ent")
	w.enter(at.hub)
	t.Cleanup(w.cleanUp)
	return w
}

// in is the context of calls that name a hub.
func (w *world) in(hub string) context.Context {
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	w.Cleanup(cancel)
	return metadata.AppendToOutgoingContext(ctx, "taskhub", hub)
}

func withHeader(ctx context.Context, key, value string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, key, value)
}

// enter makes a hub the one that the scenario is in.
func (w *world) enter(hub string) { w.ctx = w.in(hub) }

// ownHub enters a hub that nobody else is in, or skips the scenario.
func (w *world) ownHub() { w.enter(w.newHub("own")) }

// newHub makes a hub, which goes when the scenario ends.
func (w *world) newHub(name string) string {
	w.Helper()
	hub := w.tag + name
	ctx := w.in(hub)
	if _, err := w.CreateTaskHub(ctx, &dtspb.CreateTaskHubRequest{}); err != nil {
		w.forbidden("the scheduler lets us make no task hub", err)
	}
	w.Cleanup(func() {
		if _, err := w.DeleteTaskHub(metadata.AppendToOutgoingContext(context.Background(), "taskhub", hub), &dtspb.DeleteTaskHubRequest{}); err != nil {
			w.Errorf("delete hub %s: %v", hub, err)
		}
	})
	return hub
}

// forbidden skips the scenario where the address does not allow what it needs. The
// embedded one allows all.
func (w *world) forbidden(why string, err error) {
	w.Helper()
	if w.at.ours {
		w.Fatalf("%s: %v", why, err)
	}
	w.Skipf("%s: %v", why, err)
}

// id makes an instance id, name the name of a function and entity an entity's id.
func (w *world) id(s string) string     { return w.tag + s }
func (w *world) name(s string) string   { return s + "-" + strings.TrimSuffix(w.tag, "-") }
func (w *world) entity(s string) string { return "@" + w.ent + "@" + s }

// method is a unary method of a stub.
type method[Req, Resp any] func(context.Context, Req, ...grpc.CallOption) (Resp, error)

// call makes a call that must succeed.
func call[Req, Resp any](w *world, m method[Req, Resp], r Req) Resp {
	w.Helper()
	resp, err := m(w.ctx, r)
	if err != nil {
		w.Fatalf("%T: %v", r, err)
	}
	return resp
}

// refused makes a call that must fail with the code and with a text that has the
// words in it.
func refused[Req, Resp any](w *world, code codes.Code, words string, m method[Req, Resp], r Req) {
	w.Helper()
	_, err := m(w.ctx, r)
	w.wantCode(err, code, words)
}

func (w *world) wantCode(err error, code codes.Code, words string) {
	w.Helper()
	if s := status.Convert(err); s.Code() != code || !strings.Contains(s.Message(), words) {
		w.Errorf("got %v %q, want %v with %q in it", s.Code(), s.Message(), code, words)
	}
}

// start starts w.orc under an id made of name, and returns the id.
func (w *world) start(name string, with ...func(*dtspb.CreateInstanceRequest)) string {
	w.Helper()
	r := &dtspb.CreateInstanceRequest{InstanceId: w.id(name), Name: w.orc}
	for _, f := range with {
		f(r)
	}
	return call(w, w.StartInstance, r).GetInstanceId()
}

func (w *world) raise(id, name, input string) {
	w.Helper()
	call(w, w.RaiseEvent, &dtspb.RaiseEventRequest{InstanceId: id, Name: name, Input: text(input)})
}

func (w *world) terminate(id, output string) {
	w.Helper()
	call(w, w.TerminateInstance, &dtspb.TerminateRequest{InstanceId: id, Output: text(output)})
}

// state returns an instance with its payloads, nil if there is none.
func (w *world) state(id string) *dtspb.OrchestrationState {
	w.Helper()
	r := call(w, w.GetInstance, &dtspb.GetInstanceRequest{InstanceId: id, GetInputsAndOutputs: true})
	if r.GetExists() != (r.GetOrchestrationState() != nil) {
		w.Errorf("instance %q: exists is %t with state %v", id, r.GetExists(), r.GetOrchestrationState())
	}
	return r.GetOrchestrationState()
}

func (w *world) wantStatus(id string, want dtspb.OrchestrationStatus) {
	w.Helper()
	if s := w.state(id); s == nil || s.GetOrchestrationStatus() != want {
		w.Errorf("instance %q is %v, want %v", id, s, want)
	}
}

func (w *world) wantGone(id string) {
	w.Helper()
	if s := w.state(id); s != nil {
		w.Errorf("instance %q is %v, want none", id, s)
	}
}

// now is the time of the scheduler, whose clock may be another than ours.
func (w *world) now() time.Time {
	w.Helper()
	return w.state(w.start("clock", func(r *dtspb.CreateInstanceRequest) { r.Name = w.name("clock") })).GetCreatedTimestamp().AsTime()
}

// history returns the committed history, and in how many chunks it came.
func (w *world) history(r *dtspb.StreamInstanceHistoryRequest) (events []*dtspb.HistoryEvent, chunks int) {
	w.Helper()
	events, chunks, err := w.tryHistory(r)
	if err != nil {
		w.Fatalf("history of %s: %v", r.GetInstanceId(), err)
	}
	return events, chunks
}

func (w *world) tryHistory(r *dtspb.StreamInstanceHistoryRequest) (events []*dtspb.HistoryEvent, chunks int, err error) {
	stream, err := w.StreamInstanceHistory(w.ctx, r)
	for err == nil {
		var chunk *dtspb.HistoryChunk
		if chunk, err = stream.Recv(); err == nil {
			events = append(events, chunk.GetEvents()...)
			chunks++
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return events, chunks, err
}

// wantHistory checks the kinds of the events of an instance, in order.
func (w *world) wantHistory(id string, kinds ...string) []*dtspb.HistoryEvent {
	w.Helper()
	events, _ := w.history(&dtspb.StreamInstanceHistoryRequest{InstanceId: id})
	w.wantKinds("history", events, kinds...)
	return events
}

// Shorter names of what the protocol has.
const (
	pending    = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_PENDING
	running    = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_RUNNING
	completed  = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED
	failed     = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED
	suspended  = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_SUSPENDED
	canceled   = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CANCELED
	terminated = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED
	continued  = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CONTINUED_AS_NEW
)

func text(s string) *wrapperspb.StringValue { return wrapperspb.String(s) }

func number(n int32) *wrapperspb.Int32Value { return wrapperspb.Int32(n) }

func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }

package conformance

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// calls are all calls that name an instance and may carry a payload, with what is
// in payload.
func (w *world) calls(id, payload string) map[string]func() error {
	p := text(payload)
	return map[string]func() error{
		"raise": func() error {
			_, err := w.RaiseEvent(w.ctx, &dtspb.RaiseEventRequest{InstanceId: id, Name: "e", Input: p})
			return err
		},
		"terminate": func() error {
			_, err := w.TerminateInstance(w.ctx, &dtspb.TerminateRequest{InstanceId: id, Output: p})
			return err
		},
		"suspend": func() error {
			_, err := w.SuspendInstance(w.ctx, &dtspb.SuspendRequest{InstanceId: id, Reason: p})
			return err
		},
		"resume": func() error {
			_, err := w.ResumeInstance(w.ctx, &dtspb.ResumeRequest{InstanceId: id, Reason: p})
			return err
		},
		"rewind": func() error {
			_, err := w.RewindInstance(w.ctx, &dtspb.RewindInstanceRequest{InstanceId: id, Reason: p})
			return err
		},
	}
}

var refusalScenarios = []scenario{
	{
		name: "an-empty-id",
		rule: "An empty instance id is `INVALID_ARGUMENT` wherever one is needed",
		from: decided,
		run: func(w *world) {
			for name, f := range w.calls("", "") {
				if code := status.Code(f()); code != codes.InvalidArgument {
					w.Errorf("%s: got %v", name, code)
				}
			}
			get := &dtspb.GetInstanceRequest{}
			refused(w, codes.InvalidArgument, "empty", w.GetInstance, get)
			refused(w, codes.InvalidArgument, "empty", w.WaitForInstanceStart, get)
			refused(w, codes.InvalidArgument, "empty", w.WaitForInstanceCompletion, get)
			refused(w, codes.InvalidArgument, "empty", w.RestartInstance, &dtspb.RestartInstanceRequest{})
			refused(w, codes.InvalidArgument, "empty", w.PurgeInstances, purgeOf(""))
			_, _, err := w.tryHistory(&dtspb.StreamInstanceHistoryRequest{})
			w.wantCode(err, codes.InvalidArgument, "empty")
		},
	},
	{
		name: "an-empty-or-endless-name",
		rule: "Names of orchestrations and events have 1 to 1024 bytes, others are `INVALID_ARGUMENT`",
		from: decided,
		run: func(w *world) {
			id := w.start("a")
			for _, name := range []string{"", strings.Repeat("x", 1025)} {
				refused(w, codes.InvalidArgument, "name", w.StartInstance, &dtspb.CreateInstanceRequest{InstanceId: w.id("b"), Name: name})
				refused(w, codes.InvalidArgument, "name", w.RaiseEvent, &dtspb.RaiseEventRequest{InstanceId: id, Name: name})
			}
			w.wantGone(w.id("b"))
			w.wantKinds("turn", w.worker().turn().news(), "executionStarted")
		},
	},
	{
		name: "a-payload-that-is-too-large",
		rule: "A payload above 1 MiB is `INVALID_ARGUMENT` to a client, with the limit in the text, and nothing happens",
		from: decided,
		run: func(w *world) {
			id := w.start("a")
			large := strings.Repeat("x", maxPayload+1)
			for name, f := range w.calls(id, large) {
				if s := status.Convert(f()); s.Code() != codes.InvalidArgument || !strings.Contains(s.Message(), fmt.Sprint(maxPayload)) {
					w.Errorf("%s: got %v", name, s)
				}
			}
			refused(w, codes.InvalidArgument, "1048576", w.StartInstance, &dtspb.CreateInstanceRequest{InstanceId: w.id("b"), Name: w.orc, Input: text(large)})
			refused(w, codes.InvalidArgument, "1048576", w.SignalEntity, &dtspb.SignalEntityRequest{InstanceId: w.entity("e"), Name: "op", Input: text(large)})
			w.wantGone(w.id("b"))
			k := w.worker()
			w.wantKinds("turn", k.turn().news(), "executionStarted")
			k.wantEmpty()
		},
	},
	{
		name: "a-time-that-cannot-be",
		rule: "A start or signal for a time after 2261, or with nanoseconds that are none, is `INVALID_ARGUMENT`",
		from: decided,
		run: func(w *world) {
			far, none := stamp(time.Date(2262, 5, 1, 0, 0, 0, 0, time.UTC)), stamp(time.Now())
			none.Nanos = -1
			refused(w, codes.InvalidArgument, "scheduledStartTimestamp", w.StartInstance, &dtspb.CreateInstanceRequest{InstanceId: w.id("a"), Name: w.orc, ScheduledStartTimestamp: far})
			refused(w, codes.InvalidArgument, "scheduledStartTimestamp", w.StartInstance, &dtspb.CreateInstanceRequest{InstanceId: w.id("a"), Name: w.orc, ScheduledStartTimestamp: none})
			refused(w, codes.InvalidArgument, "scheduledTime", w.SignalEntity, &dtspb.SignalEntityRequest{InstanceId: w.entity("e"), Name: "op", ScheduledTime: far})
			w.wantGone(w.id("a"))
		},
	},
	{
		name: "a-batch-of-more-than-500",
		rule: "`SkipGracefulOrchestrationTerminations` of more than 500 ids is `INVALID_ARGUMENT`, and none is ended",
		from: documented,
		run: func(w *world) {
			ids := []string{w.start("a")}
			for i := range 500 {
				ids = append(ids, w.id(fmt.Sprint(i)))
			}
			refused(w, codes.InvalidArgument, "500", w.SkipGracefulOrchestrationTerminations, skip(ids...))
			w.wantStatus(ids[0], pending)
		},
	},
	{
		name: "a-purge-of-nothing",
		rule: "A purge that names neither an instance, nor a batch, nor a filter is `INVALID_ARGUMENT`",
		from: decided,
		run: func(w *world) {
			refused(w, codes.InvalidArgument, "purge", w.PurgeInstances, &dtspb.PurgeInstancesRequest{})
		},
	},
	{
		name: "a-conflict-is-not-worth-repeating",
		rule: "What is refused for the state that things are in is never `UNKNOWN`, `INTERNAL` or `UNAVAILABLE`, which workers and clients repeat",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			k.lose()
			w.worker().turn()
			_, late := w.CompleteOrchestratorTask(w.ctx, t.response())
			_, foreign := w.CompleteActivityTask(w.ctx, &dtspb.ActivityResponse{CompletionToken: "?"})
			_, taken := w.StartInstance(w.ctx, w.again(id))
			_, live := w.RestartInstance(w.ctx, &dtspb.RestartInstanceRequest{InstanceId: id})
			_, whole := w.RewindInstance(w.ctx, &dtspb.RewindInstanceRequest{InstanceId: id})
			for name, err := range map[string]error{"late answer": late, "foreign token": foreign, "taken id": taken, "restart": live, "rewind": whole} {
				switch code := status.Code(err); code {
				case codes.OK, codes.Unknown, codes.Internal, codes.Unavailable, codes.DeadlineExceeded:
					w.Errorf("%s: got %v", name, code)
				default:
				}
			}
		},
	},
	{
		name: "what-is-for-hosts",
		rule: "Methods of `BackendService` other than `Ping`, `GetMetrics` and `BeginWorkerDrain` are `UNIMPLEMENTED` and name the method to call",
		from: decided,
		run: func(w *world) {
			refused(w, codes.Unimplemented, "RaiseEvent", w.backend.AddEvent, &dtspb.AddEventRequest{})
			refused(w, codes.Unimplemented, "StartInstance", w.backend.CreateInstance, &dtspb.CreateInstanceRequest{Name: w.orc})
			stream, err := w.backend.GetWorkItems(w.ctx, &dtspb.GetWorkItemsRequest{})
			if err == nil {
				_, err = stream.Recv()
			}
			w.wantCode(err, codes.Unimplemented, "GetWorkItems of TaskHubSidecarService")
		},
	},
}

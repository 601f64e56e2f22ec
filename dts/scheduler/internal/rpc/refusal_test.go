package rpc_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// long is one byte more than a payload may have.
var long = wrapperspb.String(strings.Repeat("x", 1<<20+1))

// TestRefusals calls with everything that can be wrong.
func TestRefusals(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		w.start("live")
		w.start("ended")
		w.terminate("ended")
		start := func(r *dtspb.CreateInstanceRequest) func(context.Context) error {
			return func(ctx context.Context) error {
				if r.GetName() == "" {
					r.Name = "orc"
				}
				_, err := w.StartInstance(ctx, r)
				return err
			}
		}
		raise := func(id, name string, input *wrapperspb.StringValue) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.RaiseEvent(ctx, &dtspb.RaiseEventRequest{InstanceId: id, Name: name, Input: input})
				return err
			}
		}
		onInstance := func(id string, payload *wrapperspb.StringValue) map[string]func(context.Context) error {
			return map[string]func(context.Context) error{
				"terminate": func(ctx context.Context) error {
					_, err := w.TerminateInstance(ctx, &dtspb.TerminateRequest{InstanceId: id, Output: payload})
					return err
				},
				"rewind": func(ctx context.Context) error {
					_, err := w.RewindInstance(ctx, &dtspb.RewindInstanceRequest{InstanceId: id, Reason: payload})
					return err
				},
				"suspend": func(ctx context.Context) error {
					_, err := w.SuspendInstance(ctx, &dtspb.SuspendRequest{InstanceId: id, Reason: payload})
					return err
				},
				"resume": func(ctx context.Context) error {
					_, err := w.ResumeInstance(ctx, &dtspb.ResumeRequest{InstanceId: id, Reason: payload})
					return err
				},
				"raise": raise(id, "e", payload),
			}
		}
		signal := func(r *dtspb.SignalEntityRequest) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.SignalEntity(ctx, r)
				return err
			}
		}
		restart := func(id string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.RestartInstance(ctx, &dtspb.RestartInstanceRequest{InstanceId: id})
				return err
			}
		}
		rewind := func(id string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.RewindInstance(ctx, &dtspb.RewindInstanceRequest{InstanceId: id})
				return err
			}
		}
		list := func(key string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.ListInstanceIds(ctx, &dtspb.ListInstanceIdsRequest{LastInstanceKey: wrapperspb.String(key)})
				return err
			}
		}
		skip := func(ids ...string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.SkipGracefulOrchestrationTerminations(ctx, &dtspb.SkipGracefulOrchestrationTerminationsRequest{InstanceBatch: &dtspb.InstanceBatch{InstanceIds: ids}})
				return err
			}
		}
		get := func(id string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.GetInstance(ctx, &dtspb.GetInstanceRequest{InstanceId: id})
				return err
			}
		}
		purge := func(r *dtspb.PurgeInstancesRequest) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.PurgeInstances(ctx, r)
				return err
			}
		}
		query := func(token string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.QueryInstances(ctx, &dtspb.QueryInstancesRequest{Query: &dtspb.InstanceQuery{ContinuationToken: wrapperspb.String(token)}})
				return err
			}
		}
		history := func(id, execution string) func(context.Context) error {
			return func(context.Context) error {
				_, _, err := w.history(&dtspb.StreamInstanceHistoryRequest{InstanceId: id, ExecutionId: wrapperspb.String(execution), ForWorkItemProcessing: execution != ""})
				return err
			}
		}
		type refusal struct {
			call func(context.Context) error
			code codes.Code
			text string
		}
		table := map[string]refusal{
			"start of one that runs":       {start(&dtspb.CreateInstanceRequest{InstanceId: "live"}), codes.AlreadyExists, `instance "live"`},
			"start with an empty policy":   {start(&dtspb.CreateInstanceRequest{InstanceId: "ended", OrchestrationIdReusePolicy: &dtspb.OrchestrationIdReusePolicy{}}), codes.AlreadyExists, `instance "ended"`},
			"start with an invalid policy": {start(&dtspb.CreateInstanceRequest{InstanceId: "ended", OrchestrationIdReusePolicy: &dtspb.OrchestrationIdReusePolicy{ReplaceableStatus: []dtspb.OrchestrationStatus{running}}}), codes.InvalidArgument, "Invalid reusable statuses: cannot exclude 'Terminated' while also allowing reuse of running instances"},
			"start with a long id":         {start(&dtspb.CreateInstanceRequest{InstanceId: strings.Repeat("é", 101)}), codes.InvalidArgument, "has 101 characters, the limit is 100"},
			"start with a zero byte":       {start(&dtspb.CreateInstanceRequest{InstanceId: "a\x00b"}), codes.InvalidArgument, "zero byte"},
			"start of an entity":           {start(&dtspb.CreateInstanceRequest{InstanceId: "@counter@1"}), codes.InvalidArgument, "for entities"},
			"start with a long name":       {start(&dtspb.CreateInstanceRequest{Name: strings.Repeat("x", 1025)}), codes.InvalidArgument, "limit is 1024"},
			"start with a large input":     {start(&dtspb.CreateInstanceRequest{Input: long}), codes.InvalidArgument, "input has 1048577 bytes, the limit is 1048576"},
			"start with a long version":    {start(&dtspb.CreateInstanceRequest{Version: wrapperspb.String(strings.Repeat("x", 1025))}), codes.InvalidArgument, "version has 1025 bytes, the limit is 1024"},
			"start with large tags":        {start(&dtspb.CreateInstanceRequest{Tags: map[string]string{"a": strings.Repeat("x", 1<<16)}}), codes.InvalidArgument, "sum of the tags has 65537 bytes, the limit is 65536"},
			"start with a long trace":      {start(&dtspb.CreateInstanceRequest{ParentTraceContext: &dtspb.TraceContext{TraceParent: strings.Repeat("x", 1<<14+1)}}), codes.InvalidArgument, "trace context has 16385 bytes, the limit is 16384"},
			"signal with a long name":      {signal(&dtspb.SignalEntityRequest{InstanceId: "@e@a", Name: strings.Repeat("x", 1025)}), codes.InvalidArgument, "operation name has 1025 bytes"},
			"signal with a long request":   {signal(&dtspb.SignalEntityRequest{InstanceId: "@e@a", RequestId: strings.Repeat("x", 1025)}), codes.InvalidArgument, "request id has 1025 bytes"},
			"signal with an endless id":    {signal(&dtspb.SignalEntityRequest{InstanceId: strings.Repeat("@", 5<<20)}), codes.InvalidArgument, "has 5242880 characters, the limit is 100"},
			"start in the year 3000":       {start(&dtspb.CreateInstanceRequest{ScheduledStartTimestamp: timestamppb.New(time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC))}), codes.InvalidArgument, "scheduledStartTimestamp"},
			"start at no time":             {start(&dtspb.CreateInstanceRequest{ScheduledStartTimestamp: &timestamppb.Timestamp{Nanos: -1}}), codes.InvalidArgument, "scheduledStartTimestamp"},
			"start without a name": {func(ctx context.Context) error {
				_, err := w.StartInstance(ctx, &dtspb.CreateInstanceRequest{})
				return err
			}, codes.InvalidArgument, "name is empty"},
			"event without a name":         {raise("live", "", nil), codes.InvalidArgument, "event name is empty"},
			"event with a long name":       {raise("live", strings.Repeat("x", 1025), nil), codes.InvalidArgument, "limit is 1024"},
			"restart of one that runs":     {restart("live"), codes.FailedPrecondition, "live"},
			"restart of nobody":            {restart("nobody"), codes.NotFound, "nobody"},
			"restart without an id":        {restart(""), codes.InvalidArgument, "empty"},
			"get without an id":            {get(""), codes.InvalidArgument, "empty"},
			"get with a long id":           {get(strings.Repeat("x", 101)), codes.InvalidArgument, "characters"},
			"purge of nothing":             {purge(&dtspb.PurgeInstancesRequest{}), codes.InvalidArgument, "neither"},
			"purge without an id":          {purge(&dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_InstanceId{}}), codes.InvalidArgument, "empty"},
			"purge of 501":                 {purge(&dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_InstanceBatch{InstanceBatch: &dtspb.InstanceBatch{InstanceIds: make([]string, 501)}}}), codes.InvalidArgument, "501 instance ids in one batch, the limit is 500"},
			"query with a foreign token":   {query("!"), codes.InvalidArgument, "continuation token"},
			"query with a short token":     {query("AAAA"), codes.InvalidArgument, "continuation token"},
			"history of nobody":            {history("nobody", ""), codes.NotFound, "nobody"},
			"history without an id":        {history("", ""), codes.InvalidArgument, "empty"},
			"history of another execution": {history("live", strings.Repeat("0", 32)), codes.NotFound, "live"},
			"rewind of one that runs":      {rewind("live"), codes.FailedPrecondition, `instance "live" is pending, which does not allow a rewind`},
			"rewind of one that is over":   {rewind("ended"), codes.FailedPrecondition, `instance "ended" is terminated, which does not allow a rewind`},
			"rewind of nobody":             {rewind("nobody"), codes.NotFound, "nobody"},
			"list behind a foreign key":    {list("!"), codes.InvalidArgument, "continuation token"},
			"skip of 501":                  {skip(make([]string, 501)...), codes.InvalidArgument, "501 instance ids in one batch, the limit is 500"},
			"skip with an empty id":        {skip("live", ""), codes.InvalidArgument, "empty"},
			"a backend call of hosts": {func(ctx context.Context) error {
				_, err := w.backend.AddEvent(ctx, &dtspb.AddEventRequest{})
				return err
			}, codes.Unimplemented, "does not serve AddEvent of BackendService: call RaiseEvent of TaskHubSidecarService"},
			"answer with a foreign token": {func(ctx context.Context) error {
				_, err := w.CompleteOrchestratorTask(ctx, &dtspb.OrchestratorResponse{CompletionToken: "?"})
				return err
			}, codes.NotFound, `work item "?" not found`},
			"answer without a token": {func(ctx context.Context) error {
				_, err := w.CompleteOrchestratorTask(ctx, &dtspb.OrchestratorResponse{InstanceId: "live"})
				return err
			}, codes.NotFound, "not found"},
			"result with a foreign token": {func(ctx context.Context) error {
				_, err := w.CompleteActivityTask(ctx, &dtspb.ActivityResponse{CompletionToken: "?"})
				return err
			}, codes.NotFound, `work item "?" not found`},
			"result without a token": {func(ctx context.Context) error {
				_, err := w.CompleteActivityTask(ctx, &dtspb.ActivityResponse{InstanceId: "live"})
				return err
			}, codes.NotFound, "not found"},
			"batch with a foreign token": {func(ctx context.Context) error {
				_, err := w.CompleteEntityTask(ctx, &dtspb.EntityBatchResult{CompletionToken: "?"})
				return err
			}, codes.NotFound, `work item "?" not found`},
			"abandoning what one has not": {func(ctx context.Context) error {
				_, err := w.AbandonTaskOrchestratorWorkItem(ctx, &dtspb.AbandonOrchestrationTaskRequest{CompletionToken: "?"})
				return err
			}, codes.OK, ""},
			"abandoning an activity, alike": {func(ctx context.Context) error {
				_, err := w.AbandonTaskActivityWorkItem(ctx, &dtspb.AbandonActivityTaskRequest{})
				return err
			}, codes.OK, ""},
			"get of nobody":               {get("nobody"), codes.OK, ""},
			"a message to one that ended": {raise("ended", "e", nil), codes.OK, ""},
		}
		for name, call := range onInstance("nobody", nil) {
			table[name+" of nobody"] = refusal{call, codes.NotFound, `no instance with id "nobody"`}
		}
		for name, call := range onInstance("", nil) {
			table[name+" without an id"] = refusal{call, codes.InvalidArgument, "instance id is empty"}
		}
		for name, call := range onInstance("live", long) {
			table[name+" with a large payload"] = refusal{call, codes.InvalidArgument, "limit is 1048576"}
		}
		before := w.everything()
		for name, tc := range table {
			wantError(t, name, tc.call(w.ctx("")), tc.code, tc.text)
		}
		if after := w.everything(); before != after {
			t.Errorf("refusals changed\n%s\nto\n%s", before, after)
		}
	})
}

// everything is what clients can see of the hub.
func (w *world) everything() string {
	w.t.Helper()
	r, err := w.QueryInstances(w.ctx(""), &dtspb.QueryInstancesRequest{Query: &dtspb.InstanceQuery{FetchInputsAndOutputs: true}})
	must(w.t, err)
	m, err := w.backend.GetMetrics(w.ctx(""), &dtspb.GetMetricsRequest{})
	must(w.t, err)
	m.GetMetrics().GetOrchestratorWorkItems().OldestAgeInSeconds = 0
	return fmt.Sprint(r.GetOrchestrationState(), m)
}

func TestNamesOfHubs(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		for name, want := range map[string]codes.Code{
			"abc": codes.OK, "Default": codes.OK, "a-1": codes.OK, strings.Repeat("x", 45): codes.OK, "": codes.OK,
			"ab": codes.NotFound, "1abc": codes.NotFound, "-abc": codes.NotFound, "a_b": codes.NotFound, "a b": codes.NotFound,
			"a.b": codes.NotFound, strings.Repeat("x", 46): codes.NotFound,
		} {
			text := ""
			if want == codes.NotFound {
				text = "Task hub not found: " + name
			}
			_, err := w.Hello(w.ctx(name), &emptypb.Empty{})
			wantError(t, "hello "+name, err, want, text)
			_, err = w.StartInstance(w.ctx(name), &dtspb.CreateInstanceRequest{Name: "orc"})
			wantError(t, "start in "+name, err, want, text)
			_, err = w.backend.GetMetrics(w.ctx(name), &dtspb.GetMetricsRequest{})
			wantError(t, "metrics of "+name, err, want, text)
			if want == codes.NotFound {
				stream, err := w.GetWorkItems(w.ctx(name), &dtspb.GetWorkItemsRequest{})
				must(t, err)
				_, err = stream.Recv()
				wantError(t, "work of "+name, err, want, text)
			}
		}
		_, err := w.Hello(metadata.AppendToOutgoingContext(t.Context(), "Durable-TaskHub", "a_b"), &emptypb.Empty{})
		wantError(t, "the header of Functions", err, codes.NotFound, "Task hub not found: a_b")
		_, err = w.backend.Ping(w.ctx("a_b"), &dtspb.PingRequest{})
		wantError(t, "ping", err, codes.OK, "")
	})
}

func TestMessageThatIsTooLargeIsRefusedByTheTransport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "127.0.0.1:0")
	_, err := w.CompleteActivityTask(w.ctx(""), &dtspb.ActivityResponse{CompletionToken: "?", Result: wrapperspb.String(strings.Repeat("x", 64<<20))})
	wantError(t, "64 MiB and a little", err, codes.ResourceExhausted, "")
	_, err = w.CompleteActivityTask(w.ctx(""), &dtspb.ActivityResponse{CompletionToken: "?", Result: wrapperspb.String(strings.Repeat("x", 64<<20-100))})
	wantError(t, "64 MiB", err, codes.NotFound, "not found")
}

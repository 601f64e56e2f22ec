package dts_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

// exchange makes one call against a server that answers reply and gives what the
// server was sent.
func exchange(t *testing.T, reply proto.Message, call func(*dts.Client)) proto.Message {
	t.Helper()
	var sent proto.Message
	c := serve(t, func(_ context.Context, _ string, req proto.Message) (proto.Message, error) {
		sent = req
		return reply, nil
	})
	call(c)
	return sent
}

func TestRequestsAreWrittenAsTheProtocolHasThem(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name  string
		call  func(context.Context, *dts.Client) error
		reply proto.Message
		want  proto.Message
	}{
		{
			"start with everything",
			func(ctx context.Context, c *dts.Client) error {
				_, err := c.Start(ctx, dts.StartRequest{
					Name: "n", ID: "o-7", Version: "2", Input: []byte(`{}`), StartAt: noon, Tags: map[string]string{"a": "b"},
					Reuse:       &dts.ReusePolicy{Replaceable: []dts.Status{dts.StatusFailed, dts.StatusCompleted, dts.StatusFailed}},
					TraceParent: "00-1-2-01", TraceState: "s",
				})
				return err
			},
			&dtspb.CreateInstanceResponse{InstanceId: "o-7"},
			&dtspb.CreateInstanceRequest{
				Name: "n", InstanceId: "o-7", Version: wrapperspb.String("2"), Input: wrapperspb.String("{}"),
				ScheduledStartTimestamp: timestamppb.New(noon), Tags: map[string]string{"a": "b"},
				OrchestrationIdReusePolicy: &dtspb.OrchestrationIdReusePolicy{ReplaceableStatus: []dtspb.OrchestrationStatus{
					dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED, dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED,
				}},
				ParentTraceContext: &dtspb.TraceContext{TraceParent: "00-1-2-01", TraceState: wrapperspb.String("s")},
			},
		},
		{
			"start with little and an empty input",
			func(ctx context.Context, c *dts.Client) error {
				_, err := c.Start(ctx, dts.StartRequest{Name: "n", ID: "o-7", Input: []byte{}})
				return err
			},
			&dtspb.CreateInstanceResponse{InstanceId: "o-7"},
			&dtspb.CreateInstanceRequest{Name: "n", InstanceId: "o-7", Input: wrapperspb.String("")},
		},
		{
			"start that may replace nothing",
			func(ctx context.Context, c *dts.Client) error {
				_, err := c.Start(ctx, dts.StartRequest{Name: "n", ID: "o-7", Reuse: &dts.ReusePolicy{}})
				return err
			},
			&dtspb.CreateInstanceResponse{InstanceId: "o-7"},
			&dtspb.CreateInstanceRequest{Name: "n", InstanceId: "o-7", OrchestrationIdReusePolicy: &dtspb.OrchestrationIdReusePolicy{}},
		},
		{
			"raise",
			func(ctx context.Context, c *dts.Client) error { return c.Raise(ctx, "o-7", "e", []byte("1")) },
			&dtspb.RaiseEventResponse{},
			&dtspb.RaiseEventRequest{InstanceId: "o-7", Name: "e", Input: wrapperspb.String("1")},
		},
		{
			"raise without a payload",
			func(ctx context.Context, c *dts.Client) error { return c.Raise(ctx, "o-7", "e", nil) },
			&dtspb.RaiseEventResponse{},
			&dtspb.RaiseEventRequest{InstanceId: "o-7", Name: "e"},
		},
		{
			"terminate with the reason as output",
			func(ctx context.Context, c *dts.Client) error { return c.Terminate(ctx, "o-7", `so "it" is`) },
			&dtspb.TerminateResponse{},
			&dtspb.TerminateRequest{InstanceId: "o-7", Output: wrapperspb.String(`"so \"it\" is"`)},
		},
		{
			"terminate with an output, recursive",
			func(ctx context.Context, c *dts.Client) error {
				return c.Terminate(ctx, "o-7", "r", dts.Output([]byte("{}")), dts.Recursive())
			},
			&dtspb.TerminateResponse{},
			&dtspb.TerminateRequest{InstanceId: "o-7", Output: wrapperspb.String("{}"), Recursive: true},
		},
		{
			"suspend",
			func(ctx context.Context, c *dts.Client) error { return c.Suspend(ctx, "o-7", "r") },
			&dtspb.SuspendResponse{},
			&dtspb.SuspendRequest{InstanceId: "o-7", Reason: wrapperspb.String("r")},
		},
		{
			"resume",
			func(ctx context.Context, c *dts.Client) error { return c.Resume(ctx, "o-7", "") },
			&dtspb.ResumeResponse{},
			&dtspb.ResumeRequest{InstanceId: "o-7"},
		},
		{
			"rewind",
			func(ctx context.Context, c *dts.Client) error { return c.Rewind(ctx, "o-7", "r") },
			&dtspb.RewindInstanceResponse{},
			&dtspb.RewindInstanceRequest{InstanceId: "o-7", Reason: wrapperspb.String("r")},
		},
		{
			"terminate now",
			func(ctx context.Context, c *dts.Client) error {
				left, err := c.TerminateNow(ctx, "r", "o-7", "o-8")
				if !slices.Equal(left, []string{"o-8"}) {
					return fmt.Errorf("left are %v", left)
				}
				return err
			},
			&dtspb.SkipGracefulOrchestrationTerminationsResponse{UnterminatedInstanceIds: []string{"o-8"}},
			&dtspb.SkipGracefulOrchestrationTerminationsRequest{
				InstanceBatch: &dtspb.InstanceBatch{InstanceIds: []string{"o-7", "o-8"}}, Reason: wrapperspb.String(`"r"`),
			},
		},
		{
			"create a hub",
			func(ctx context.Context, c *dts.Client) error { return c.CreateHub(ctx) },
			&dtspb.CreateTaskHubResponse{},
			&dtspb.CreateTaskHubRequest{},
		},
		{
			"delete a hub",
			func(ctx context.Context, c *dts.Client) error { return c.DeleteHub(ctx) },
			&dtspb.DeleteTaskHubResponse{},
			&dtspb.DeleteTaskHubRequest{},
		},
		{
			"purge",
			func(ctx context.Context, c *dts.Client) error {
				n, err := c.Purge(ctx, "o-7", dts.Recursive())
				if n != 3 {
					return fmt.Errorf("purged %d, want 3", n)
				}
				return err
			},
			&dtspb.PurgeInstancesResponse{DeletedInstanceCount: 3},
			&dtspb.PurgeInstancesRequest{
				Request: &dtspb.PurgeInstancesRequest_InstanceId{InstanceId: "o-7"}, Recursive: true, IsOrchestration: true,
			},
		},
		{
			"query",
			func(ctx context.Context, c *dts.Client) error {
				_, next, err := c.Page(ctx, dts.Query{
					Status: []dts.Status{dts.StatusRunning}, CreatedFrom: noon, CreatedTo: noon.Add(time.Hour), IDPrefix: "o-", PageSize: 7, Payloads: true,
				}, "t1")
				if next != "t2" {
					return fmt.Errorf("next is %q, want t2", next)
				}
				return err
			},
			&dtspb.QueryInstancesResponse{ContinuationToken: wrapperspb.String("t2")},
			&dtspb.QueryInstancesRequest{Query: &dtspb.InstanceQuery{
				RuntimeStatus:   []dtspb.OrchestrationStatus{dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_RUNNING},
				CreatedTimeFrom: timestamppb.New(noon), CreatedTimeTo: timestamppb.New(noon.Add(time.Hour)), MaxInstanceCount: 7,
				ContinuationToken: wrapperspb.String("t1"), InstanceIdPrefix: wrapperspb.String("o-"), FetchInputsAndOutputs: true,
			}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := exchange(t, tc.reply, func(c *dts.Client) {
				if err := tc.call(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
			diff := cmp.Diff(tc.want, got, protocmp.Transform(), protocmp.IgnoreFields(&dtspb.CreateInstanceRequest{}, "requestTime"))
			if diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStartWithoutAnIDIsIdempotent(t *testing.T) {
	t.Parallel()
	var ids []string
	c := serve(t, func(_ context.Context, _ string, req proto.Message) (proto.Message, error) {
		r := req.(*dtspb.CreateInstanceRequest)
		ids = append(ids, r.GetInstanceId())
		if p := r.GetOrchestrationIdReusePolicy(); p == nil || len(p.GetReplaceableStatus()) > 0 {
			t.Errorf("reuse policy is %v, want one that replaces nothing", p)
		}
		if r.GetRequestTime() == nil {
			t.Error("the request has no time")
		}
		return nil, status.Error(codes.AlreadyExists, "the first attempt arrived")
	})
	for range 2 {
		id, err := c.Start(t.Context(), dts.StartRequest{Name: "n"})
		if err != nil || id != ids[len(ids)-1] || len(id) != 32 {
			t.Errorf("Start = %q, %v; want the 32 digits that were sent: %q", id, err, ids)
		}
	}
	if ids[0] == ids[1] {
		t.Errorf("two starts have one id %q", ids[0])
	}
	if _, err := c.Start(t.Context(), dts.StartRequest{Name: "n", ID: "o-7", Reuse: &dts.ReusePolicy{}}); !errors.Is(err, dts.ErrExists) {
		t.Errorf("start with an id: got %v, want ErrExists", err)
	}
}

func TestInstanceIsReadWhole(t *testing.T) {
	t.Parallel()
	at := func(n int64) *timestamppb.Timestamp { return &timestamppb.Timestamp{Seconds: n} }
	retries, err := structpb.NewValue(map[string]any{"n": 3, "list": []any{"a", nil}})
	if err != nil {
		t.Fatal(err)
	}
	c := serve(t, func(_ context.Context, _ string, req proto.Message) (proto.Message, error) {
		if !req.(*dtspb.GetInstanceRequest).GetGetInputsAndOutputs() {
			t.Error("the request does not ask for payloads")
		}
		return &dtspb.GetInstanceResponse{Exists: true, OrchestrationState: &dtspb.OrchestrationState{
			InstanceId: "o-7", Name: "n", Version: wrapperspb.String("2"), ExecutionId: wrapperspb.String("e"), ParentInstanceId: wrapperspb.String("p"),
			OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED, ScheduledStartTimestamp: at(0), CreatedTimestamp: at(1),
			LastUpdatedTimestamp: at(2), CompletedTimestamp: at(3), Input: wrapperspb.String(""), CustomStatus: wrapperspb.String(`"x"`),
			FailureDetails: &dtspb.TaskFailureDetails{
				ErrorType: "T", ErrorMessage: "m", StackTrace: wrapperspb.String("s"), IsNonRetriable: true,
				InnerFailure: &dtspb.TaskFailureDetails{ErrorMessage: "inner"}, Properties: map[string]*structpb.Value{"retries": retries},
			},
			Tags: map[string]string{"a": "b"},
		}}, nil
	})
	got, err := c.Instance(t.Context(), "o-7")
	if err != nil {
		t.Fatal(err)
	}
	want := &dts.Instance{
		ID: "o-7", Name: "n", Version: "2", ExecutionID: "e", ParentID: "p", Status: dts.StatusFailed,
		Created: time.Unix(1, 0).UTC(), Updated: time.Unix(2, 0).UTC(), Completed: time.Unix(3, 0).UTC(),
		Input: []byte{}, Output: nil, CustomStatus: []byte(`"x"`),
		Failure: &dts.Failure{
			Type: "T", Message: "m", Stack: "s", NonRetriable: true, Inner: &dts.Failure{Message: "inner"},
			Properties: map[string]any{"retries": map[string]any{"n": 3.0, "list": []any{"a", nil}}},
		},
		Tags: map[string]string{"a": "b"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("instance (-want +got):\n%s", diff)
	}
	if got.Failure.Error() != "T: m" || !errors.Is(got.Failure, got.Failure.Inner) || errors.Unwrap(got.Failure.Inner) != nil {
		t.Errorf("the failure %v does not work as an error", got.Failure)
	}
}

func TestUnknownInstanceIsNotFound(t *testing.T) {
	t.Parallel()
	c := serve(t, func(context.Context, string, proto.Message) (proto.Message, error) {
		return &dtspb.GetInstanceResponse{Exists: false}, nil
	})
	for name, read := range map[string]func(context.Context, string) (*dts.Instance, error){
		`get instance "o-7": not found`:               c.Instance,
		`wait for instance "o-7": not found`:          c.Wait,
		`wait for start of instance "o-7": not found`: c.WaitStarted,
	} {
		if _, err := read(t.Context(), "o-7"); !errors.Is(err, dts.ErrNotFound) || err.Error() != name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}

func TestWaitOutlastsGatewaysAndRestarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked []time.Duration
		begin := time.Now()
		c := serve(t, func(_ context.Context, method string, _ proto.Message) (proto.Message, error) {
			if !strings.HasSuffix(method, "/WaitForInstanceCompletion") {
				t.Errorf("wait calls %s", method)
			}
			asked = append(asked, time.Since(begin))
			switch n := len(asked); {
			case n <= 7:
				return nil, status.Error(codes.Unavailable, "restarting")
			case n == 8:
				return nil, status.Error(codes.DeadlineExceeded, "a gateway is impatient")
			default:
				return &dtspb.GetInstanceResponse{Exists: true, OrchestrationState: &dtspb.OrchestrationState{
					InstanceId: "o-7", OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED,
				}}, nil
			}
		})
		in, err := c.Wait(t.Context(), "o-7")
		if err != nil || in.Status != dts.StatusCompleted {
			t.Fatalf("Wait = %v, %v; want it completed", in, err)
		}
		ms := time.Millisecond
		want := []time.Duration{0, 100 * ms, 300 * ms, 700 * ms, 1500 * ms, 3100 * ms, 6100 * ms, 9100 * ms, 9200 * ms}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, func(context.Context, string, proto.Message) (proto.Message, error) {
			return nil, status.Error(codes.Unavailable, "restarting")
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		_, err := c.WaitStarted(ctx, "o-7")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("got %v after %v, want the deadline after a minute", err, time.Since(begin))
		}
		if _, err := c.Instance(t.Context(), "o-7"); !errors.Is(err, dts.ErrUnavailable) {
			t.Errorf("get: got %v, want ErrUnavailable at once", err)
		}
	})
}

func TestInstancesFollowsPages(t *testing.T) {
	t.Parallel()
	var tokens []string
	c := serve(t, func(_ context.Context, _ string, req proto.Message) (proto.Message, error) {
		q := req.(*dtspb.QueryInstancesRequest).GetQuery()
		if q.GetMaxInstanceCount() != 100 {
			t.Errorf("page size is %d, want 100", q.GetMaxInstanceCount())
		}
		token := q.GetContinuationToken().GetValue()
		tokens = append(tokens, token)
		page := func(next *wrapperspb.StringValue, ids ...string) *dtspb.QueryInstancesResponse {
			r := &dtspb.QueryInstancesResponse{ContinuationToken: next}
			for _, id := range ids {
				r.OrchestrationState = append(r.OrchestrationState, &dtspb.OrchestrationState{InstanceId: id})
			}
			return r
		}
		switch token {
		case "":
			return page(wrapperspb.String("t1"), "a", "b"), nil
		case "t1":
			return page(wrapperspb.String("t2")), nil // an empty page is not the end
		default:
			return page(wrapperspb.String("t2"), "c"), nil // a repeated token is
		}
	})
	var ids []string
	for in, err := range c.Instances(t.Context(), dts.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, in.ID)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, ids); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	for range c.Instances(t.Context(), dts.Query{}) {
		break
	}
	if diff := cmp.Diff([]string{"", "t1", "t2", ""}, tokens); diff != "" {
		t.Errorf("pages read (-want +got):\n%s", diff)
	}
}

func TestInstancesEndsWithTheFirstError(t *testing.T) {
	t.Parallel()
	calls := 0
	c := serve(t, func(context.Context, string, proto.Message) (proto.Message, error) {
		if calls++; calls > 1 {
			return nil, status.Error(codes.InvalidArgument, "bad token")
		}
		return &dtspb.QueryInstancesResponse{
			OrchestrationState: []*dtspb.OrchestrationState{{InstanceId: "a"}}, ContinuationToken: wrapperspb.String("t"),
		}, nil
	})
	var got []string
	for in, err := range c.Instances(t.Context(), dts.Query{}) {
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, in.ID)
	}
	if diff := cmp.Diff([]string{"a", "query instances: invalid: bad token"}, got); diff != "" {
		t.Errorf("sequence (-want +got):\n%s", diff)
	}
}

func TestPurgeAllGoesOnUntilComplete(t *testing.T) {
	t.Parallel()
	calls := 0
	c := serve(t, func(_ context.Context, _ string, req proto.Message) (proto.Message, error) {
		calls++
		want := &dtspb.PurgeInstanceFilter{
			CreatedTimeTo: &timestamppb.Timestamp{Seconds: 9},
			RuntimeStatus: []dtspb.OrchestrationStatus{dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED},
		}
		if diff := cmp.Diff(want, req.(*dtspb.PurgeInstancesRequest).GetPurgeInstanceFilter(), protocmp.Transform()); diff != "" {
			t.Errorf("filter (-want +got):\n%s", diff)
		}
		return &dtspb.PurgeInstancesResponse{DeletedInstanceCount: 5, IsComplete: wrapperspb.Bool(calls == 3)}, nil
	})
	n, err := c.PurgeAll(t.Context(), dts.Query{Status: []dts.Status{dts.StatusFailed}, CreatedTo: time.Unix(9, 0)})
	if err != nil || n != 15 || calls != 3 {
		t.Errorf("PurgeAll = %d, %v after %d calls; want 15 after 3", n, err, calls)
	}
}

func TestPurgeAllByPrefixPurgesTheFinishedOnesItLists(t *testing.T) {
	t.Parallel()
	var purged [][]string
	c := serve(t, func(_ context.Context, _ string, req proto.Message) (proto.Message, error) {
		switch r := req.(type) {
		case *dtspb.QueryInstancesRequest:
			if got := r.GetQuery().GetInstanceIdPrefix().GetValue(); got != "o-" {
				t.Errorf("prefix is %q, want o-", got)
			}
			if r.GetQuery().GetContinuationToken() == nil {
				page := &dtspb.QueryInstancesResponse{ContinuationToken: wrapperspb.String("t")}
				for n := range 501 {
					page.OrchestrationState = append(page.OrchestrationState, &dtspb.OrchestrationState{
						InstanceId: fmt.Sprintf("o-%d", n), OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED,
					})
				}
				return page, nil
			}
			return &dtspb.QueryInstancesResponse{OrchestrationState: []*dtspb.OrchestrationState{{InstanceId: "o-live"}}}, nil
		case *dtspb.PurgeInstancesRequest:
			ids := r.GetInstanceBatch().GetInstanceIds()
			purged = append(purged, ids)
			return &dtspb.PurgeInstancesResponse{DeletedInstanceCount: int32(len(ids))}, nil
		default:
			return nil, status.Errorf(codes.Internal, "unexpected %T", req)
		}
	})
	n, err := c.PurgeAll(t.Context(), dts.Query{IDPrefix: "o-"})
	if err != nil || n != 501 {
		t.Errorf("PurgeAll = %d, %v; want 501", n, err)
	}
	if len(purged) != 2 || len(purged[0]) != 500 || len(purged[1]) != 1 {
		t.Errorf("purged in %d batches, want 500 and 1", len(purged))
	}
}

func TestBacklogIsCounted(t *testing.T) {
	t.Parallel()
	c := serve(t, func(_ context.Context, method string, _ proto.Message) (proto.Message, error) {
		if method != "/durabletask.protos.backend.v1.BackendService/GetMetrics" {
			t.Errorf("called %s", method)
		}
		return &dtspb.GetMetricsResponse{Metrics: &dtspb.BackendMetrics{
			OrchestratorWorkItems: &dtspb.WorkItemMetrics{Pending: 1, Active: 2, OldestAgeInSeconds: 3},
			ActivityWorkItems:     &dtspb.WorkItemMetrics{Pending: 4},
			ConnectedWorkers:      &dtspb.ConnectedWorkerMetrics{Count: 5},
		}}, nil
	})
	got, err := c.Backlog(t.Context())
	want := dts.Backlog{Orchestrations: dts.Work{Pending: 1, Active: 2, Oldest: 3 * time.Second}, Activities: dts.Work{Pending: 4}, Workers: 5}
	if err != nil || got != want {
		t.Errorf("Backlog = %+v, %v; want %+v", got, err, want)
	}
}

package rpc_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestStateShowsWhatWasStarted(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		begin := time.Now().Add(-time.Second)
		due := timestamppb.New(time.Now().Add(time.Hour))
		_, err := w.StartInstance(w.ctx(""), &dtspb.CreateInstanceRequest{
			InstanceId: "a", Name: "orc", Version: wrapperspb.String("1.2"), Input: wrapperspb.String(`"in"`),
			Tags: map[string]string{"k": "v"}, ScheduledStartTimestamp: due,
		})
		must(t, err)
		got := w.state("a")
		want := &dtspb.OrchestrationState{
			InstanceId: "a", Name: "orc", Version: wrapperspb.String("1.2"), Input: wrapperspb.String(`"in"`), OrchestrationStatus: pending,
			Tags: map[string]string{"k": "v"}, ScheduledStartTimestamp: due,
		}
		if diff := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreFields(want, "createdTimestamp", "lastUpdatedTimestamp", "executionId")); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
		if len(got.GetExecutionId().GetValue()) != 32 || got.GetCreatedTimestamp().AsTime().Before(begin) || got.GetLastUpdatedTimestamp() == nil {
			t.Errorf("got %v", got)
		}
		got.GetTags()["k"] = "changed" // the map is the caller's own, in process too
		if again := w.state("a"); again.GetTags()["k"] != "v" {
			t.Errorf("a caller changed the tags to %v", again.GetTags())
		}
		w.terminate("a")
		if got := w.state("a"); got.GetCompletedTimestamp() == nil || got.GetOrchestrationStatus() != terminated {
			t.Errorf("after its end: got %v", got)
		}
		r, err := w.GetInstance(w.ctx(""), &dtspb.GetInstanceRequest{InstanceId: "a"})
		must(t, err)
		if s := r.GetOrchestrationState(); s.GetInput() != nil || s.GetOutput() != nil {
			t.Errorf("payloads nobody asked for: %v", s)
		}
	})
}

func TestNoPayloadAndAnEmptyOneStayApart(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		for i, payload := range []*wrapperspb.StringValue{nil, {}, wrapperspb.String("null"), wrapperspb.String(strings.Repeat("é", 1<<19))} {
			id := fmt.Sprint(i)
			_, err := w.StartInstance(w.ctx(""), &dtspb.CreateInstanceRequest{InstanceId: id, Name: "orc", Input: payload})
			must(t, err)
			_, err = w.TerminateInstance(w.ctx(""), &dtspb.TerminateRequest{InstanceId: id, Output: payload})
			must(t, err)
			s := w.state(id)
			if diff := cmp.Diff([]*wrapperspb.StringValue{payload, payload}, []*wrapperspb.StringValue{s.GetInput(), s.GetOutput()}, protocmp.Transform()); diff != "" {
				t.Errorf("payload %d (-sent +got):\n%.300s", i, diff)
			}
		}
	})
}

func TestIDsOfAnyKind(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		ids := []string{
			"a/b", "a%2Fb", "%", " ", "a b ", "a:b.c+d", "ä", "ключ", "\u00001"[1:], "\x01", "a\nb", "#?&=", "..", "-", "A", "a",
			strings.Repeat("x", 100), strings.Repeat("é", 100), "\U0010FFFF",
		}
		for _, id := range ids {
			w.start(id)
			w.raise(id, "e/%", "x")
		}
		made, err := w.StartInstance(w.ctx(""), &dtspb.CreateInstanceRequest{Name: "orc"})
		must(t, err)
		if id := made.GetInstanceId(); len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
			t.Errorf("made id %q, want 32 hexadecimal digits", id)
		}
		for _, id := range ids {
			if got := w.state(id); got.GetInstanceId() != id {
				t.Errorf("%q: got %v", id, got)
			}
			w.terminate(id)
			events, _, err := w.history(&dtspb.StreamInstanceHistoryRequest{InstanceId: id})
			if err != nil || len(events) != 4 {
				t.Errorf("%q: history %v, %v", id, events, err)
			}
			r, err := w.PurgeInstances(w.ctx(""), &dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_InstanceId{InstanceId: id}})
			if err != nil || r.GetDeletedInstanceCount() != 1 || !r.GetIsComplete().GetValue() || w.state(id) != nil {
				t.Errorf("%q: purge %v, %v", id, r, err)
			}
		}
	})
}

func TestQueryPages(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		var all []string
		for i := range 7 {
			id := fmt.Sprintf("p:%d.+", i)
			w.start(id)
			all = append(all, id)
		}
		w.start("other")
		w.terminate("p:0.+")
		pages := func(q *dtspb.InstanceQuery) (got [][]string) {
			for range 20 {
				r, err := w.QueryInstances(w.ctx(""), &dtspb.QueryInstancesRequest{Query: q})
				must(t, err)
				var page []string
				for _, s := range r.GetOrchestrationState() {
					page = append(page, s.GetInstanceId())
					if s.GetInput() != nil || s.GetCreatedTimestamp() == nil {
						t.Errorf("got %v", s)
					}
				}
				got = append(got, page)
				if r.GetContinuationToken() == nil {
					return got
				}
				if r.GetContinuationToken().GetValue() == "" {
					t.Error("an empty token, which some clients follow for ever")
				}
				q.ContinuationToken = r.GetContinuationToken()
			}
			t.Fatal("pages without end")
			return nil
		}
		prefix := wrapperspb.String("p:")
		for name, tc := range map[string]struct {
			q    *dtspb.InstanceQuery
			want [][]string
		}{
			"all":                   {&dtspb.InstanceQuery{}, [][]string{append(all[:7:7], "other")}},
			"with an empty token":   {&dtspb.InstanceQuery{ContinuationToken: &wrapperspb.StringValue{}}, [][]string{append(all[:7:7], "other")}},
			"as many as Python":     {&dtspb.InstanceQuery{MaxInstanceCount: 1<<31 - 1, InstanceIdPrefix: prefix}, [][]string{all}},
			"less than none":        {&dtspb.InstanceQuery{MaxInstanceCount: -5, InstanceIdPrefix: prefix}, [][]string{all}},
			"pages of three":        {&dtspb.InstanceQuery{MaxInstanceCount: 3, InstanceIdPrefix: prefix}, [][]string{all[:3], all[3:6], all[6:]}},
			"pages that fit":        {&dtspb.InstanceQuery{MaxInstanceCount: 7, InstanceIdPrefix: prefix}, [][]string{all}},
			"by status":             {&dtspb.InstanceQuery{RuntimeStatus: []dtspb.OrchestrationStatus{terminated, failed}}, [][]string{all[:1]}},
			"of no status":          {&dtspb.InstanceQuery{RuntimeStatus: []dtspb.OrchestrationStatus{suspended}}, [][]string{nil}},
			"from a year long ago":  {&dtspb.InstanceQuery{CreatedTimeFrom: &timestamppb.Timestamp{Seconds: -62135596800}, InstanceIdPrefix: prefix}, [][]string{all}},
			"to a year long ago":    {&dtspb.InstanceQuery{CreatedTimeTo: &timestamppb.Timestamp{Seconds: -62135596800}}, [][]string{nil}},
			"to 1969":               {&dtspb.InstanceQuery{CreatedTimeTo: &timestamppb.Timestamp{Seconds: -5}}, [][]string{nil}},
			"to a year far away":    {&dtspb.InstanceQuery{CreatedTimeTo: &timestamppb.Timestamp{Seconds: 253402300799}, InstanceIdPrefix: prefix}, [][]string{all}},
			"to the year 2600":      {&dtspb.InstanceQuery{CreatedTimeTo: timestamppb.New(time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC)), InstanceIdPrefix: prefix}, [][]string{all}},
			"from a year far away":  {&dtspb.InstanceQuery{CreatedTimeFrom: &timestamppb.Timestamp{Seconds: 253402300799}}, [][]string{nil}},
			"up to nonsense":        {&dtspb.InstanceQuery{CreatedTimeTo: &timestamppb.Timestamp{Seconds: -1 << 63, Nanos: -1 << 31}}, [][]string{nil}},
			"a prefix in capitals":  {&dtspb.InstanceQuery{InstanceIdPrefix: wrapperspb.String("P:")}, [][]string{nil}},
			"hubs are the header's": {&dtspb.InstanceQuery{TaskHubNames: []*wrapperspb.StringValue{wrapperspb.String("x")}, InstanceIdPrefix: prefix}, [][]string{all}},
		} {
			if diff := cmp.Diff(tc.want, pages(tc.q)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestPurge(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		for i := range 6 {
			w.start(fmt.Sprint(i))
			if i > 0 {
				w.terminate(fmt.Sprint(i))
			}
		}
		purge := func(what string, r *dtspb.PurgeInstancesRequest, want int32, complete bool) {
			t.Helper()
			got, err := w.PurgeInstances(w.ctx(""), r)
			if err != nil || got.GetDeletedInstanceCount() != want || got.GetIsComplete() == nil || got.GetIsComplete().GetValue() != complete {
				t.Errorf("%s: got %v, %v, want %d deleted", what, got, err, want)
			}
		}
		filter := func(f *dtspb.PurgeInstanceFilter) *dtspb.PurgeInstancesRequest {
			return &dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_PurgeInstanceFilter{PurgeInstanceFilter: f}}
		}
		purge("a live one", &dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_InstanceId{InstanceId: "0"}}, 0, true)
		purge("a batch", &dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_InstanceBatch{
			InstanceBatch: &dtspb.InstanceBatch{InstanceIds: []string{"0", "1", "1", "nobody", "2"}},
		}}, 2, true)
		purge("up to the year 1", filter(&dtspb.PurgeInstanceFilter{CreatedTimeTo: &timestamppb.Timestamp{Seconds: -62135596800}}), 0, true)
		purge("of another status", filter(&dtspb.PurgeInstanceFilter{RuntimeStatus: []dtspb.OrchestrationStatus{failed, running}}), 0, true)
		purge("without time", filter(&dtspb.PurgeInstanceFilter{Timeout: durationpb.New(1)}), 0, false)
		purge("all", filter(&dtspb.PurgeInstanceFilter{}), 3, true)
		purge("an empty batch", &dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_InstanceBatch{}}, 0, true)
		w.wantStatus("0", pending)
	})
}

func TestHubsKnowNothingOfEachOther(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		for _, hub := range []string{"one", "two"} {
			_, err := w.StartInstance(w.ctx(hub), &dtspb.CreateInstanceRequest{InstanceId: "a", Name: hub})
			must(t, err)
		}
		for _, hub := range []string{"one", "two"} {
			k := w.workerOf(w.ctx(hub), &dtspb.GetWorkItemsRequest{})
			item := k.turn()
			if got := item.GetOrchestratorRequest().GetNewEvents()[1].GetExecutionStarted().GetName(); got != hub {
				t.Errorf("hub %s hands out %q", hub, got)
			}
			other := map[string]string{"one": "two", "two": "one"}[hub]
			_, err := w.CompleteOrchestratorTask(w.ctx(other), &dtspb.OrchestratorResponse{CompletionToken: item.GetCompletionToken()})
			wantError(t, "an answer to the other hub", err, codes.NotFound, "")
			_, err = w.CompleteOrchestratorTask(w.ctx(hub), &dtspb.OrchestratorResponse{CompletionToken: item.GetCompletionToken(), Actions: []*dtspb.OrchestratorAction{complete(1, hub)}})
			must(t, err)
			m, err := w.backend.GetMetrics(w.ctx(hub), &dtspb.GetMetricsRequest{})
			must(t, err)
			if m.GetMetrics().GetConnectedWorkers().GetCount() != 1 {
				t.Errorf("hub %s: %v", hub, m)
			}
		}
		if got := w.state("a"); got != nil {
			t.Errorf("the default hub has %v", got)
		}
	})
}

func TestWaitsHaveTheirCallersDeadline(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		w.start("a")
		for name, call := range map[string]func(context.Context, string) (*dtspb.GetInstanceResponse, error){
			"start": func(ctx context.Context, id string) (*dtspb.GetInstanceResponse, error) {
				return w.WaitForInstanceStart(ctx, &dtspb.GetInstanceRequest{InstanceId: id})
			},
			"completion": func(ctx context.Context, id string) (*dtspb.GetInstanceResponse, error) {
				return w.WaitForInstanceCompletion(ctx, &dtspb.GetInstanceRequest{InstanceId: id, GetInputsAndOutputs: true})
			},
		} {
			for _, id := range []string{"a", "nobody"} {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				_, err := call(ctx, id)
				wantError(t, name+" of "+id, err, codes.DeadlineExceeded, "")
				cancel()
				ctx, cancel = context.WithCancel(t.Context())
				go cancel()
				_, err = call(ctx, id)
				wantError(t, name+" of "+id+", canceled", err, codes.Canceled, "")
			}
			_, err := call(t.Context(), "")
			wantError(t, name+" without an id", err, codes.InvalidArgument, "empty")
		}
		done := make(chan *dtspb.GetInstanceResponse, 1)
		go func() {
			r, err := w.WaitForInstanceCompletion(w.ctx(""), &dtspb.GetInstanceRequest{InstanceId: "a"})
			if err != nil {
				t.Error(err)
			}
			done <- r
		}()
		w.terminate("a")
		if r := <-done; !r.GetExists() || r.GetOrchestrationState().GetOrchestrationStatus() != terminated {
			t.Errorf("got %v", r)
		}
	})
}

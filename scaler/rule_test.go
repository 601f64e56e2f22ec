package scaler_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	es "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/scaler"
)

func TestMetricSpecsFollowTheMetadata(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		metadata []string
		want     map[string]int64
	}{
		{
			"are one for each kind at the concurrency of a worker", nil,
			map[string]int64{"dts-orchestration": 100, "dts-activity": 100, "dts-entity": 100},
		},
		{
			"are as the rule of Azure Container Apps writes them",
			[]string{"endpoint", "https://x.durabletask.io", "taskhubName", "shop", "workItemType", "Activity", "maxConcurrentWorkItemsCount", "1"},
			map[string]int64{"dts-activity": 1},
		},
		{
			"are for the kinds of a list in any case",
			[]string{"workItemType", "activity, ENTITY", "maxConcurrentWorkItemsCount", "7"},
			map[string]int64{"dts-activity": 7, "dts-entity": 7},
		},
		{
			"have a capacity for each kind, and 0 leaves it out",
			[]string{"maxConcurrentOrchestrations", "50", "maxConcurrentActivities", "10", "maxConcurrentEntities", "0"},
			map[string]int64{"dts-orchestration": 50, "dts-activity": 10},
		},
		{
			"do not depend on what KEDA has for itself and for the environment",
			[]string{"enableTLS", "true", "unsafeSsl", "false", "taskhubNameFromEnv", "shop", "connection", "default", "includeActive", "False", "activationWorkItemsCount", "5", "workItemType", "Orchestration"},
			map[string]int64{"dts-orchestration": 100},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := serve(t, always(&hub{}))
				resp, err := k.GetMetricSpec(t.Context(), object(tc.metadata...))
				if err != nil {
					t.Fatal(err)
				}
				got := make(map[string]int64)
				for _, spec := range resp.GetMetricSpecs() {
					if float64(spec.GetTargetSize()) != spec.GetTargetSizeFloat() {
						t.Errorf("%s: the two spellings of the target differ: %v", spec.GetMetricName(), spec)
					}
					got[spec.GetMetricName()] = spec.GetTargetSize()
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("specs (-want +got):\n%s", diff)
				}
				stream, err := k.StreamMetricSpec(t.Context(), object(tc.metadata...))
				if err != nil {
					t.Fatal(err)
				}
				streamed, err := stream.Recv()
				if err != nil {
					t.Fatal(err)
				}
				if got, want := streamed.String(), resp.String(); got != want {
					t.Errorf("streamed specs %v, want those of GetMetricSpec %v", got, want)
				}
			})
		})
	}
}

func TestWrongMetadataAreRefusedWithAWayOut(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		metadata []string
		want     string
	}{
		{"that mistype a key", []string{"taskHubName", "shop"}, `"taskHubName" is no key of this scaler, did you mean taskhubName?`},
		{"that have a foreign key", []string{"queueLength", "5"}, `"queueLength" is no key of this scaler, it has workItemType, `},
		{"that have an empty value", []string{"taskhubName", " "}, "taskhubName is empty: give it a value or leave it out"},
		{"that name an unknown kind", []string{"workItemType", "Activity,Timer"}, `workItemType has "Timer", want Orchestration, Activity, Entity`},
		{"that end a list with a comma", []string{"workItemType", "Activity,"}, `workItemType has ""`},
		{"whose capacity is zero", []string{"maxConcurrentWorkItemsCount", "0"}, `maxConcurrentWorkItemsCount is "0", want a whole number from 1 to`},
		{"whose capacity is negative", []string{"maxConcurrentActivities", "-1"}, `maxConcurrentActivities is "-1", want a whole number from 0 to`},
		{"whose capacity is a fraction", []string{"maxConcurrentWorkItemsCount", "1.5"}, `is "1.5"`},
		{"whose capacity has no bound", []string{"maxConcurrentWorkItemsCount", "9223372036854775808"}, "want a whole number"},
		{"that leave nothing to scale on", []string{"workItemType", "Entity", "maxConcurrentEntities", "0"}, "every kind of work has capacity 0"},
		{"that give a capacity to a kind that is left out", []string{"workItemType", "Entity", "maxConcurrentActivities", "3"}, "maxConcurrentActivities is set, and workItemType leaves that kind out"},
		{"whose threshold is no number", []string{"activationWorkItemsCount", "some"}, `activationWorkItemsCount is "some"`},
		{"whose switch is no switch", []string{"includeActive", "yes"}, `includeActive is "yes", want true or false`},
		{"that say twice where", []string{"connection", "azure", "endpoint", "http://a"}, "connection and endpoint both say where"},
		{"that contradict the environment", []string{"taskhubName", "a", "taskhubNameFromEnv", "b"}, `taskhubName is "a" and taskhubNameFromEnv gave "b"`},
		{"of which all mistakes are told", []string{"a", "1", "b", "2"}, `"a" is no key of this scaler, it has`},
		{"of which all mistakes are told to the last", []string{"a", "1", "b", "2"}, `"b" is no key of this scaler, it has`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				source := &hub{}
				k := serve(t, always(source))
				ref := object(tc.metadata...)
				_, spec := k.GetMetricSpec(t.Context(), ref)
				_, active := k.IsActive(t.Context(), ref)
				_, metric := k.metric(ref, "dts-activity")
				stream, err := k.StreamIsActive(t.Context(), ref)
				if err == nil {
					_, err = stream.Recv()
				}
				for call, err := range map[string]error{
					"GetMetricSpec": spec, "IsActive": active, "GetMetrics": metric, "StreamIsActive": err,
				} {
					if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), tc.want) {
						t.Errorf("%s = %v, want InvalidArgument with %q", call, err, tc.want)
					}
				}
				if err := scaler.Check(ref.GetScalerMetadata()); err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("Check = %v, want %q", err, tc.want)
				}
				if asked, _ := source.counts(); asked != 0 {
					t.Errorf("the scheduler was asked %d times, want never", asked)
				}
			})
		})
	}
}

func TestTargetIsWhatTheMetadataName(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		metadata []string
		want     scaler.Target
	}{
		{"by default", nil, scaler.Target{Connection: "default"}},
		{"by connection and hub", []string{"connection", "azure", "taskhubName", "shop"}, scaler.Target{Connection: "azure", TaskHub: "shop"}},
		{"by endpoint", []string{"endpoint", "http://a:8080", "taskhubName", "shop"}, scaler.Target{Endpoint: "http://a:8080", TaskHub: "shop"}},
		{"by environment", []string{"connectionFromEnv", "azure", "taskhubNameFromEnv", "shop"}, scaler.Target{Connection: "azure", TaskHub: "shop"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				opened := make(chan scaler.Target, 1)
				k := serve(t, func(target scaler.Target) (scaler.Source, error) {
					opened <- target
					return &hub{}, nil
				})
				if _, err := k.IsActive(t.Context(), object(tc.metadata...)); err != nil {
					t.Fatal(err)
				}
				if got := <-opened; got != tc.want {
					t.Errorf("opened %+v, want %+v", got, tc.want)
				}
			})
		})
	}
}

func TestMetricIsTheWorkInHand(t *testing.T) {
	t.Parallel()
	full := dts.Backlog{
		Orchestrations: dts.Work{Pending: 3, Active: 2},
		Activities:     dts.Work{Pending: 40, Active: 10},
		Entities:       dts.Work{Active: 1},
	}
	for _, tc := range []struct {
		name     string
		metadata []string
		metric   string
		want     int64
	}{
		{"pending and active", nil, "dts-activity", 50},
		{"of its own kind", nil, "dts-orchestration", 5},
		{"also when none is pending", nil, "dts-entity", 1},
		{"without what is active, if so wished", []string{"includeActive", "false"}, "dts-activity", 40},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := serve(t, always(&hub{backlog: full}))
				got, err := k.metric(object(tc.metadata...), tc.metric)
				if got != tc.want || err != nil {
					t.Errorf("metric = %d, %v, want %d", got, err, tc.want)
				}
			})
		})
	}
}

func TestMetricThatTheTriggerDoesNotHaveIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := serve(t, always(&hub{}))
		_, err := k.metric(object("workItemType", "Entity"), "s0-dts-activity")
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "it has dts-entity") {
			t.Errorf("GetMetrics = %v, want InvalidArgument that names dts-entity", err)
		}
	})
}

func TestHubIsActiveAboveItsThresholdAndWhileWorkIsHeld(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		metadata []string
		backlog  dts.Backlog
		want     bool
	}{
		{"not without work", nil, dts.Backlog{Workers: 3}, false},
		{"with one item", nil, dts.Backlog{Entities: dts.Work{Pending: 1}}, true},
		{"not with an item of another kind", []string{"workItemType", "Activity"}, dts.Backlog{Entities: dts.Work{Pending: 1}}, false},
		{"not at its threshold", []string{"activationWorkItemsCount", "5"}, dts.Backlog{Activities: dts.Work{Pending: 5}}, false},
		{"above its threshold", []string{"activationWorkItemsCount", "5"}, dts.Backlog{Activities: dts.Work{Pending: 6}}, true},
		{"with the last item in work", []string{"activationWorkItemsCount", "5", "includeActive", "false"}, dts.Backlog{Activities: dts.Work{Active: 1}}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := serve(t, always(&hub{backlog: tc.backlog}))
				resp, err := k.IsActive(t.Context(), object(tc.metadata...))
				if err != nil || resp.GetResult() != tc.want {
					t.Errorf("IsActive = %v, %v, want %t", resp.GetResult(), err, tc.want)
				}
			})
		})
	}
}

func TestEmptyReferenceIsTheDefaultTrigger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := serve(t, always(&hub{backlog: dts.Backlog{Activities: dts.Work{Pending: 4}}}))
		resp, err := k.GetMetrics(t.Context(), &es.GetMetricsRequest{MetricName: "dts-activity"})
		if err != nil || resp.GetMetricValues()[0].GetMetricValue() != 4 {
			t.Errorf("GetMetrics = %v, %v, want 4", resp, err)
		}
	})
}

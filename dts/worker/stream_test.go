package worker

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func nothing(context.Context, []byte) ([]byte, error) { return nil, nil }

// registry has an activity per name that does nothing, for a start.
func registry(t *testing.T, activities ...string) *Registry {
	t.Helper()
	r := NewRegistry()
	for _, name := range activities {
		if err := r.Activity(name, nothing); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestWorkerSaysWhoItIsAndWhatItCanDo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := registry(t, "b", "a")
		if err := r.Orchestrator("o", func(*Context, []byte) ([]byte, error) { return nil, nil }); err != nil {
			t.Fatal(err)
		}
		if err := r.Entity("Cart", func(*EntityContext, string, []byte) ([]byte, error) { return nil, nil }); err != nil {
			t.Fatal(err)
		}
		g := start(t, &fake{}, r, WithMaxConcurrent(0, 5), WithMaxConcurrentEntities(7))
		s := <-g.streams
		want := &dtspb.GetWorkItemsRequest{
			MaxConcurrentOrchestrationWorkItems: 100,
			MaxConcurrentActivityWorkItems:      5,
			MaxConcurrentEntityWorkItems:        7,
			Capabilities:                        []dtspb.WorkerCapability{dtspb.WorkerCapability_WORKER_CAPABILITY_HISTORY_STREAMING},
			WorkItemFilters: &dtspb.WorkItemFilters{
				Orchestrations: []*dtspb.OrchestrationFilter{{Name: "o"}},
				Activities:     []*dtspb.ActivityFilter{{Name: "a"}, {Name: "b"}},
				Entities:       []*dtspb.EntityFilter{{Name: "cart"}},
			},
		}
		if diff := cmp.Diff(want, s.request, protocmp.Transform()); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		if got := s.header.Get("taskhub"); !slices.Equal(got, []string{"hub"}) {
			t.Errorf("taskhub header is %q, want hub", got)
		}
		if got := s.header.Get("workerid"); len(got) != 1 || len(strings.Split(got[0], ",")) != 3 {
			t.Errorf("workerid header is %q, want one of three parts", got)
		}
		if got := s.header.Get("x-user-agent"); len(got) != 1 || !strings.HasSuffix(got[0], "(Worker)") {
			t.Errorf("x-user-agent header is %q, want one that ends with (Worker)", got)
		}
	})
}

func TestReadyMeansThatTheSchedulerHasSpoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, &fake{}, registry(t, "a"))
		s := <-g.streams
		synctest.Wait()
		select {
		case <-g.worker.Ready():
			t.Error("ready before the first message")
		default:
		}
		s.items <- &dtspb.WorkItem{Request: &dtspb.WorkItem_HealthPing{}}
		<-g.worker.Ready()
	})
}

func TestWorkerComesBackWhateverHappens(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		err  error
	}{
		{"end of stream", nil},
		{"cancelled by the service", status.Error(codes.Canceled, "")},
		{"unavailable", status.Error(codes.Unavailable, "")},
		{"no such hub", status.Error(codes.NotFound, "")},
		{"unauthenticated", status.Error(codes.Unauthenticated, "")},
		{"forbidden", status.Error(codes.PermissionDenied, "")},
		{"internal", status.Error(codes.Internal, "")},
		{"unimplemented", status.Error(codes.Unimplemented, "")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := start(t, &fake{}, registry(t, "a"))
				g.connected().end <- test.err
				before := time.Now()
				g.connected()
				if got := time.Since(before); got != time.Second {
					t.Errorf("came back after %s, want 1s: the first message resets the pause", got)
				}
			})
		})
	}
}

func TestPauseGrowsUntilTheFirstMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, &fake{}, registry(t, "a"))
		var pauses []time.Duration
		fail := func() {
			(<-g.streams).end <- status.Error(codes.Unavailable, "")
			before := time.Now()
			s := <-g.streams
			pauses = append(pauses, time.Since(before))
			g.streams <- s
		}
		for range 7 {
			fail()
		}
		g.connected().end <- nil
		before := time.Now()
		s := <-g.streams
		pauses = append(pauses, time.Since(before))
		g.streams <- s
		fail()
		want := []time.Duration{1, 2, 4, 8, 16, 30, 30, 1, 2}
		for i := range want {
			want[i] *= time.Second
		}
		if diff := cmp.Diff(want, pauses); diff != "" {
			t.Errorf("pauses (-want +got):\n%s", diff)
		}
	})
}

func TestPauseIsRandomUpToItsBound(t *testing.T) {
	t.Parallel()
	w := &Worker{jitter: func() float64 { return 0.25 }}
	for attempt, want := range map[int]time.Duration{0: 250 * time.Millisecond, 3: 2 * time.Second, 99: 7500 * time.Millisecond} {
		if got := w.backoff(attempt); got != want {
			t.Errorf("pause %d is %s, want %s", attempt, got, want)
		}
	}
}

func TestHelloThatNobodyAnswersIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		g := start(t, &fake{hello: func(ctx context.Context) error {
			if n++; n == 1 {
				<-ctx.Done()
			}
			return ctx.Err()
		}}, registry(t, "a"))
		before := time.Now()
		g.connected()
		if got := time.Since(before); got != 31*time.Second {
			t.Errorf("connected after %s, want the deadline of 30s and a pause of 1s", got)
		}
	})
}

func TestSilentStreamIsGivenUpAndPingsKeepIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, &fake{}, registry(t, "a"))
		s := g.connected()
		for range 10 {
			time.Sleep(110 * time.Second)
			s.items <- &dtspb.WorkItem{Request: &dtspb.WorkItem_HealthPing{}}
		}
		synctest.Wait()
		before := time.Now()
		<-s.gone
		if got := time.Since(before); got != 120*time.Second {
			t.Errorf("stream was given up after %s of silence, want 120s", got)
		}
		g.connected()
	})
}

func TestUnknownItemsAreSkipped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, &fake{}, registry(t, "a"))
		s := g.connected()
		s.items <- &dtspb.WorkItem{CompletionToken: "unknown"}
		s.items <- activityItemOf("known", "a", "")
		if got := (<-g.answers).(*dtspb.ActivityResponse).GetCompletionToken(); got != "known" {
			t.Errorf("answered %q, want the item after the unknown one", got)
		}
	})
}

func TestWorkerRunsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, &fake{}, registry(t, "a"))
		g.connected()
		if err := g.worker.Run(t.Context()); err == nil {
			t.Error("second Run returned nil, want an error")
		}
	})
}

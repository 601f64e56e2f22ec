package scaler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	es "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/scaler"
)

func TestTrueIsPushedOnTheEdgeOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &hub{backlog: dts.Backlog{Workers: 1}}
		p := serve(t, always(source)).listen(t.Context(), t, object())
		step := func(when string, change func(*hub), lasts time.Duration, want int) {
			t.Helper()
			source.set(change)
			time.Sleep(lasts)
			if got := p.count(); got != want {
				t.Errorf("%s: %d pushes so far, want %d", when, got, want)
			}
		}
		step("while nothing is to do", activities(0, 0), 30*time.Second, 0)
		step("when work comes", activities(5, 0), 1200*time.Millisecond, 1)
		step("while work is there", activities(900, 100), time.Minute, 1)
		step("while the last item is in work", activities(0, 1), time.Minute, 1)
		step("when more comes meanwhile", activities(3, 1), 10*time.Second, 1)
		step("when all is done", activities(0, 0), 10*time.Second, 1)
		step("when work comes again", activities(1, 0), 1200*time.Millisecond, 2)
		p.neverFalse(t)
	})
}

func TestWorkThatIsThereAlreadyIsPushedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &hub{}
		source.set(activities(1, 0))
		p := serve(t, always(source)).listen(t.Context(), t, object())
		time.Sleep(10 * time.Millisecond)
		if got := p.count(); got != 1 {
			t.Errorf("%d pushes, want 1", got)
		}
	})
}

func TestOpenStreamKeepsThePoller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &hub{}
		p := serve(t, always(source)).listen(t.Context(), t, object())
		time.Sleep(7 * time.Minute) // longer than an unused poller lives, shorter than a stream
		source.set(activities(1, 0))
		time.Sleep(1200 * time.Millisecond)
		if got := p.count(); got != 1 {
			t.Errorf("%d pushes after 7m of silence, want 1", got)
		}
	})
}

func TestPushThatHadNoEffectIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &hub{}
		source.set(activities(1, 0))
		p := serve(t, always(source)).listen(t.Context(), t, object())
		time.Sleep(time.Minute)
		if got := p.count(); got < 5 || got > 8 {
			t.Errorf("%d pushes in a minute without a worker, want one about every 10s", got)
		}
		source.set(func(h *hub) { h.backlog.Workers = 1 })
		time.Sleep(2 * time.Second)
		before := p.count()
		time.Sleep(time.Minute)
		if got := p.count(); got != before {
			t.Errorf("%d pushes after a worker came, want none", got-before)
		}
	})
}

func TestUnknownBacklogIsNoEdge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &hub{backlog: dts.Backlog{Workers: 1}}
		source.set(activities(1, 0))
		p := serve(t, always(source)).listen(t.Context(), t, object())
		time.Sleep(time.Second)
		source.set(func(h *hub) { h.err = dts.ErrUnavailable })
		time.Sleep(time.Minute)
		source.set(func(h *hub) { h.err = nil })
		time.Sleep(5 * time.Second)
		if got := p.count(); got != 1 {
			t.Errorf("%d pushes, want the first only: the hub was never seen empty", got)
		}
	})
}

func TestStreamsEndInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := serve(t, always(&hub{}))
		began := time.Now()
		p := k.listen(t.Context(), t, object())
		p.endedInOrder(t)
		if took := time.Since(began); took < 8*time.Minute || took > 12*time.Minute {
			t.Errorf("the stream lasted %v, want about 10m", took)
		}

		began = time.Now()
		p = k.listen(t.Context(), t, object())
		specs, err := k.StreamMetricSpec(t.Context(), object())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := specs.Recv(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		k.stop()
		p.endedInOrder(t)
		if _, err := specs.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("the stream of specs ended with %v, want an end in order", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the stop took %v, want no waiting for streams", took)
		}
	})
}

func TestSchedulerThatIsAwayIsAnErrorAndNotZero(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &hub{}
		source.set(activities(7, 0))
		k := serve(t, always(source))
		if got, err := k.metric(object(), "dts-activity"); got != 7 || err != nil {
			t.Fatalf("metric = %d, %v, want 7", got, err)
		}
		source.set(func(h *hub) { h.err = dts.ErrUnavailable })
		time.Sleep(28 * time.Second)
		if got, err := k.metric(object(), "dts-activity"); got != 7 || err != nil {
			t.Errorf("metric after 28s = %d, %v, want the last one, 7", got, err)
		}
		time.Sleep(19 * time.Second)
		_, err := k.metric(object(), "dts-activity")
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), `no backlog of the default task hub of connection "default" for 4`) ||
			!strings.Contains(err.Error(), dts.ErrUnavailable.Error()) {
			t.Errorf("GetMetrics after 47s = %v, want Unavailable with hub, age and cause", err)
		}
		if _, err := k.IsActive(t.Context(), object()); status.Code(err) != codes.Unavailable {
			t.Errorf("IsActive after 47s = %v, want Unavailable", err)
		}
		if _, err := k.GetMetricSpec(t.Context(), object()); err != nil {
			t.Errorf("GetMetricSpec after 47s = %v, want no error: fallback depends on it", err)
		}
		source.set(func(h *hub) { h.err = nil })
		time.Sleep(3 * time.Second)
		if got, err := k.metric(object(), "dts-activity"); got != 7 || err != nil {
			t.Errorf("metric when it is back = %d, %v, want 7", got, err)
		}
	})
}

func TestSlowSchedulerHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &hub{hangs: true}
		k := serve(t, always(source))
		for _, tc := range []struct {
			call  string
			limit time.Duration
			want  codes.Code
			do    func() error
		}{
			{"GetMetricSpec", 0, codes.OK, func() error { _, err := k.GetMetricSpec(t.Context(), object()); return err }},
			{"the first GetMetrics", 200 * time.Millisecond, codes.Unavailable, func() error { _, err := k.metric(object(), "dts-entity"); return err }},
			{"the first IsActive", 200 * time.Millisecond, codes.Unavailable, func() error { _, err := k.IsActive(t.Context(), object()); return err }},
		} {
			began := time.Now()
			if err := tc.do(); status.Code(err) != tc.want {
				t.Errorf("%s = %v, want %v", tc.call, err, tc.want)
			}
			if took := time.Since(began); took > tc.limit {
				t.Errorf("%s took %v, want at most %v", tc.call, took, tc.limit)
			}
		}
		source.set(func(h *hub) { h.hangs = false })
		time.Sleep(4 * time.Second)
		source.set(func(h *hub) { h.hangs = true })
		time.Sleep(20 * time.Second)
		began := time.Now()
		if _, err := k.IsActive(t.Context(), object()); err != nil {
			t.Errorf("IsActive = %v, want the answer from memory", err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("IsActive took %v, want no time", took)
		}
	})
}

func TestWhatWaitingDoesNotChangeIsToldAtOnce(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"a hub that is not there":    dts.ErrNotFound,
		"an identity without rights": status.Error(codes.PermissionDenied, "no role"),
		"a token that is not good":   status.Error(codes.Unauthenticated, "no token"),
		"a scheduler without counts": dts.ErrUnimplemented,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				source := &hub{}
				k := serve(t, always(source))
				if _, err := k.IsActive(t.Context(), object()); err != nil {
					t.Fatal(err)
				}
				source.set(func(h *hub) { h.err = cause })
				time.Sleep(2 * time.Second)
				_, err := k.IsActive(t.Context(), object())
				if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), cause.Error()) {
					t.Errorf("IsActive = %v, want FailedPrecondition with %q", err, cause)
				}
			})
		})
	}
}

func TestTargetThatIsRefusedIsToldToItsObject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := serve(t, func(target scaler.Target) (scaler.Source, error) {
			return nil, fmt.Errorf("connection %q is not configured", target.Connection)
		})
		ref := object("connection", "azure")
		if _, err := k.GetMetricSpec(t.Context(), ref); err != nil {
			t.Errorf("GetMetricSpec = %v, want no error: its text would reach nobody", err)
		}
		_, err := k.IsActive(t.Context(), ref)
		if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), `connection "azure" is not configured`) {
			t.Errorf("IsActive = %v, want FailedPrecondition with the reason", err)
		}
	})
}

func TestObjectsOfOneHubShareItsPoller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &hub{}
		k := serve(t, always(source))
		ctx, hangUp := context.WithCancel(t.Context())
		for i := range 100 {
			p := k.listen(ctx, t, object("maxConcurrentWorkItemsCount", fmt.Sprint(i+1)))
			defer func() { <-p.ended }()
		}
		time.Sleep(time.Minute)
		if asked, _ := source.counts(); asked < 50 || asked > 70 {
			t.Errorf("the scheduler was asked %d times in a minute, want about 60", asked)
		}

		// The poller goes when nobody has asked for five minutes.
		hangUp()
		time.Sleep(4 * time.Minute)
		if _, closed := source.counts(); closed != 0 {
			t.Errorf("the source was closed after 4m, want it kept")
		}
		time.Sleep(2 * time.Minute)
		before, closed := source.counts()
		if closed != 1 {
			t.Errorf("the source was closed %d times after 6m, want once", closed)
		}
		time.Sleep(time.Minute)
		if after, _ := source.counts(); after != before {
			t.Errorf("the scheduler was asked %d times after that, want never", after-before)
		}
		if _, err := k.IsActive(t.Context(), object()); err != nil {
			t.Errorf("IsActive after that = %v, want a new poller", err)
		}
	})
}

func TestNumberOfHubsIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := serve(t, always(&hub{}))
		for i := range 1024 {
			if _, err := k.IsActive(t.Context(), object("taskhubName", fmt.Sprintf("hub-%d", i))); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := k.IsActive(t.Context(), object("taskhubName", "one-more")); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("IsActive of hub 1025 = %v, want ResourceExhausted", err)
		}
		if _, err := k.IsActive(t.Context(), object("taskhubName", "hub-7")); err != nil {
			t.Errorf("IsActive of a hub that is watched = %v, want no error", err)
		}
	})
}

func TestWrongMetadataAreLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder // written by one call at a time
		k := serve(t, always(&hub{}), scaler.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		for range 10 {
			_, _ = k.GetMetricSpec(t.Context(), object("queueLength", "5"))
		}
		_, _ = k.GetMetricSpec(t.Context(), object("queueSize", "5"))
		synctest.Wait()
		if got := strings.Count(log.String(), "scaledobject=shop/worker"); got != 2 {
			t.Errorf("%d lines, want one for each mistake:\n%s", got, log.String())
		}
	})
}

func TestHealthDoesNotDependOnTheScheduler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := serve(t, always(&hub{err: dts.ErrUnavailable}))
		_, _ = k.IsActive(t.Context(), object())
		for _, service := range []string{"", "liveness", "readiness"} {
			resp, err := healthpb.NewHealthClient(k.conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
			if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
				t.Errorf("health %q = %v, %v, want SERVING", service, resp.GetStatus(), err)
			}
		}
	})
}

func TestServerRunsOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := scaler.New(always(&hub{}))
	if s.Addr() != nil {
		t.Errorf("Addr before Run = %v, want nil", s.Addr())
	}
	if err := s.Run(ctx); err != nil {
		t.Errorf("Run with an ended context = %v, want nil", err)
	}
	if err := s.Run(ctx); err == nil {
		t.Error("the second Run gave no error")
	}
}

func TestServerAnswersOverARealSocket(t *testing.T) {
	t.Parallel()
	source := &hub{}
	source.set(activities(12, 8))
	s := scaler.New(always(source))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	conn, err := grpc.NewClient(s.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	k := keda{ExternalScalerClient: es.NewExternalScalerClient(conn), conn: conn}
	if got, err := k.metric(object(), "dts-activity"); got != 20 || err != nil {
		t.Errorf("metric = %d, %v, want 20", got, err)
	}
	stream, err := k.StreamIsActive(t.Context(), object())
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := stream.Recv(); err != nil || !resp.GetResult() {
		t.Errorf("the stream brought %v, %v, want true", resp, err)
	}
	cancel()
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v, want an end in order", err)
	}
	if err := errors.Join(<-ended, conn.Close()); err != nil {
		t.Error(err)
	}
}

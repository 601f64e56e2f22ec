package scaler_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/scaler"
)

// TestLifeOfABacklog follows a real scheduler from nothing over 200
// orchestrations with a slow activity each to nothing again.
func TestLifeOfABacklog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const orders = 200
		s := dtstest.Start(t)
		k := serve(t, always(s.Client()))
		ref := object("maxConcurrentWorkItemsCount", "10")
		p := k.listen(t.Context(), t, ref)
		check := func(when string, metric string, want int64, active bool) {
			t.Helper()
			if got, err := k.metric(ref, metric); got != want || err != nil {
				t.Errorf("%s: %s = %d, %v, want %d", when, metric, got, err, want)
			}
			if resp, err := k.IsActive(t.Context(), ref); err != nil || resp.GetResult() != active {
				t.Errorf("%s: IsActive = %v, %v, want %t", when, resp.GetResult(), err, active)
			}
		}
		time.Sleep(2 * time.Second)
		check("before", "dts-orchestration", 0, false)

		ids := make([]string, orders)
		for i := range ids {
			id, err := s.Client().Start(t.Context(), dts.StartRequest{Name: "order"})
			if err != nil {
				t.Fatal(err)
			}
			ids[i] = id
		}
		time.Sleep(1200 * time.Millisecond)
		check("without a worker", "dts-orchestration", orders, true)
		if got := p.count(); got != 1 {
			t.Errorf("%d pushes, want 1", got)
		}

		var packed atomic.Int64
		stop := work(t, s.Client(), &packed)
		time.Sleep(3 * time.Second)
		check("with a worker of capacity 10", "dts-activity", orders, true)
		check("with a worker of capacity 10", "dts-orchestration", 0, true)
		time.Sleep(50 * time.Second)
		check("half way", "dts-activity", orders/2, true)
		for _, id := range ids {
			if instance, err := s.Client().Wait(t.Context(), id); err != nil || instance.Status != dts.StatusCompleted {
				t.Fatalf("instance %s = %v, %v, want it completed", id, instance, err)
			}
		}
		time.Sleep(1200 * time.Millisecond)
		check("after", "dts-activity", 0, false)
		check("after", "dts-orchestration", 0, false)
		if got := packed.Load(); got != orders {
			t.Errorf("%d activities ran, want %d", got, orders)
		}
		stop()
		p.neverFalse(t)
	})
}

// work runs a worker that takes ten activities of 5 s at once.
func work(t *testing.T, c *dts.Client, packed *atomic.Int64) (stop func()) {
	t.Helper()
	r := worker.NewRegistry()
	err := r.Orchestrator("order", func(ctx *worker.Context, _ []byte) ([]byte, error) {
		return ctx.Activity("pack", nil, worker.ActivityOptions{}).Await()
	})
	if err != nil {
		t.Fatal(err)
	}
	err = r.Activity("pack", func(context.Context, []byte) ([]byte, error) {
		time.Sleep(5 * time.Second)
		packed.Add(1)
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w := worker.New(c, r, worker.WithMaxConcurrent(10, 10))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	<-w.Ready()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestSchedulerThatGoesAndComesBack cuts a real client off from its scheduler.
func TestSchedulerThatGoesAndComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		wire := &cable{ClientConnInterface: s.Conn()}
		client := s.Connect("shop", dts.WithConn(wire))
		k := serve(t, func(target scaler.Target) (scaler.Source, error) { return client, nil })
		if _, err := client.Start(t.Context(), dts.StartRequest{Name: "order"}); err != nil {
			t.Fatal(err)
		}
		if got, err := k.metric(object(), "dts-orchestration"); got != 1 || err != nil {
			t.Fatalf("metric = %d, %v, want 1", got, err)
		}
		wire.cut.Store(true)
		time.Sleep(20 * time.Second)
		if got, err := k.metric(object(), "dts-orchestration"); got != 1 || err != nil {
			t.Errorf("metric after 20s = %d, %v, want the last one, 1", got, err)
		}
		time.Sleep(20 * time.Second)
		if got, err := k.metric(object(), "dts-orchestration"); status.Code(err) != codes.Unavailable {
			t.Errorf("metric after 40s = %d, %v, want Unavailable", got, err)
		}
		s.Crash()
		wire.cut.Store(false)
		time.Sleep(2 * time.Second)
		if got, err := k.metric(object(), "dts-orchestration"); got != 1 || err != nil {
			t.Errorf("metric after the crash = %d, %v, want 1", got, err)
		}
	})
}

// cable is a connection that can be cut.
type cable struct {
	grpc.ClientConnInterface
	cut atomic.Bool
}

func (c *cable) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if c.cut.Load() {
		return status.Error(codes.Unavailable, "the cable is cut")
	}
	return c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

package dts_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
)

// bank is what the activities of these tests depend on.
type bank struct {
	open          atomic.Bool
	asked, booked atomic.Int64
}

// inBank runs a test with a worker that knows "order", which books and then asks
// the bank, and "family", which runs an order as its child after booking.
func inBank(t *testing.T, test func(t *testing.T, s *dtstest.Scheduler, b *bank)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, b := dtstest.Start(t), &bank{}
		r := worker.NewRegistry()
		book := func(ctx *worker.Context) error {
			_, err := ctx.Activity("book", nil, worker.ActivityOptions{}).Await()
			return err
		}
		err := errors.Join(
			r.Activity("book", func(context.Context, []byte) ([]byte, error) { b.booked.Add(1); return nil, nil }),
			r.Activity("ask", func(context.Context, []byte) ([]byte, error) {
				b.asked.Add(1)
				if !b.open.Load() {
					return nil, errors.New("the bank is closed")
				}
				return []byte(`"yes"`), nil
			}),
			r.Orchestrator("order", func(ctx *worker.Context, _ []byte) ([]byte, error) {
				if err := book(ctx); err != nil {
					return nil, err
				}
				return ctx.Activity("ask", nil, worker.ActivityOptions{}).Await()
			}),
			r.Orchestrator("family", func(ctx *worker.Context, _ []byte) ([]byte, error) {
				if err := book(ctx); err != nil {
					return nil, err
				}
				return ctx.Orchestration("order", nil, worker.OrchestrationOptions{ID: ctx.InstanceID() + ":child"}).Await()
			}),
		)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		w, ended := worker.New(s.Client(), r), make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("worker: %v", err)
			}
		}()
		<-w.Ready()
		test(t, s, b)
	})
}

func TestRewoundOrderAsksAgainAndBooksOnce(t *testing.T) {
	t.Parallel()
	inBank(t, func(t *testing.T, s *dtstest.Scheduler, b *bank) {
		c, ctx := s.Client(), t.Context()
		id := start(t, c, dts.StartRequest{Name: "order", Input: []byte("1")})
		first := wait(t, c, id)
		for range 2 { // a second one as well
			if err := c.Rewind(ctx, id, "try"); err != nil {
				t.Fatal(err)
			}
			if in := wait(t, c, id); in.Status != dts.StatusFailed || in.Failure == nil {
				t.Errorf("while the bank is closed: %+v", in)
			}
		}
		s.Crash()
		b.open.Store(true)
		if err := c.Rewind(ctx, id, "the bank is back"); err != nil {
			t.Fatal(err)
		}
		in := wait(t, c, id)
		if in.Status != dts.StatusCompleted || string(in.Output) != `"yes"` || in.Failure != nil || string(in.Input) != "1" || in.ExecutionID == first.ExecutionID || !in.Created.Equal(first.Created) {
			t.Errorf("rewound: got %+v, first was %+v", in, first)
		}
		if b.booked.Load() != 1 || b.asked.Load() != 4 {
			t.Errorf("booked %d times, asked %d times, want 1 and 4", b.booked.Load(), b.asked.Load())
		}
		if err := c.Rewind(ctx, id, ""); !errors.Is(err, dts.ErrConflict) {
			t.Errorf("rewind of a completed one: got %v, want ErrConflict", err)
		}
		if err := c.Rewind(ctx, "nobody", ""); !errors.Is(err, dts.ErrNotFound) {
			t.Errorf("rewind of nobody: got %v, want ErrNotFound", err)
		}
	})
}

func TestRewindReachesTheChildThatFailed(t *testing.T) {
	t.Parallel()
	inBank(t, func(t *testing.T, s *dtstest.Scheduler, b *bank) {
		c, ctx := s.Client(), t.Context()
		for name, prepare := range map[string]func(child string) error{
			"failed": func(string) error { return nil },
			"purged": func(child string) error { _, err := c.Purge(ctx, child); return err },
			"rewound before its parent": func(child string) error {
				if err := c.Rewind(ctx, child, ""); err != nil {
					return err
				}
				_, err := c.Wait(ctx, child)
				return err
			},
		} {
			b.open.Store(false)
			b.booked.Store(0)
			id := start(t, c, dts.StartRequest{Name: "family"})
			if in := wait(t, c, id); in.Status != dts.StatusFailed {
				t.Fatalf("%s: %+v, want it failed", name, in)
			}
			b.open.Store(true)
			if err := prepare(id + ":child"); err != nil {
				t.Fatal(err)
			}
			if err := c.Rewind(ctx, id, "again"); err != nil {
				t.Fatal(err)
			}
			if in := wait(t, c, id); in.Status != dts.StatusCompleted || string(in.Output) != `"yes"` {
				t.Errorf("%s: %+v %v", name, in, in.Failure)
			}
			want := int64(2)
			if name == "purged" {
				want = 3
			}
			if got := b.booked.Load(); got != want {
				t.Errorf("%s: booked %d times, want %d", name, got, want)
			}
		}
	})
}

func TestEndedInstancesAreListedInTheOrderOfTheirEnds(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, c *dts.Client) {
		begin := time.Now()
		for i := range 5 {
			start(t, c, dts.StartRequest{Name: "wait", ID: fmt.Sprint(i)})
		}
		start(t, c, dts.StartRequest{Name: "wait", ID: "live"})
		for i := range 5 {
			time.Sleep(time.Hour)
			id := fmt.Sprint(4 - i)
			if i == 2 {
				if left, err := c.TerminateNow(t.Context(), "enough", id, "nobody"); err != nil || len(left) != 1 || left[0] != "nobody" {
					t.Errorf("terminate now: left %v, %v", left, err)
				}
				if in := wait(t, c, id); in.Status != dts.StatusTerminated || string(in.Output) != `"enough"` {
					t.Errorf("terminated now: %+v", in)
				}
				continue
			}
			if err := c.Raise(t.Context(), id, "go", nil); err != nil {
				t.Fatal(err)
			}
			wait(t, c, id)
		}
		if n, err := c.Purge(t.Context(), "3"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for name, tc := range map[string]struct {
			q    dts.EndedQuery
			want []string
		}{
			"all":          {dts.EndedQuery{}, []string{"4", "2", "1", "0"}},
			"pages":        {dts.EndedQuery{PageSize: 1}, []string{"4", "2", "1", "0"}},
			"from and to":  {dts.EndedQuery{From: begin.Add(2 * time.Hour), To: begin.Add(4 * time.Hour)}, []string{"2"}},
			"by status":    {dts.EndedQuery{Status: []dts.Status{dts.StatusCompleted}}, []string{"4", "1", "0"}},
			"of no status": {dts.EndedQuery{Status: []dts.Status{dts.StatusRunning}}, nil},
		} {
			var got []string
			for id, err := range c.Ended(t.Context(), tc.q) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, id)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

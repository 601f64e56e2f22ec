package orders

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs the app's functions on a scheduler in memory until the test ends,
// with fakes in the place of those that have the same name.
func serve(t *testing.T, fakes ...durable.Definition) *dts.Client {
	t.Helper()
	functions := slices.DeleteFunc(Functions(), func(d durable.Definition) bool {
		return slices.ContainsFunc(fakes, func(f durable.Definition) bool { return f.Name() == d.Name() })
	})
	client := dtstest.Start(t).Client()
	registry := worker.NewRegistry()
	if err := durable.Register(registry, client, append(functions, fakes...)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.New(client, registry).Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	return client
}

func start(t *testing.T, c *dts.Client, o Order) durable.Instance[Receipt] {
	t.Helper()
	run, err := Process.StartNew(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

var (
	pen  = Order{ID: "7", Item: "pen", Cents: 2_50}
	desk = Order{ID: "8", Item: "desk", Cents: 500_00}
)

func TestSmallOrderIsSoldAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got, err := start(t, serve(t), pen).Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Receipt{Order: "7", Outcome: Sold, Payment: "pay-7"}, got); diff != "" {
			t.Errorf("receipt (-want +got):\n%s", diff)
		}
	})
}

func TestLargeOrderWaitsForADecision(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		granted bool
		want    Receipt
	}{
		{"that says yes", true, Receipt{Order: "8", Outcome: Sold, Payment: "pay-8", DecidedBy: "ana"}},
		{"that says no", false, Receipt{Order: "8", Outcome: Declined, DecidedBy: "ana"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := serve(t)
				run := start(t, c, desk)
				time.Sleep(23 * time.Hour)
				waiting, err := c.Instance(t.Context(), run.ID)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := string(waiting.CustomStatus), `"waiting for approval"`; got != want {
					t.Errorf("status after 23 hours = %s, want %s", got, want)
				}
				if err := Approved.Raise(t.Context(), c, run.ID, Approval{By: "ana", Granted: tt.granted}); err != nil {
					t.Fatal(err)
				}
				got, err := run.Wait(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("receipt (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestLargeOrderExpiresAfterADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := serve(t)
		began := time.Now()
		got, err := start(t, c, desk).Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Receipt{Order: "8", Outcome: Expired}, got); diff != "" {
			t.Errorf("receipt (-want +got):\n%s", diff)
		}
		if took := time.Since(began).Round(time.Minute); took != 24*time.Hour {
			t.Errorf("took %v, want 24h", took)
		}
		if got := pieces(t, c, desk.Item); got != firstDelivery {
			t.Errorf("%d desks are left, want all %d", got, firstDelivery)
		}
	})
}

func TestChargeIsTriedAgainUntilItWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		c := serve(t, Charge.With(func(_ context.Context, o Order) (Payment, error) {
			if attempts++; attempts < 5 {
				return Payment{}, errors.New("provider is being deployed")
			}
			return Payment{ID: "late-" + o.ID}, nil
		}))
		got, err := start(t, c, pen).Wait(t.Context())
		if got.Payment != "late-7" || err != nil {
			t.Errorf("got %+v, %v, want payment late-7", got, err)
		}
	})
}

// pieces is what is left of an item when all signals have arrived.
func pieces(t *testing.T, c *dts.Client, item string) int {
	t.Helper()
	synctest.Wait()
	stock, _, err := Stocks.State(t.Context(), c, item)
	if err != nil {
		t.Fatal(err)
	}
	return stock.Pieces
}

func TestNoMoreIsSoldThanThereIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := serve(t)
		if err := Deliver.Send(t.Context(), c, pen.Item, 2); err != nil {
			t.Fatal(err)
		}
		runs := make([]durable.Instance[Receipt], firstDelivery+5)
		for i := range runs {
			runs[i] = start(t, c, pen)
		}
		outcomes := make(map[Outcome]int)
		for _, run := range runs {
			receipt, err := run.Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			outcomes[receipt.Outcome]++
		}
		if diff := cmp.Diff(map[Outcome]int{Sold: firstDelivery + 2, SoldOut: 3}, outcomes); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		if got := pieces(t, c, pen.Item); got != 0 {
			t.Errorf("%d pens are left, want none", got)
		}
	})
}

func TestGoodsOfAnOrderThatCannotBeChargedAreReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		c := serve(t, Charge.With(func(context.Context, Order) (Payment, error) {
			attempts++
			return Payment{}, durable.Permanent(errors.New("card declined"))
		}))
		_, err := start(t, c, pen).Wait(t.Context())
		if want := `order "7": activity "charge": card declined`; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want %q in it", err, want)
		}
		if got := pieces(t, c, pen.Item); attempts != 1 || got != firstDelivery {
			t.Errorf("charged %d times and %d pens are left, want once and all %d", attempts, got, firstDelivery)
		}
	})
}

func TestOrderThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Order{
		`no "id"`:   {Item: "pen", Cents: 1},
		`no "item"`: {ID: "7", Cents: 1},
		"no price":  {ID: "7", Item: "pen"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if _, err := start(t, serve(t), o).Wait(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error = %v, want %q in it", err, want)
				}
			})
		})
	}
}

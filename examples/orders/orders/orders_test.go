package orders

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	pen  = Order{ID: "7", Item: "pen", Cents: 2_50}
	desk = Order{ID: "8", Item: "desk", Cents: 500_00}
)

func TestSmallOrderIsSoldAtOnce(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(Functions()...)
		if diff := cmp.Diff(Receipt{Order: "7", Outcome: Sold, Payment: "pay-7"}, durabletest.Start(e, Process, pen).Result()); diff != "" {
			e.Errorf("receipt (-want +got):\n%s", diff)
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
			durabletest.Run(t, func(e *durabletest.Env) {
				e.Serve(Functions()...)
				run := durabletest.Start(e, Process, desk)
				e.Sleep(23 * time.Hour)
				var status string
				if run.CustomStatus(&status); status != "waiting for approval" {
					e.Errorf("status after 23 hours = %q, want that it waits", status)
				}
				durabletest.Raise(e, Approved, run.ID, Approval{By: "ana", Granted: tt.granted})
				if diff := cmp.Diff(tt.want, run.Result()); diff != "" {
					e.Errorf("receipt (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestLargeOrderExpiresAfterADay(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(Functions()...)
		began := time.Now()
		if diff := cmp.Diff(Receipt{Order: "8", Outcome: Expired}, durabletest.Start(e, Process, desk).Result()); diff != "" {
			e.Errorf("receipt (-want +got):\n%s", diff)
		}
		if took := time.Since(began).Round(time.Minute); took != 24*time.Hour {
			e.Errorf("took %v, want 24h", took)
		}
		if stock, _ := durabletest.State(e, Stocks, desk.Item); stock.Pieces != firstDelivery {
			e.Errorf("%d desks are left, want all %d", stock.Pieces, firstDelivery)
		}
	})
}

func TestChargeIsTriedAgainUntilItWorks(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Fail(e, Charge, errors.New("provider is being deployed"), 1, 2, 3, 4)
		e.Serve(Functions()...)
		if got := durabletest.Start(e, Process, pen).Result(); got.Payment != "pay-7" {
			e.Errorf("got %+v, want payment pay-7", got)
		}
		if got := len(durabletest.Calls(e, Charge)); got != 5 {
			e.Errorf("charged %d times, want 5", got)
		}
	})
}

func TestNoMoreIsSoldThanThereIs(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(Functions()...)
		durabletest.Signal(e, Deliver, pen.Item, 2)
		for range firstDelivery + 5 {
			durabletest.Start(e, Process, pen)
		}
		outcomes := make(map[Outcome]int)
		for _, run := range durabletest.Instances(e, Process) {
			outcomes[run.Result().Outcome]++
		}
		if diff := cmp.Diff(map[Outcome]int{Sold: firstDelivery + 2, SoldOut: 3}, outcomes); diff != "" {
			e.Errorf("outcomes (-want +got):\n%s", diff)
		}
		if stock, _ := durabletest.State(e, Stocks, pen.Item); stock.Pieces != 0 {
			e.Errorf("%d pens are left, want none", stock.Pieces)
		}
	})
}

func TestGoodsOfAnOrderThatCannotBeChargedAreReleased(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Fail(e, Charge, durable.Permanent(errors.New("card declined")))
		e.Serve(Functions()...)
		_, err := durabletest.Start(e, Process, pen).Wait()
		if want := `order "7": activity "charge": card declined`; err == nil || !strings.Contains(err.Error(), want) {
			e.Errorf("error = %v, want %q in it", err, want)
		}
		charged := durabletest.Calls(e, Charge)
		if stock, _ := durabletest.State(e, Stocks, pen.Item); len(charged) != 1 || stock.Pieces != firstDelivery {
			e.Errorf("charged %v and %d pens are left, want it once and all %d", charged, stock.Pieces, firstDelivery)
		}
	})
}

func TestOrderThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(Functions()...)
		for want, o := range map[string]Order{
			`no "id"`:   {Item: "pen", Cents: 1},
			`no "item"`: {ID: "7", Cents: 1},
			"no price":  {ID: "7", Item: "pen"},
		} {
			if _, err := durabletest.Start(e, Process, o).Wait(); err == nil || !strings.Contains(err.Error(), want) {
				e.Errorf("error = %v, want %q in it", err, want)
			}
		}
	})
}

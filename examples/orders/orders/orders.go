// Package orders takes an order from the customer to the receipt.
package orders

import (
	"errors"
	"fmt"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// The functions of the app, and the event that large orders wait for.
var (
	Process  = durable.OrchestratorNamed[Order, Receipt]("process-order")
	Charge   = durable.ActivityNamed[Order, Payment]("charge")
	Approved = durable.NewEvent[Approval]("approved")
)

// The stock of each item, and what can be done to it.
var (
	Stocks  = durable.NewEntity[Stock]("stock")
	Reserve = durable.OperationNamed[durable.None, bool](Stocks, "reserve")
	Deliver = durable.OperationNamed[int, int](Stocks, "deliver")
)

// Functions binds the handles to their code.
func Functions() []durable.Definition {
	return []durable.Definition{
		Process.With(process),
		Charge.With(charge),
		TakeDelivery.With(takeDelivery),
		PassDecision.With(passDecision),
		Stocktake.With(stocktake),
		CountStock.With(countStock),
		Stocks.With(Reserve.With((*Stock).reserve), Deliver.With((*Stock).deliver)),
	}
}

const (
	approvalFrom = 100_00         // cents; orders of more than this wait for an approval
	approvalTime = 24 * time.Hour // how long they wait
)

// cardRetry is patient enough for a payment provider that is being deployed.
var cardRetry = durable.RetryPolicy{Attempts: 5, First: time.Second, Factor: 2}

// process reserves a piece, has large orders approved and charges the customer.
// When it cannot sell, it gives the piece back.
func process(ctx *durable.Context, o Order) (Receipt, error) {
	if err := o.check(); err != nil {
		return Receipt{}, err
	}
	reserved, err := Reserve.Call(ctx, o.Item, durable.None{})
	if err != nil {
		return Receipt{}, err
	}
	if !reserved {
		ctx.SetStatus(SoldOut)
		return Receipt{Order: o.ID, Outcome: SoldOut}, nil
	}
	receipt, err := sell(ctx, o)
	if err != nil || receipt.Outcome != Sold {
		err = errors.Join(err, Deliver.Signal(ctx, o.Item, 1))
	}
	ctx.SetStatus(receipt.Outcome)
	return receipt, err
}

func sell(ctx *durable.Context, o Order) (Receipt, error) {
	receipt := Receipt{Order: o.ID}
	if o.Cents > approvalFrom {
		ctx.SetStatus("waiting for approval")
		approval, err := Approved.Wait(ctx, approvalTime)
		if errors.Is(err, durable.ErrTimeout) {
			receipt.Outcome = Expired
			return receipt, nil
		}
		if err != nil {
			return Receipt{}, err
		}
		receipt.DecidedBy = approval.By
		if !approval.Granted {
			receipt.Outcome = Declined
			return receipt, nil
		}
	}

	ctx.SetStatus("charging")
	payment, err := Charge.Call(ctx, o, durable.Retry(cardRetry))
	if err != nil {
		return Receipt{}, fmt.Errorf("order %q: %w", o.ID, err)
	}
	receipt.Outcome, receipt.Payment = Sold, payment.ID
	return receipt, nil
}

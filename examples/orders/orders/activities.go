package orders

import (
	"context"
	"log/slog"

	"github.com/funchost/funchost/framework/durable"
)

// The warehouse and the payment provider of this example only write to the log.
// Real ones would be called here. An activity may run twice when its host is
// killed, so each call carries the id of the order, by which the other side
// recognises the second.

func reserve(ctx context.Context, o Order) (durable.None, error) {
	slog.InfoContext(ctx, "reserved", "order", o.ID, "item", o.Item)
	return durable.None{}, nil
}

func release(ctx context.Context, o Order) (durable.None, error) {
	slog.InfoContext(ctx, "released", "order", o.ID, "item", o.Item)
	return durable.None{}, nil
}

func charge(ctx context.Context, o Order) (Payment, error) {
	slog.InfoContext(ctx, "charged", "order", o.ID, "cents", o.Cents)
	return Payment{ID: "pay-" + o.ID}, nil
}

package orders

import (
	"context"
	"log/slog"
)

// The payment provider of this example is the log. A real one would be called
// here. An activity may run twice when its host is killed, so the call would carry
// the id of the order, by which the other side recognises the second.

func charge(ctx context.Context, o Order) (Payment, error) {
	slog.InfoContext(ctx, "charged", "order", o.ID, "cents", o.Cents)
	return Payment{ID: "pay-" + o.ID}, nil
}

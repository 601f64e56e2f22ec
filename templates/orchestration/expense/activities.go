package expense

import (
	"context"
	"log/slog"

	"github.com/funchost/funchost/framework/durable"
)

// Activities may do anything. They may run twice, when their host is killed at
// the wrong moment: give the other side something to recognise the second call
// by, here the id of the expense.

// notify is where your mail or chat comes in.
func notify(ctx context.Context, n Note) (durable.None, error) {
	slog.InfoContext(ctx, "approver notified", "to", n.To, "expense", n.About.ID, "reminds", n.Reminds)
	return durable.None{}, nil
}

// pay is where your bank comes in.
func pay(ctx context.Context, e Expense) (durable.None, error) {
	slog.InfoContext(ctx, "expense paid", "expense", e.ID, "cents", e.Cents)
	return durable.None{}, nil
}

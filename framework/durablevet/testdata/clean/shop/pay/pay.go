// Package pay has functions of the shop.
package pay

import (
	"context"

	"github.com/funchost/funchost/framework/durable"
)

// The functions.
var (
	Charge = durable.ActivityNamed[int, string]("charge")
	Refund = durable.NewActivity("refund", func(context.Context, int) (string, error) { return "", nil })
	Abroad = durable.ActivityNamed[int, string]("abroad")
	Ledger = durable.NewEntity[int]("ledger")
	Book   = durable.OperationNamed[int, int](Ledger, "book")
)

// Functions binds them.
func Functions() []durable.Definition {
	defs := []durable.Definition{Refund}
	defs = append(defs, Charge.With(func(context.Context, int) (string, error) { return "", nil }))
	return append(defs, Ledger.With(Book.With(book)))
}

func book(n *int, _ *durable.EntityContext, cents int) (int, error) {
	*n += cents
	return *n, nil
}

// Package payment has functions that a program may give to its app, or forget.
package payment

import (
	"context"

	"github.com/funchost/funchost/framework/durable"
)

// The functions.
var (
	Charge  = durable.ActivityNamed[int, string]("charge")
	Refund  = durable.NewActivity("refund", refund)
	Settle  = durable.OrchestratorNamed[int, string]("settle")
	Abroad  = durable.ActivityNamed[int, string]("abroad") // runs in another language
	Ledgers = durable.NewEntity[ledger]("ledger")
	Book    = durable.NewOperation(Ledgers, "book", (*ledger).book)
)

type ledger struct{ Cents int }

func (l *ledger) book(_ *durable.EntityContext, cents int) (int, error) {
	l.Cents += cents
	return l.Cents, nil
}

// Functions binds them.
func Functions() []durable.Definition {
	return []durable.Definition{Charge.With(charge), Settle.With(settle)}
}

func charge(context.Context, int) (string, error) { return "", nil }

func refund(context.Context, int) (string, error) { return "", nil }

func settle(ctx *durable.Context, cents int) (string, error) { return Charge.Call(ctx, cents) }

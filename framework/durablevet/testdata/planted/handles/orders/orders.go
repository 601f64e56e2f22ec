// Package orders has an orchestrator that needs functions of another package.
package orders

import (
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/handles/payment"
)

// Process is what programs run.
var Process = durable.OrchestratorNamed[int, string]("process")

// Functions binds it.
func Functions() []durable.Definition { return []durable.Definition{Process.With(process)} }

func process(ctx *durable.Context, cents int) (string, error) {
	if _, err := payment.Abroad.Call(ctx, cents); err != nil {
		return "", err
	}
	if _, err := payment.Charge.Call(ctx, cents); err != nil {
		return undo(ctx, cents)
	}
	return payment.Settle.Call(ctx, cents)
}

func undo(ctx *durable.Context, cents int) (string, error) {
	if _, err := payment.Book.Call(ctx, "all", -cents); err != nil {
		return "", err
	}
	return payment.Refund.Call(ctx, cents)
}

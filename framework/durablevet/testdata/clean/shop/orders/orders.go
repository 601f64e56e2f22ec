// Package orders has the orchestrators of the shop.
package orders

import (
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durablevet/testdata/clean/shop/pay"
)

// Process is what the shop runs.
var Process = durable.NewOrchestrator("process", process)

func process(ctx *durable.Context, cents int) (string, error) {
	if _, err := pay.Abroad.Call(ctx, cents); err != nil {
		return pay.Refund.Call(ctx, cents)
	}
	if err := pay.Book.Signal(ctx, "all", cents); err != nil {
		return "", err
	}
	return pay.Charge.Call(ctx, cents)
}

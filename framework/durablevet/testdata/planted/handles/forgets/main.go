// Forgets gives its app what starts, and not what that calls.
package main

import (
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/handles/orders"
)

func main() {
	app := framework.New("shop")
	app.Add(orders.Functions()...) // want `process uses payment.Charge at orders/orders.go:[0-9]+, whose function \(payment/payment.go:[0-9]+\) is never given to app.Add; add it, or say who runs it` `payment.Settle` `process -> undo uses payment.Refund` `payment.Book`
	framework.Main(app)
}

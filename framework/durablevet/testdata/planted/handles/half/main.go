// Half gives its app some of what is needed.
package main

import (
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/handles/orders"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/handles/payment"
	"github.com/funchost/funchost/triggers"
)

func main() {
	defs := orders.Functions() // want `payment.Book at`
	defs = append(defs, payment.Functions()...)
	app := framework.New("shop").Add(defs...).Add(payment.Refund)
	app.On(triggers.HTTP("POST /process", orders.Process))
	framework.Main(app)
}

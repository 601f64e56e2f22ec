// Orders sells things: small orders are charged at once, large ones wait for a
// person to approve them.
package main

import (
	"github.com/funchost/funchost/examples/orders/orders"
	"github.com/funchost/funchost/framework"
	_ "github.com/funchost/funchost/framework/embedded"
	"github.com/funchost/funchost/triggers"
)

func main() {
	app := framework.New("orders").Add(orders.Functions()...)
	app.On(triggers.HTTP("POST /api/orders", orders.Process))
	framework.Main(app)
}

// Orders sells things: small orders are charged at once, large ones wait for a
// person to approve them. Orders come over HTTP, deliveries and decisions as
// CloudEvents, and each night the stock is counted.
package main

import (
	"cmp"
	"os"

	"github.com/funchost/funchost/examples/orders/orders"
	"github.com/funchost/funchost/framework"
	_ "github.com/funchost/funchost/framework/embedded"
	"github.com/funchost/funchost/triggers"
)

func main() {
	framework.Main(newApp(cmp.Or(os.Getenv("ORDERS_STOCKTAKE"), "0 3 * * *")))
}

func newApp(stocktake string) *framework.App {
	return framework.New("orders").Add(orders.Functions()...).On(
		triggers.HTTP("POST /api/orders", orders.Process),
		triggers.CloudEvents("/api/events",
			triggers.Match(orders.TakeDelivery, triggers.Type("com.example.warehouse.delivered")),
			triggers.Match(orders.PassDecision, triggers.Type("com.example.office.decided")),
		),
		triggers.Cron(stocktake, orders.Stocktake, triggers.TimeZone("Europe/Lisbon")),
	)
}

// Worker runs the orders, and says who runs what they call.
package main

import (
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durablevet/testdata/clean/shop/orders"
)

func main() {
	app := framework.New("worker")
	//durable:ignore the host payments runs the functions of package pay
	app.Add(orders.Process)
	framework.Main(app)
}

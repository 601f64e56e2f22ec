// Hellocities greets a list of cities, one after the other or all at once. It is
// the smallest app there is: one activity, two orchestrators, two routes.
package main

import (
	"github.com/funchost/funchost/examples/hellocities/hello"
	"github.com/funchost/funchost/framework"
	_ "github.com/funchost/funchost/framework/embedded"
	"github.com/funchost/funchost/triggers"
)

func main() {
	app := framework.New("hellocities").Add(hello.Functions()...)
	app.On(triggers.HTTP("POST /api/hellocities", hello.Cities))
	app.On(triggers.HTTP("POST /api/hellocities/fanout", hello.CitiesFanout))
	framework.Main(app)
}

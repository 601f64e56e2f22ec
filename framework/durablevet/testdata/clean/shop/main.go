// Shop gives its app everything.
package main

import (
	"os"
	"slices"

	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durablevet/testdata/clean/shop/orders"
	"github.com/funchost/funchost/framework/durablevet/testdata/clean/shop/pay"
	"github.com/funchost/funchost/triggers"
)

func main() {
	framework.Main(newApp(os.Args[0]).On(triggers.HTTP("POST /process", orders.Process)))
}

func newApp(name string) *framework.App { return framework.New(name).Add(functions()...) }

func functions() []durable.Definition {
	return slices.Concat(pay.Functions(), []durable.Definition{orders.Process})
}

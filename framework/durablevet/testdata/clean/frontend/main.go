// Frontend starts what another host runs.
package main

import (
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durablevet/testdata/clean/shop/orders"
	"github.com/funchost/funchost/triggers"
)

func main() {
	framework.Main(framework.New("frontend").On(triggers.HTTP("POST /process", orders.Process)))
}

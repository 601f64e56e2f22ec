// Command orchestration has expenses approved and paid. Nothing triggers it:
// orchestrations are started, and told of decisions, from the command line or
// by other programs of the hub.
package main

import (
	"github.com/funchost/funchost/framework"
	_ "github.com/funchost/funchost/framework/embedded"
	"github.com/funchost/funchost/templates/orchestration/expense"
)

func main() { framework.Main(newApp()) }

// newApp puts the app together. Its test runs it with options of its own.
func newApp(opts ...framework.Option) *framework.App {
	return framework.New("expenses", opts...).Add(expense.Functions()...)
}

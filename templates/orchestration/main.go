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

// newApp puts the app together. Its test uses it, too.
func newApp() *framework.App {
	return framework.New("expenses").Add(expense.Functions()...)
}

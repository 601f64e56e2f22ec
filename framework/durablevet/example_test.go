package durablevet_test

import (
	"os"

	"github.com/funchost/funchost/framework/durablevet"
)

// A program that begins like this is a tool for go vet -vettool, whatever it does
// when somebody else starts it.
func ExampleVettool() {
	durablevet.Vettool(os.Args[1:]) // returns, since the go command did not ask
	// Output:
}

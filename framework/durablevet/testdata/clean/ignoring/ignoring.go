// Package ignoring has mistakes that somebody has answered for.
package ignoring

import (
	"os"
	"time"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durablevet/testdata/clean/ignoring/lib"
)

func sameLine(ctx *durable.Context) time.Time {
	return time.Now() //durable:ignore only for a metric, which nothing depends on
}

func lineAbove(ctx *durable.Context) string {
	//durable:ignore all hosts have the same
	return os.Getenv("REGION")
}

// whole is trusted.
//
//durable:ignore measured, not decided by
func whole(ctx *durable.Context) {
	began := time.Now()
	println(time.Since(began).String())
}

func atTheCall(ctx *durable.Context) time.Time {
	return lib.Stamp() //durable:ignore for a log line
}

func inTheLibrary(ctx *durable.Context) string { return lib.Region() }

var debug = os.Getenv("DEBUG") != "" //durable:ignore changes what is logged, nothing else

func byVariable(ctx *durable.Context) {
	if debug {
		ctx.Logger().Debug("hello")
	}
}

func stock(ctx *durable.Context, m map[string]int) (names []string) {
	//durable:ignore the only reader sorts them
	for name := range m {
		names = append(names, name)
	}
	return names
}

// Patterns serves the patterns of docs/patterns, each a package of its own.
package main

import (
	"slices"

	"github.com/funchost/funchost/examples/patterns/aggregator"
	"github.com/funchost/funchost/examples/patterns/approval"
	"github.com/funchost/funchost/examples/patterns/asynchttp"
	"github.com/funchost/funchost/examples/patterns/chaining"
	"github.com/funchost/funchost/examples/patterns/eternal"
	"github.com/funchost/funchost/examples/patterns/fanout"
	"github.com/funchost/funchost/examples/patterns/monitor"
	"github.com/funchost/funchost/examples/patterns/saga"
	"github.com/funchost/funchost/examples/patterns/versioning"
	"github.com/funchost/funchost/framework"
	_ "github.com/funchost/funchost/framework/embedded"
	"github.com/funchost/funchost/triggers"
)

func main() { framework.Main(newApp()) }

// newApp puts the app together. Its test uses it, too.
func newApp() *framework.App {
	app := framework.New("patterns").Add(slices.Concat(
		chaining.Functions(), fanout.Functions(), asynchttp.Functions(), monitor.Functions(), approval.Functions(),
		aggregator.Functions(), eternal.Functions(), saga.Functions(), versioning.Functions(),
	)...)
	app.On(asynchttp.Routes()...).On(approval.Routes()...).On(aggregator.Routes()...)
	return app.On(
		triggers.HTTP("POST /api/statements", chaining.MakeStatement),
		triggers.HTTP("POST /api/counts", fanout.CountAll),
		triggers.HTTP("POST /api/watches", monitor.Watch),
		triggers.HTTP("POST /api/digests", eternal.Collect),
		triggers.HTTP("POST /api/trips", saga.BookTrip),
		triggers.HTTP("POST /api/trials", versioning.Current),
	)
}

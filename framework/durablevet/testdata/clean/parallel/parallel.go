// Package parallel does several things at once, in turn.
package parallel

import (
	"fmt"

	"github.com/funchost/funchost/framework/durable"
)

var charge = durable.ActivityNamed[string, int]("charge")

func run(ctx *durable.Context, items []string) (int, error) {
	sum := 0
	var fs []durable.Future[durable.None]
	for i, item := range items {
		fs = append(fs, ctx.Go(fmt.Sprint("item ", i), func() error {
			n, err := charge.Call(ctx, item)
			sum += n
			return err
		}))
	}
	_, err := durable.All(ctx, fs...)
	return sum, err
}

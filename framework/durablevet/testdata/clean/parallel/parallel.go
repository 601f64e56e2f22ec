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

func selects(ctx *durable.Context, items []string) (int, error) {
	results := durable.NewChan[int](1)
	var wg durable.WaitGroup
	for _, item := range items {
		wg.Go(ctx, "item "+item, func() error {
			n, err := charge.Call(ctx, item, durable.ID(fmt.Sprint(item, ctx.Rand().IntN(6))))
			results.Send(ctx, n)
			return err
		})
	}
	sum := 0
	err := durable.Select(ctx, durable.On(results, func(n int) error {
		sum += n
		return nil
	}))
	return sum, err
}

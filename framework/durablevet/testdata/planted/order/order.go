// Package order depends on the order of maps.
package order

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/lib/far"
)

var charge = durable.ActivityNamed[string, int]("charge")

func calls(ctx *durable.Context, stock map[string]int) error {
	for item := range stock { // want `calls: a loop over a map that acts in each round at order.go:[0-9]+ takes another order each time; range over slices.Sorted`
		if _, err := charge.Call(ctx, item); err != nil {
			return err
		}
	}
	return nil
}

func callsFar(ctx *durable.Context, stock map[string]int) {
	for item := range stock { // want `callsFar: a loop over a map that acts`
		one(ctx, item)
	}
}

func one(ctx *durable.Context, item string) { charge.Start(ctx, item) }

func callsClosure(ctx *durable.Context, stock map[string]int) {
	start := func(item string) { charge.Start(ctx, item) }
	for item := range stock { // want `a loop over a map that acts`
		start(item)
	}
}

func callsUnknown(ctx *durable.Context, stock map[string]int, f func(*durable.Context, string)) {
	for item := range stock { // want `a loop over a map that acts`
		f(ctx, item)
	}
}

func ids(ctx *durable.Context, stock map[string]int) map[string]string {
	out := map[string]string{}
	for item := range stock { // want `acts in each round`
		out[item] = ctx.NewID()
	}
	return out
}

func fansOut(ctx *durable.Context, stock map[string]int) ([]int, error) {
	var fs []durable.Future[int]
	for item := range maps.Keys(stock) { // want `acts in each round`
		fs = append(fs, charge.Start(ctx, item))
	}
	return durable.All(ctx, fs...)
}

func appends(ctx *durable.Context, stock map[string]int) []string {
	var items []string
	for item := range stock { // want `appends: a loop over a map that appends to items`
		items = append(items, item)
	}
	return items
}

func collects(ctx *durable.Context, stock map[string]int) []string {
	return slices.Collect(maps.Keys(stock)) // want `a slice in the order of a map at .*; use slices.Sorted`
}

func returnsKey(ctx *durable.Context, stock map[string]int) string {
	for item, n := range stock { // want `a loop over a map that returns what a round has found`
		if n > 0 {
			return item
		}
	}
	return ""
}

func returnsError(ctx *durable.Context, stock map[string]int) error {
	for item, n := range stock { // want `returns what a round has found`
		if n < 0 {
			return fmt.Errorf("less than none of %q", item)
		}
	}
	return nil
}

func keepsLast(ctx *durable.Context, stock map[string]int) string {
	var last string
	for item := range stock { // want `a loop over a map that sets last`
		last = item
	}
	return last
}

func largest(ctx *durable.Context, stock map[string]int) (best string) {
	most := 0
	for item, n := range stock { // want `a loop over a map that sets best`
		if n > most {
			most = n
			best = item
		}
	}
	return best
}

func joins(ctx *durable.Context, stock map[string]int) string {
	text := ""
	for item := range stock { // want `adds text to text`
		text += item
	}
	return text
}

func builds(ctx *durable.Context, stock map[string]int) string {
	var b strings.Builder
	for item, n := range stock { // want `writes in each round`
		fmt.Fprintf(&b, "%s %d\n", item, n)
	}
	return b.String()
}

func joinsErrors(ctx *durable.Context, stock map[string]int) (err error) {
	for item := range stock { // want `sets err`
		err = errors.Join(err, errors.New(item))
	}
	return err
}

func fills(ctx *durable.Context, stock map[string]int) []string {
	items := make([]string, len(stock))
	i := 0
	for item := range stock { // want `sets items`
		items[i] = item
		i++
	}
	return items
}

func farKeys(ctx *durable.Context, stock map[string]int) []string {
	return far.Keys(stock) // want `farKeys -> far.Keys: a loop over a map that appends to keys at far/far.go`
}

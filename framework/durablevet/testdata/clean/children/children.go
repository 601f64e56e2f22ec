// Package children calls itself and others.
package children

import "github.com/funchost/funchost/framework/durable"

var (
	parent = durable.OrchestratorNamed[int, int]("parent")
	leaf   = durable.NewOrchestrator("leaf", func(_ *durable.Context, n int) (int, error) { return n, nil })
)

// Functions binds them.
func Functions() []durable.Definition { return []durable.Definition{parent.With(run), leaf} }

func run(ctx *durable.Context, depth int) (int, error) {
	if depth == 0 {
		return leaf.Call(ctx, 1, durable.ID(ctx.ID()+"-leaf"))
	}
	a, b := parent.Start(ctx, depth-1), parent.Start(ctx, depth-1)
	sums, err := durable.All(ctx, a, b)
	if err != nil {
		return 0, err
	}
	return sums[0] + sums[1], nil
}

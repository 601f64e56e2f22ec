// Package refused is what the compiler must not accept. Each line that ends in a
// want comment must fail to build with that text, and no other line may.
package refused

import (
	"context"
	"net/http"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
)

type order struct{ ID string }

var (
	charge  = durable.ActivityNamed[order, int]("charge")
	process = durable.OrchestratorNamed[order, string]("process-order")
	paid    = durable.NewEvent[int]("paid")
	carts   = durable.NewEntity[cart]("cart")
	shelves = durable.NewEntity[shelf]("shelf")
	add     = durable.OperationNamed[string, int](carts, "add")
)

type (
	cart  struct{ Items []string }
	shelf struct{}
)

func (c *cart) add(_ *durable.EntityContext, item string) (int, error) { return len(item), nil }

func wrongInput(ctx *durable.Context) {
	_, _ = charge.Call(ctx, "o-7")             // want "cannot use \"o-7\""
	_ = charge.Start(ctx, 7)                   // want "cannot use 7"
	_, _ = process.Call(ctx, []order{{"o-7"}}) // want "cannot use []order"
}

func wrongResult(ctx *durable.Context) {
	var text string
	text, _ = charge.Call(ctx, order{"o-7"}) // want "cannot use charge.Call"
	_ = text
	_, _ = durable.All(ctx, charge.Start(ctx, order{}), process.Start(ctx, order{})) // want "does not match"
}

func wrongFunction() {
	_ = charge.With(func(context.Context, int) (int, error) { return 0, nil })        // want "cannot use func"
	_ = charge.With(func(*durable.Context, order) (int, error) { return 0, nil })     // want "cannot use func"
	_ = process.With(func(context.Context, order) (string, error) { return "", nil }) // want "cannot use func"
}

func wrongContext(ctx *durable.Context, outside context.Context) {
	_, _ = http.NewRequestWithContext(ctx, http.MethodGet, "/", nil) // want "does not implement context.Context"
	_, _ = charge.Call(outside, order{})                             // want "cannot use outside"
	_, _ = paid.Wait(outside, 0)                                     // want "cannot use outside"
}

func wrongStart(ctx context.Context, c *dts.Client) {
	_, _ = process.StartNew(ctx, c, "o-7")                                               // want "cannot use \"o-7\""
	_, _ = process.StartNew(ctx, c, order{}, durable.Retry(durable.RetryPolicy{}))       // want "does not implement durable.StartOption"
	_ = paid.Raise(ctx, c, "o-7", "seven")                                               // want "cannot use \"seven\""
	_ = func(ctx *durable.Context) { _, _ = process.Call(ctx, order{}, durable.Once()) } // want "does not implement durable.CallOption"
}

func wrongOperation(ctx *durable.Context, inside *durable.EntityContext, outside context.Context, c *dts.Client) {
	_ = durable.NewOperation(shelves, "add", (*cart).add)                                     // want "does not match"
	_ = shelves.With(add)                                                                     // want "cannot use add"
	_ = add.With(func(*shelf, *durable.EntityContext, string) (int, error) { return 0, nil }) // want "cannot use func"
	_, _ = add.Call(ctx, "ana", 7)                                                            // want "cannot use 7"
	_, _ = add.Call(inside, "ana", "pen")                                                     // want "cannot use inside"
	_ = add.Signal(outside, "ana", "pen")                                                     // want "does not implement durable.Signaler"
	_ = add.Send(outside, c, "ana", "pen", durable.Once())                                    // want "does not implement durable.SignalOption"
	_, _ = charge.Call(inside, order{})                                                       // want "cannot use inside"
}

func wrongSource(ctx *durable.Context) error {
	words := durable.NewChan[string](1)
	words.Send(ctx, 7)                                                                        // want "cannot use 7"
	_ = durable.Select(ctx, durable.On(paid, func(string) error { return nil }))              // want "does not match"
	_ = durable.Select(ctx, durable.On(charge, func(int) error { return nil }))               // want "does not match"
	_ = durable.Select(ctx, paid)                                                             // want "does not implement durable.Case"
	_, _ = durable.First(ctx, paid)                                                           // want "does not implement durable.Awaitable"
	return durable.Select(ctx, durable.On(ctx.After(0), func(durable.None) int { return 7 })) // want "does not match"
}

func wrongOption(ctx *durable.Context) {
	_, _ = charge.Call(ctx, order{}, durable.DropEvents())                                       // want "does not implement durable.CallOption"
	_ = durable.ContinueAsNew(ctx, order{}, durable.Tag("a", "b"))                               // want "does not implement durable.ContinueOption"
	_, _ = process.StartDetached(ctx, order{}, durable.Timeout(0))                               // want "does not implement durable.StartOption"
	_, _ = process.StartDetached(ctx, "o-7")                                                     // want "cannot use \"o-7\""
	_ = process.WithVersion("2", func(*durable.Context, int) (string, error) { return "", nil }) // want "cannot use func"
}

func wrongSaga(ctx *durable.Context) (int, error) {
	return durable.RunSaga(ctx, func(s *durable.Saga) (string, error) { // want "cannot use durable.RunSaga"
		charge.Compensate(ctx, s, "o-7") // want "cannot use \"o-7\""
		add.Compensate(ctx, s, "pen")    // want "add.Compensate undefined"
		return "", nil
	})
}

func wrongAsk(ctx *durable.Context, outside context.Context, c *dts.Client) {
	_, _ = add.Ask(ctx, c, "ana", "pen")   // want "does not implement context.Context"
	_, _ = add.Ask(outside, c, "ana", 7)   // want "cannot use 7"
	ctx.RequestCancel("o-7", "rain")       // want "ctx.RequestCancel undefined"
	durable.Cancel(outside, "o-7", "rain") // want "cannot use outside"
}

type mine struct{}

func (mine) Name() string       { return "mine" }
func (mine) Kind() durable.Kind { return durable.KindActivity }
func (mine) Bound() bool        { return true }
func (mine) Source() string     { return "" }
func (mine) Version() string    { return "" }

var _ durable.Definition = mine{} // want "does not implement durable.Definition"

// Package waiting waits in all the ways there are.
package waiting

import (
	"errors"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

type approval struct{ Granted bool }

var (
	approved = durable.NewEvent[approval]("approved")
	charge   = durable.ActivityNamed[string, int]("charge")
)

func run(ctx *durable.Context, in string) (int, error) {
	deadline := ctx.Now().Add(time.Hour)
	ctx.Sleep(time.Second)
	timeout := ctx.After(deadline.Sub(ctx.Now()))
	decision := approved.Listen(ctx)
	i, err := durable.First(ctx, decision, timeout)
	if err != nil {
		return 0, err
	}
	if i == 1 {
		decision.Cancel()
		return 0, errors.New("nobody decided")
	}
	if _, err := approved.Wait(ctx, time.Minute); errors.Is(err, durable.ErrTimeout) {
		return 0, nil
	}
	return charge.Call(ctx, in)
}

func monitor(ctx *durable.Context, n int) (durable.None, error) {
	ctx.SetStatus(n)
	ctx.Sleep(time.Duration(n) * time.Minute)
	return durable.None{}, durable.ContinueAsNew(ctx, n+1)
}

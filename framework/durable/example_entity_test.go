package durable_test

import (
	"errors"
	"fmt"

	"github.com/funchost/funchost/framework/durable"
)

// wallet is an entity: a state with the methods that change it.
type wallet struct {
	Coins int
}

var (
	wallets = durable.NewEntity[wallet]("wallet")
	put     = durable.NewOperation(wallets, "put", (*wallet).put)
	take    = durable.NewOperation(wallets, "take", (*wallet).take)
)

func (w *wallet) put(_ *durable.EntityContext, coins int) (int, error) {
	w.Coins += coins
	return w.Coins, nil
}

func (w *wallet) take(_ *durable.EntityContext, coins int) (int, error) {
	w.Coins -= coins // is undone when the operation fails
	if w.Coins < 0 {
		return 0, errors.New("not enough coins")
	}
	return w.Coins, nil
}

func ExampleNewEntity() {
	result(durable.NewOrchestrator("shop", func(ctx *durable.Context, who string) (string, error) {
		if err := put.Signal(ctx, who, 5); err != nil { // does not wait
			return "", err
		}
		if _, err := take.Call(ctx, who, 9); err != nil {
			ctx.SetStatus(err.Error())
		}
		left, err := take.Call(ctx, who, 3)
		return fmt.Sprintf("%s has %d left", who, left), err
	}), "Ana", wallets)
	// Output: Ana has 2 left
}

func ExampleLock() {
	result(durable.NewOrchestrator("pay", func(ctx *durable.Context, coins int) (string, error) {
		unlock, err := durable.Lock(ctx, wallets.ID("ana"), wallets.ID("ben"))
		if err != nil {
			return "", err
		}
		defer unlock()
		if _, err := put.Call(ctx, "ana", 5); err != nil {
			return "", err
		}
		left, err := take.Call(ctx, "ana", coins)
		if err != nil {
			return "", err
		}
		got, err := put.Call(ctx, "ben", coins)
		return fmt.Sprintf("ana has %d, ben has %d, and nobody saw them in between", left, got), err
	}), 3, wallets)
	// Output: ana has 2, ben has 3, and nobody saw them in between
}

// An operation may start an orchestrator that calls the same entity. In package
// variables the two would refer to each other in a circle, so they are declared
// first and bound in a function.
func ExampleEntity_With() {
	var (
		doors = durable.NewEntity[int]("door")
		open  = durable.OperationNamed[string, int](doors, "open")
	)
	bound := doors.With(open.With(func(times *int, ctx *durable.EntityContext, who string) (int, error) {
		*times++
		return *times, nil
	}))
	result(durable.NewOrchestrator("visit", func(ctx *durable.Context, who string) (int, error) {
		if _, err := open.Call(ctx, "front", who); err != nil {
			return 0, err
		}
		return open.Call(ctx, "front", who)
	}), "Ana", bound)
	// Output: 2
}

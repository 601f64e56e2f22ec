// Package entity does I/O in operations, which are free to.
package entity

import (
	"log"
	"math/rand/v2"
	"os"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

type counter struct {
	N    int
	Last time.Time
}

var (
	counters = durable.NewEntity[counter]("counter")
	add      = durable.NewOperation(counters, "add", (*counter).add)
	roll     = durable.OperationNamed[durable.None, int](counters, "roll")
)

func (c *counter) add(ctx *durable.EntityContext, n int) (int, error) {
	log.Println("adds", n, os.Getenv("HOME"))
	c.N, c.Last = c.N+n, time.Now()
	return c.N, nil
}

func (c *counter) roll(*durable.EntityContext, durable.None) (int, error) { return rand.IntN(6), nil }

// Functions binds them.
func Functions() []durable.Definition {
	return []durable.Definition{counters.With(roll.With((*counter).roll))}
}

func run(ctx *durable.Context, key string) (int, error) {
	unlock, err := counters.Lock(ctx, key)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if err := add.Signal(ctx, "other", 1); err != nil {
		return 0, err
	}
	return roll.Call(ctx, key, durable.None{})
}

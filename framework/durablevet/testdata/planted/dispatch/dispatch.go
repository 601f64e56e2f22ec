// Package dispatch hides what it does behind interfaces, function values and type
// parameters.
package dispatch

import (
	"sort"
	"time"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/lib/far"
)

type pricer interface{ Price(item string) int }

type fixed struct{}

func (fixed) Price(string) int { return 1 }

type hourly struct{}

func (hourly) Price(string) int { return time.Now().Hour() } // want `byVariable -> hourly.Price: time.Now`

func byVariable(ctx *durable.Context) int {
	var p pricer = hourly{}
	return p.Price("x")
}

type daily struct{}

func (daily) Price(string) int { return time.Now().Day() } // want `byParameter -> priceOf -> daily.Price: time.Now`

func byParameter(ctx *durable.Context) int { return priceOf(daily{}) }

func priceOf(p pricer) int { return p.Price("x") }

type monthly struct{}

func (*monthly) Price(string) int { return int(time.Now().Month()) } // want `byField -> shop.total -> monthly.Price: time.Now`

type shop struct{ prices pricer }

func newShop() *shop { return &shop{prices: &monthly{}} }

func (s *shop) total() int { return s.prices.Price("x") }

func byField(ctx *durable.Context) int { return newShop().total() }

type yearly struct{}

func (yearly) Price(string) int { return time.Now().Year() } // want `yearly.Price: time.Now`

func byResult(ctx *durable.Context) int { return choose().Price("x") }

func choose() pricer { return yearly{} }

type weekly struct{}

func (weekly) Price(string) int { return time.Now().YearDay() } // want `byEmbedding -> weekly.Price: time.Now`

type stall struct{ pricer }

func byEmbedding(ctx *durable.Context) int {
	s := stall{weekly{}}
	return s.Price("x")
}

type clock interface{ now() time.Time }

type machine struct{}

func (machine) now() time.Time { return time.Now() } // want `bySoleType -> machine.now: time.Now`

func bySoleType(ctx *durable.Context, c clock) time.Time { return c.now() }

type random struct{}

func (random) Price(string) int { return far.Dice() } // want `byTypeParameter -> random.Price -> far.Dice: rand.IntN`

func byTypeParameter(ctx *durable.Context) int { return far.Total(random{}, []string{"x"}) }

type other struct{}

func (other) Price(string) int { return far.Dice() } // want `byHandingOver -> other.Price -> far.Dice`

func byHandingOver(ctx *durable.Context) int { return far.Sum(other{}, []string{"x"}) }

type byAge []time.Time

func (s byAge) Len() int           { return len(s) }
func (s byAge) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s byAge) Less(i, j int) bool { return time.Since(s[i]) < time.Since(s[j]) } // want `sorts -> byAge.Less: time.Since`

func sorts(ctx *durable.Context, times []time.Time) { sort.Sort(byAge(times)) }

type hooks struct{ before func() time.Time }

func byHook(ctx *durable.Context) time.Time {
	h := &hooks{before: stamp}
	return h.run()
}

func (h *hooks) run() time.Time { return h.before() }

func stamp() time.Time { return time.Now() } // want `byHook -> stamp: time.Now`

type engine struct{ tick func() time.Time }

func newEngine() *engine { return &engine{tick: time.Now} }

func byFunctionField(ctx *durable.Context, e *engine) time.Time {
	return e.tick() // want `byFunctionField: time.Now`
}

var steps = map[string]func() time.Time{
	"first": func() time.Time { return time.Now() }, // want `byTable: time.Now`
}

func byTable(ctx *durable.Context) time.Time { return steps["first"]() }

var policy = durable.RetryPolicy{Handle: func(error) bool { return time.Now().Hour() < 18 }} // want `byPolicy -> policy: time.Now`

var charge = durable.ActivityNamed[string, int]("charge")

func byPolicy(ctx *durable.Context) (int, error) {
	return charge.Call(ctx, "x", durable.Retry(policy))
}

func generic[T any](ctx *durable.Context, in T) (T, time.Time) {
	return in, time.Now() // want `generic: time.Now`
}

func usesGeneric(ctx *durable.Context) { generic[string](ctx, "x") }

type box[T any] struct{ v T }

func (b *box[T]) stamp() time.Time { return time.Now() } // want `usesBox -> box.stamp: time.Now`

func usesBox(ctx *durable.Context) time.Time { return (&box[int]{1}).stamp() }

// makes returns an orchestrator.
func makes(prefix string) func(*durable.Context, string) (string, error) {
	return func(ctx *durable.Context, in string) (string, error) {
		return prefix + in + time.Now().String(), nil // want `made: time.Now`
	}
}

var made = durable.OrchestratorNamed[string, string]("made")

// Functions binds it.
func Functions() []durable.Definition { return []durable.Definition{made.With(makes("x"))} }

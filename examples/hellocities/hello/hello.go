// Package hello greets cities.
package hello

import (
	"context"
	"errors"
	"fmt"

	"github.com/funchost/funchost/framework/durable"
)

// The functions of the app. SayHello greets one city; the orchestrators greet a
// list and return the greetings in its order.
var (
	SayHello     = durable.ActivityNamed[string, string]("say-hello")
	Cities       = durable.OrchestratorNamed[[]string, []string]("hello-cities")
	CitiesFanout = durable.OrchestratorNamed[[]string, []string]("hello-cities-fanout")
)

// Functions binds the handles to the code below.
func Functions() []durable.Definition {
	return []durable.Definition{
		SayHello.With(sayHello),
		Cities.With(greetInSequence),
		CitiesFanout.With(greetAtOnce),
	}
}

func sayHello(_ context.Context, city string) (string, error) {
	return fmt.Sprintf("Hello %s!", city), nil
}

// greetInSequence greets each city after the one before it has been greeted.
func greetInSequence(ctx *durable.Context, cities []string) ([]string, error) {
	if err := check(cities); err != nil {
		return nil, err
	}
	var greetings []string
	for _, city := range cities {
		greeting, err := SayHello.Call(ctx, city)
		if err != nil {
			return nil, err
		}
		greetings = append(greetings, greeting)
	}
	return greetings, nil
}

// greetAtOnce greets all cities at the same time.
func greetAtOnce(ctx *durable.Context, cities []string) ([]string, error) {
	if err := check(cities); err != nil {
		return nil, err
	}
	var greetings []durable.Future[string]
	for _, city := range cities {
		greetings = append(greetings, SayHello.Start(ctx, city))
	}
	return durable.All(ctx, greetings...)
}

// most is how many cities one request may name. Each is an activity in the history
// of the orchestration, and a history should stay small.
const most = 100

func check(cities []string) error {
	switch n := len(cities); {
	case n == 0:
		return errors.New(`no cities to greet: send a list such as ["Tokyo", "Lisbon"]`)
	case n > most:
		return fmt.Errorf("%d cities are too many: send at most %d", n, most)
	default:
		return nil
	}
}

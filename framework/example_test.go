package framework_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

// A whole program: two functions, one route.
func ExampleMain() { //nolint:testableexamples // a host runs until it is stopped
	hello := durable.NewActivity("hello", func(_ context.Context, city string) (string, error) {
		return "Hello " + city + "!", nil
	})
	tour := durable.NewOrchestrator("tour", func(ctx *durable.Context, cities []string) ([]string, error) {
		var greetings []durable.Future[string]
		for _, city := range cities {
			greetings = append(greetings, hello.Start(ctx, city))
		}
		return durable.All(ctx, greetings...)
	})

	app := framework.New("tour").Add(hello, tour)
	app.On(triggers.HTTP("POST /api/tour", tour))
	framework.Main(app)
}

// Mistakes are found before anything is started, all of them at once.
func ExampleApp_Run() {
	nightly := durable.NewOrchestrator("nightly", func(*durable.Context, durable.None) (durable.None, error) {
		return durable.None{}, nil
	})
	app := framework.New("reports", framework.Set("scheduler", "Endpoint=http://127.0.0.1:8080;Authentication=None"))
	app.On(triggers.HTTPFunc("GET /api/reports/{id}", http.NotFound))
	app.On(triggers.HTTPFunc("GET /api/reports/{name}", http.NotFound))
	app.Add(nightly)
	fmt.Println(app.Run(context.Background()))
	// Output:
	// trigger "GET /api/reports/{name}": its pattern "GET /api/reports/{name}" and "GET /api/reports/{id}" of trigger "GET /api/reports/{id}" match the same requests
	//   change one of them, or make it more specific
}

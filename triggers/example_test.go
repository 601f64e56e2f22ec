package triggers_test

import (
	"net/http"

	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

type Order struct {
	ID    string
	Cents int
}

var Process = durable.OrchestratorNamed[Order, string]("process-order")

// A request with an order as JSON starts an orchestration.
func ExampleHTTP() { //nolint:testableexamples // a host runs until it is stopped
	app := framework.New("orders")
	app.On(triggers.HTTP("POST /api/orders", Process))
	framework.Main(app)
}

// The instance id is the order's, so one order cannot be under way twice.
func ExampleID() { //nolint:testableexamples // a host runs until it is stopped
	id := triggers.ID(func(r *http.Request) string { return "order-" + r.PathValue("id") })
	app := framework.New("orders")
	app.On(triggers.HTTP("PUT /api/orders/{id}", Process, id))
	framework.Main(app)
}

// A plain handler decides for itself what to start and what to answer.
func ExampleHTTPFunc() { //nolint:testableexamples // a host runs until it is stopped
	buy := func(w http.ResponseWriter, r *http.Request) {
		order := Order{ID: r.FormValue("id"), Cents: 500}
		instance, err := Process.StartNew(r.Context(), framework.ClientFrom(r.Context()), order)
		if err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		framework.CheckStatus(w, r, instance.ID)
	}
	app := framework.New("orders").On(triggers.HTTPFunc("POST /buy", buy))
	framework.Main(app)
}

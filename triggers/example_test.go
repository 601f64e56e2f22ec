package triggers_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/funchost/funchost/dts"
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

// The report of each working day is started at six in the morning, in summer and
// in winter, by whichever host is there.
func ExampleCron() { //nolint:testableexamples // a host runs until it is stopped
	daily := durable.NewOrchestrator("daily-report", func(ctx *durable.Context, tick durable.Tick) (string, error) {
		return "report of " + tick.Due.Format(time.DateOnly), nil
	})
	app := framework.New("reports").Add(daily)
	app.On(triggers.Cron("0 6 * * MON-FRI", daily, triggers.TimeZone("Europe/Lisbon"), triggers.Missed(triggers.MissedAll)))
	framework.Main(app)
}

// A plain function is run as an activity.
func ExampleCronFunc() { //nolint:testableexamples // a host runs until it is stopped
	tidy := func(ctx context.Context, _ durable.Tick) error {
		_, err := framework.ClientFrom(ctx).PurgeAll(ctx, dts.Query{CreatedTo: time.Now().AddDate(0, -1, 0)})
		return err
	}
	framework.Main(framework.New("orders").On(triggers.CronFunc("@daily", tidy, triggers.Name("tidy-up"))))
}

// Two types of events start two orchestrators. One takes the data, the other the
// whole event.
func ExampleCloudEvents() { //nolint:testableexamples // a host runs until it is stopped
	audit := durable.OrchestratorNamed[durable.CloudEvent[Order], string]("audit")
	app := framework.New("orders").On(triggers.CloudEvents("/api/events",
		triggers.Match(Process, triggers.Type("order.placed"), triggers.Source("/shop")),
		triggers.Match(audit, triggers.Type("order.placed", "order.canceled")),
	))
	framework.Main(app)
}

// An error makes the sender try again.
func ExampleEventFunc() { //nolint:testableexamples // a host runs until it is stopped
	log := func(_ context.Context, e durable.CloudEvent[Order]) error {
		_, err := fmt.Println(e.Source, e.Data.ID)
		return err
	}
	framework.Main(framework.New("orders").On(triggers.EventFunc("/api/log", log)))
}

// A short orchestration is answered with its result.
func ExampleWait() { //nolint:testableexamples // a host runs until it is stopped
	app := framework.New("orders").On(triggers.HTTP("POST /api/orders", Process, triggers.Wait(10*time.Second)))
	framework.Main(app)
}

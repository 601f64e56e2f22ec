// Package report counts what was sold and sends it to people.
package report

import (
	"context"
	"log/slog"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// Period is the time that a report is about.
type Period struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Figures are what was sold in a period.
type Figures struct {
	Period Period `json:"period"`
	Orders int    `json:"orders"`
	Cents  int    `json:"cents"`
}

// The functions of the app. A handle is used wherever the function is called; its
// name is what is kept in the history, so it must not change.
var (
	Daily = durable.OrchestratorNamed[durable.Tick, Figures]("daily-report")
	Count = durable.ActivityNamed[Period, Figures]("count-orders")
	Send  = durable.ActivityNamed[Figures, durable.None]("send-report")
)

// Functions binds the handles to their code.
func Functions() []durable.Definition {
	return []durable.Definition{
		Daily.With(daily),
		Count.With(count),
		Send.With(send),
	}
}

// mailRetry is patient with a mail server that is being restarted.
var mailRetry = durable.RetryPolicy{Attempts: 5, First: time.Second, Factor: 2}

// daily reports on the day before the tick. It asks the tick for the time, not the
// clock: a tick that was missed while no host was there runs later.
func daily(ctx *durable.Context, tick durable.Tick) (Figures, error) {
	year, month, day := tick.Due.Date()
	midnight := time.Date(year, month, day, 0, 0, 0, 0, tick.Due.Location())
	figures, err := Count.Call(ctx, Period{From: midnight.AddDate(0, 0, -1), To: midnight})
	if err != nil {
		return Figures{}, err
	}
	_, err = Send.Call(ctx, figures, durable.Retry(mailRetry))
	return figures, err
}

// count is where your database comes in. An activity may do anything.
func count(ctx context.Context, p Period) (Figures, error) {
	slog.InfoContext(ctx, "orders counted", "from", p.From, "to", p.To)
	return Figures{Period: p, Orders: 3, Cents: 42_00}, nil
}

// send is where your mail server comes in. It may run twice, when its host is
// killed at the wrong moment: the period tells the second mail from a new one.
func send(ctx context.Context, f Figures) (durable.None, error) {
	slog.InfoContext(ctx, "report sent", "from", f.Period.From, "orders", f.Orders, "cents", f.Cents)
	return durable.None{}, nil
}

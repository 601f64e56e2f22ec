// Package saga books a trip: a hotel, a flight and the payment, all of them or
// none.
package saga

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// Trip is what somebody wants to book. Its id is what the other side knows a
// second call by: booking twice is booking once, and so is cancelling.
type Trip struct {
	ID    string `json:"id"`
	City  string `json:"city"`
	Cents int    `json:"cents"`
}

// The steps, and what undoes them.
var (
	BookTrip     = durable.OrchestratorNamed[Trip, string]("book-trip")
	BookHotel    = durable.ActivityNamed[Trip, durable.None]("book-hotel")
	CancelHotel  = durable.ActivityNamed[Trip, durable.None]("cancel-hotel")
	BookFlight   = durable.ActivityNamed[Trip, durable.None]("book-flight")
	CancelFlight = durable.ActivityNamed[Trip, durable.None]("cancel-flight")
	Pay          = durable.ActivityNamed[Trip, durable.None]("pay-trip")
)

// Functions binds the handles to the code below.
func Functions() []durable.Definition {
	return []durable.Definition{
		BookTrip.With(bookTrip), BookHotel.With(call("hotel booked")), CancelHotel.With(call("hotel cancelled")),
		BookFlight.With(call("flight booked")), CancelFlight.With(call("flight cancelled")), Pay.With(pay),
	}
}

// retry is for steps and for what undoes them: a provider may be away for minutes.
var retry = durable.Retry(durable.RetryPolicy{Attempts: 6, First: time.Second, Factor: 4})

func bookTrip(ctx *durable.Context, trip Trip) (string, error) {
	return durable.RunSaga(ctx, func(s *durable.Saga) (string, error) {
		// What undoes a step is registered before it: one that fails may have
		// happened nevertheless.
		CancelHotel.Compensate(ctx, s, trip, retry)
		if _, err := BookHotel.Call(ctx, trip, retry, durable.Timeout(time.Minute)); err != nil {
			return "", err
		}
		CancelFlight.Compensate(ctx, s, trip, retry)
		if _, err := BookFlight.Call(ctx, trip, retry, durable.Timeout(time.Minute)); err != nil {
			return "", err
		}
		if err := ctx.Err(); err != nil { // the last moment to change one's mind
			return "", err
		}
		if _, err := Pay.Call(ctx, trip, retry); err != nil {
			return "", err
		}
		return "have a nice time in " + trip.City, nil
	})
}

// call is where the hotel and the airline come in.
func call(what string) func(context.Context, Trip) (durable.None, error) {
	return func(ctx context.Context, trip Trip) (durable.None, error) {
		slog.InfoContext(ctx, what, "trip", trip.ID, "city", trip.City)
		return durable.None{}, nil
	}
}

const limit = 1000_00 // of the card

func pay(ctx context.Context, trip Trip) (durable.None, error) {
	if trip.Cents > limit {
		return durable.None{}, durable.Permanent(fmt.Errorf("%d cents are more than the card has", trip.Cents))
	}
	return call("paid")(ctx, trip)
}

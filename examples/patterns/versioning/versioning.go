// Package versioning changes an orchestrator while instances of it are under way:
// a large change with a version, a small one with a patch.
package versioning

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// The functions. Trial is a month for nothing, after which the customer pays.
var (
	Trial  = durable.OrchestratorNamed[string, string]("trial")
	Tell   = durable.ActivityNamed[Mail, durable.None]("tell-customer")
	Charge = durable.ActivityNamed[string, durable.None]("charge-customer")
	Stay   = durable.NewEvent[bool]("stay")
)

// Mail is what a customer is told.
type Mail struct{ To, Text string }

// Current is the trial that new customers get.
var Current = Trial.WithVersion("2", ask)

// Functions has both trials. The first one can go when nobody is in it any more:
// funchost verify tells.
func Functions() []durable.Definition {
	return []durable.Definition{Trial.With(assume), Current, Tell.With(tell), Charge.With(charge)}
}

const month = 30 * 24 * time.Hour

// assume is the trial of the first customers: whoever says nothing pays. They were
// promised that, so it stays for them. The reminder was added while some of them
// were in it: who began before it was there goes the old way to the end.
func assume(ctx *durable.Context, customer string) (string, error) {
	if ctx.Patched("remind") {
		ctx.Sleep(month - 24*time.Hour)
		if _, err := Tell.Call(ctx, Mail{customer, "your trial ends tomorrow"}); err != nil {
			return "", err
		}
		ctx.Sleep(24 * time.Hour)
	} else {
		ctx.Sleep(month)
	}
	_, err := Charge.Call(ctx, customer)
	return "customer", err
}

// ask is version 2: who wants to stay says so.
func ask(ctx *durable.Context, customer string) (string, error) {
	if _, err := Tell.Call(ctx, Mail{customer, "do you want to stay?"}); err != nil {
		return "", err
	}
	stay, err := Stay.Wait(ctx, month)
	if errors.Is(err, durable.ErrTimeout) || err == nil && !stay {
		return "gone", nil
	}
	if err == nil {
		_, err = Charge.Call(ctx, customer)
	}
	return "customer", err
}

func tell(ctx context.Context, m Mail) (durable.None, error) {
	slog.InfoContext(ctx, "mail", "to", m.To, "text", m.Text)
	return durable.None{}, nil
}

func charge(ctx context.Context, customer string) (durable.None, error) {
	slog.InfoContext(ctx, "charged", "customer", customer)
	return durable.None{}, nil
}

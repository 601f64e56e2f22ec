// Package approval has purchases approved by people: by the team, then by the
// boss, then not at all.
package approval

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

// Purchase is what somebody wants to buy, and who is asked.
type Purchase struct{ What, Ask string }

// Decision is what a person says to it, or "nobody" when the time is up.
type Decision struct {
	By      string `json:"by"`
	Granted bool   `json:"granted"`
}

// The functions, and the event that people raise.
var (
	Approve = durable.OrchestratorNamed[Purchase, Decision]("approve-purchase")
	Ask     = durable.ActivityNamed[Purchase, durable.None]("ask-for-decision")
	Decided = durable.NewEvent[Decision]("decided")
)

// Functions binds the handles to the code below.
func Functions() []durable.Definition {
	return []durable.Definition{Approve.With(approve), Ask.With(ask)}
}

// Routes start a purchase and take the decision.
func Routes() []framework.Trigger {
	return []framework.Trigger{
		triggers.HTTP("POST /api/purchases", Approve),
		triggers.HTTPFunc("POST /api/purchases/{id}/decision", decide),
	}
}

// patience is how long each of them may think.
const patience = 24 * time.Hour

func approve(ctx *durable.Context, p Purchase) (Decision, error) {
	for _, p.Ask = range []string{"team", "boss"} {
		if _, err := Ask.Call(ctx, p, durable.Retry(durable.RetryPolicy{Attempts: 5, Factor: 2})); err != nil {
			return Decision{}, err
		}
		ctx.SetStatus("waiting for the " + p.Ask)
		decision, err := Decided.Wait(ctx, patience)
		if !errors.Is(err, durable.ErrTimeout) {
			return decision, err
		}
	}
	return Decision{By: "nobody"}, nil
}

// ask is where your mail or chat comes in.
func ask(ctx context.Context, p Purchase) (durable.None, error) {
	slog.InfoContext(ctx, "may we buy it?", "what", p.What, "to", p.Ask)
	return durable.None{}, nil
}

// decide is where the link in the mail leads to. Behind a login, By is who is
// logged in.
func decide(w http.ResponseWriter, r *http.Request) {
	var d Decision
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&d); err != nil {
		http.Error(w, `send {"by":"ana","granted":true}`, http.StatusBadRequest)
		return
	}
	switch err := Decided.Raise(r.Context(), framework.ClientFrom(r.Context()), r.PathValue("id"), d); {
	case errors.Is(err, dts.ErrNotFound):
		http.Error(w, "no such purchase", http.StatusNotFound)
	case err != nil:
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

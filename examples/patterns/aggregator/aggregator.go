// Package aggregator sums up what meters report, each meter in an entity.
package aggregator

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

// Meter is the state of one meter: how many readings, the number of the last, and
// their watts.
type Meter struct{ Readings, Last, Sum, Peak int }

// Reading is what a meter reports. The numbers of its readings rise.
type Reading struct {
	Number int `json:"number"`
	Watts  int `json:"watts"`
}

// The meters, and what can be done to one.
var (
	Meters = durable.NewEntity[Meter]("meter")
	Record = durable.OperationNamed[Reading, durable.None](Meters, "record")
)

// Functions binds the operation to its method.
func Functions() []durable.Definition {
	return []durable.Definition{Meters.With(Record.With((*Meter).record))}
}

// Routes take readings and show what has become of them.
func Routes() []framework.Trigger {
	return []framework.Trigger{
		triggers.HTTPFunc("POST /api/meters/{meter}", report),
		triggers.HTTPFunc("GET /api/meters/{meter}", show),
	}
}

// record runs for one reading of a meter at a time, so it needs no lock.
func (m *Meter) record(_ *durable.EntityContext, r Reading) (durable.None, error) {
	if r.Number <= m.Last { // it came twice
		return durable.None{}, nil
	}
	if r.Watts < 0 {
		return durable.None{}, fmt.Errorf("reading %d is %d watts", r.Number, r.Watts)
	}
	m.Readings, m.Last = m.Readings+1, r.Number
	m.Sum, m.Peak = m.Sum+r.Watts, max(m.Peak, r.Watts)
	return durable.None{}, nil
}

func report(w http.ResponseWriter, r *http.Request) {
	var in Reading
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&in)
	if err != nil || in.Number < 1 {
		http.Error(w, `send {"number":1,"watts":40}`, http.StatusBadRequest)
		return
	}
	answer(w, r, http.StatusAccepted, in, Record.Send(r.Context(), framework.ClientFrom(r.Context()), r.PathValue("meter"), in))
}

func show(w http.ResponseWriter, r *http.Request) {
	meter, ok, err := Meters.State(r.Context(), framework.ClientFrom(r.Context()), r.PathValue("meter"))
	if err == nil && !ok {
		err = dts.ErrNotFound
	}
	answer(w, r, http.StatusOK, meter, err)
}

func answer(w http.ResponseWriter, r *http.Request, status int, v any, err error) {
	switch {
	case errors.Is(err, dts.ErrNotFound), errors.Is(err, dts.ErrInvalid):
		http.Error(w, "no such meter", http.StatusNotFound)
	case err != nil:
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(v); err != nil {
			slog.InfoContext(r.Context(), "the caller is gone", "error", err)
		}
	}
}

// Package asynchttp counts primes, which takes longer than a request should last:
// the answer is a promise, and another route tells how far it is.
package asynchttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

// Range is the numbers from From up to, but not including, To.
type Range struct{ From, To int }

// Count is how far one is, as the route shows it.
type Count struct {
	Status   string          `json:"status"`
	Progress json.RawMessage `json:"progress"`
	Result   json.RawMessage `json:"result,omitempty"`
}

// The functions: all primes below a number, and those of a range.
var (
	CountPrimes  = durable.OrchestratorNamed[int, int]("count-primes")
	CountInRange = durable.ActivityNamed[Range, int]("count-primes-in-range")
)

// Functions binds the handles to the code below.
func Functions() []durable.Definition {
	return []durable.Definition{CountPrimes.With(countPrimes), CountInRange.With(countInRange)}
}

// Routes start a count, with the result as answer if it takes less than a second,
// and show how far one is.
func Routes() []framework.Trigger {
	return []framework.Trigger{
		triggers.HTTP("POST /api/primes", CountPrimes, triggers.Wait(time.Second)),
		triggers.HTTPFunc("GET /api/primes/{id}", show),
	}
}

const most, step = 10_000_000, 100_000

func countPrimes(ctx *durable.Context, below int) (primes int, err error) {
	if below > most {
		return 0, fmt.Errorf("%d is too much: at most %d", below, most)
	}
	for from := 0; from < below; from += step {
		ctx.SetStatus(fmt.Sprintf("%d%%", 100*from/below))
		n, err := CountInRange.Call(ctx, Range{from, min(from+step, below)})
		if err != nil {
			return 0, err
		}
		primes += n
	}
	ctx.SetStatus("100%")
	return primes, nil
}

func countInRange(ctx context.Context, r Range) (primes int, err error) {
	for n := r.From; n < r.To && ctx.Err() == nil; n++ {
		if big.NewInt(int64(n)).ProbablyPrime(0) { // which is exact for numbers of this size
			primes++
		}
	}
	return primes, ctx.Err()
}

// show answers with the progress and, at the end, the result.
func show(w http.ResponseWriter, r *http.Request) {
	in, err := framework.ClientFrom(r.Context()).Instance(r.Context(), r.PathValue("id"))
	switch {
	case errors.Is(err, dts.ErrNotFound) || err == nil && in.Name != CountPrimes.Name():
		http.Error(w, "no such count", http.StatusNotFound)
	case err != nil:
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(Count{in.Status.String(), in.CustomStatus, in.Output}); err != nil {
			slog.InfoContext(r.Context(), "the caller is gone", "error", err)
		}
	}
}

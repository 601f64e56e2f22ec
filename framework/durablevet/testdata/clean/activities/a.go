// Package activities may do anything in activities, however close they are to an
// orchestrator.
package activities

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

var (
	fetch   = durable.ActivityNamed[string, int]("fetch")
	now     = durable.NewActivity("now", func(context.Context, durable.None) (time.Time, error) { return time.Now(), nil })
	draw    = durable.NewActivity("draw", func(context.Context, int) (int, error) { return rand.Int(), nil })
	process = durable.OrchestratorNamed[string, int]("process")
)

// Functions binds them, one to a literal.
func Functions() []durable.Definition {
	return []durable.Definition{
		fetch.With(func(ctx context.Context, url string) (int, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return 0, err
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return 0, err
			}
			fmt.Fprintln(os.Stderr, "fetched")
			slog.Info("fetched")
			return resp.StatusCode, resp.Body.Close()
		}),
		now, draw,
		process.With(run),
	}
}

var (
	mu    sync.Mutex
	count int
)

// Count is for a handler, not for an orchestrator.
func Count() int {
	mu.Lock()
	defer mu.Unlock()
	count++
	return count
}

func run(ctx *durable.Context, url string) (int, error) {
	at, err := now.Call(ctx, durable.None{})
	if err != nil || at.After(ctx.Now()) {
		return 0, err
	}
	n, err := draw.Call(ctx, 6)
	if err != nil {
		return n, err
	}
	return fetch.Call(ctx, url)
}

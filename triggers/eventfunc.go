package triggers

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// functionPatience is how long the function of an [EventFunc] may take. Load
// balancers cut the sender's connection off soon after.
const functionPatience = 230 * time.Second

func functionContext(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), functionPatience)
}

// handleEvent calls a user's function. It runs on a goroutine of its own, where a
// panic that is not caught here would end the host.
func handleEvent[T any](ctx context.Context, fn func(context.Context, durable.CloudEvent[T]) error, e durable.CloudEvent[T]) (err error) {
	defer func() {
		if what := recover(); what != nil {
			err = &unhandledError{fmt.Errorf("panic: %v", what), string(debug.Stack())}
		}
	}()
	if err := fn(ctx, e); err != nil {
		return &unhandledError{err, ""}
	}
	return nil
}

// unhandledError is what a function of an [EventFunc] has returned, or where it
// panicked.
type unhandledError struct {
	error

	stack string // empty without a panic
}

func (e *unhandledError) Unwrap() error { return e.error }

func (e *unhandledError) log(logger *slog.Logger, path string) {
	if e.stack != "" {
		logger.Error("the function for an event panicked", "trigger", path, "error", e.error, "stack", e.stack)
		return
	}
	logger.Info("an event was not handled", "trigger", path, "error", e.error)
}

// Package middleware measures calls.
package middleware

import (
	"context"
	"log/slog"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// Timing logs how long activities take.
func Timing(next durable.Handler) durable.Handler {
	return func(ctx context.Context, call *durable.Call) ([]byte, error) {
		began := time.Now()
		out, err := next(ctx, call)
		if call.Kind == durable.KindActivity {
			slog.Info("activity", "name", call.Name, "took", time.Since(began))
		}
		return out, err
	}
}

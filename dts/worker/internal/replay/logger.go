package replay

import (
	"context"
	"log/slog"
)

// Keys of log records.
const (
	keyInstance     = "instance"
	keyOrchestrator = "orchestrator"
)

// Logger returns a logger that is silent while replaying.
func (t *Turn) Logger() *slog.Logger {
	t.guard("Context.Logger")
	if t.logger == nil {
		t.logger = slog.New(quiet{t.config.Logger.Handler(), t}).With(keyInstance, t.instanceID, keyOrchestrator, t.started.GetName())
	}
	return t.logger
}

// warn says something about the history, once.
func (t *Turn) warn(msg string, args ...any) {
	if !t.Replaying() {
		t.config.Logger.With(keyInstance, t.instanceID, keyOrchestrator, t.started.GetName()).Warn(msg, args...)
	}
}

// quiet is a handler that drops what an earlier turn has already said.
type quiet struct {
	slog.Handler
	turn *Turn
}

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return !q.turn.Replaying() && q.Handler.Enabled(ctx, l)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(attrs), q.turn}
}

func (q quiet) WithGroup(name string) slog.Handler {
	return quiet{q.Handler.WithGroup(name), q.turn}
}

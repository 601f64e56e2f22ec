// Package logging logs as orchestrators should.
package logging

import (
	"context"
	"log/slog"

	"github.com/funchost/funchost/framework/durable"
)

func run(ctx *durable.Context, in string) (string, error) {
	log := ctx.Logger().With("in", in)
	log.Info("began")
	log.LogAttrs(context.Background(), slog.LevelInfo, "goes on", slog.String("in", in))
	step(log)
	return in, nil
}

func step(log *slog.Logger) { log.Warn("step") }

// Package testonly is changed by its test only.
package testonly

import (
	"time"

	"github.com/funchost/funchost/framework/durable"
)

var patience = time.Hour

func run(ctx *durable.Context, _ durable.None) (durable.None, error) {
	ctx.Sleep(patience)
	return durable.None{}, nil
}

package testonly

import (
	"testing"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

func TestRun(t *testing.T) {
	patience = time.Second
	runs := make(chan int, 1)
	_ = durable.NewOrchestrator("spied on", func(ctx *durable.Context, in durable.None) (durable.None, error) {
		runs <- 1
		t.Log(time.Now())
		return run(ctx, in)
	})
}

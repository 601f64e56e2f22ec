package main

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/examples/patterns/chaining"
	"github.com/funchost/funchost/examples/patterns/versioning"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAllPatternsAreServedByOneApp(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		id := e.Post("/api/statements", `"rent -90000"`).ID()
		if got, want := durabletest.Instance(e, chaining.MakeStatement, id).Result(), "1 bookings, balance -900.00"; got != want {
			e.Errorf("got %q, want %q", got, want)
		}
		id = e.Post("/api/trials", `"ben"`).ID()
		if got := durabletest.Instance(e, versioning.Current, id).State().Version; got != "2" {
			e.Errorf("a new trial has version %q, want 2", got)
		}
	})
}

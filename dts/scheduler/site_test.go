package scheduler_test

import (
	"context"
	"testing"
	"time"

	"github.com/funchost/funchost/dts/dtstest"
)

// site is a hub with its clients and workers. Sites of one scheduler have nothing
// to do with each other, although their instances and entities have the same ids:
// each is held against a ledger of its own.
type site struct {
	*drivers

	t       *testing.T
	s       *dtstest.Scheduler
	hub     string
	seen    *items
	workers []*eye
}

func newSite(ctx context.Context, t *testing.T, s *dtstest.Scheduler, hub string, p pace) *site {
	t.Helper()
	return &site{
		drivers: &drivers{ctx: ctx, client: s.Connect(hub), ledger: newLedger(t), stop: make(chan struct{}), pace: p},
		t:       t, s: s, hub: hub, seen: newItems(),
	}
}

// hire starts a worker, which works until the test ends if nothing happens to it.
func (x *site) hire() *eye {
	x.t.Helper()
	e := newEye(x.s.Conn(), x.ledger, x.seen)
	e.run(x.t, x.s, x.hub)
	x.workers = append(x.workers, e)
	return e
}

// worldTime is how long a world may take before what has not ended never will.
const worldTime = 48 * time.Hour

package store

import (
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// compactions lets none begin before the engine is open: one that fails to open
// frees what a compaction needs that runs already, and the process panics.
type compactions struct {
	*pebble.ConcurrencyLimitScheduler

	opened atomic.Bool
}

// newCompactions returns a scheduler for one engine. It runs one compaction at a
// time, so nothing can be gained by looking every 100 ms whether there could be more,
// which virtual time would pay for.
func newCompactions() *compactions {
	return &compactions{ConcurrencyLimitScheduler: pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()}
}

// open lets them begin.
func (c *compactions) open() {
	c.opened.Store(true)
	c.UpdateGetAllowedWithoutPermission()
}

// Register is called by the engine while it opens.
func (c *compactions) Register(goroutines int, db pebble.DBForCompaction) {
	c.ConcurrencyLimitScheduler.Register(goroutines, &opening{db, &c.opened})
}

// opening is an engine that may not be open yet.
type opening struct {
	pebble.DBForCompaction

	opened *atomic.Bool
}

// GetAllowedWithoutPermission returns how many compactions may run.
func (o *opening) GetAllowedWithoutPermission() int {
	if !o.opened.Load() {
		return 0
	}
	return o.DBForCompaction.GetAllowedWithoutPermission()
}

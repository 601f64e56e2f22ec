// Package linked is the seam between the host and a scheduler in the same
// binary. The scheduler is not free, so the host does not import it: package
// embedded does, and registers it here.
package linked

import (
	"log/slog"

	"google.golang.org/grpc"

	"github.com/funchost/funchost/framework/internal/lifecycle"
)

// Config says which scheduler to open.
type Config struct {
	Dir       string // where state is kept; empty keeps nothing
	Retention string // how long what has ended is kept, as in 30d,failed=90d; empty is the default
	Logger    *slog.Logger
}

// Scheduler opens its store when it is run. Conn works before that: calls fail
// as unavailable until the runner is ready.
type Scheduler interface {
	lifecycle.Runner
	Conn() grpc.ClientConnInterface
}

// open is written once, by the init of package embedded, before main begins.
var open func(Config) Scheduler

// Register makes a scheduler available. It is called from an init function.
func Register(f func(Config) Scheduler) { open = f }

// Present reports whether the binary has a scheduler.
func Present() bool { return open != nil }

// New returns the scheduler. It must be [Present].
func New(c Config) Scheduler { return open(c) }

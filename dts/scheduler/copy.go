package scheduler

import (
	"github.com/funchost/funchost/dts/internal/disk"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// Copy copies the data directory of a server that does not run into a directory that
// is not there yet. It is how to look at the data without changing it: a server makes
// timers due and removes what has been kept long enough.
func Copy(from, to string) error { return store.Copy(disk.Real(), from, to) }

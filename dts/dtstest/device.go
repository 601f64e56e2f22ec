package dtstest

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/funchost/funchost/dts/internal/disk"
)

// device stands between a scheduler and its crashable disk: it takes its time
// to sync, and it can lose power in the middle of something.
type device struct {
	disk *disk.FS

	mu      sync.Mutex // guards what follows
	rng     *rand.Rand
	latency time.Duration // a sync of the log takes up to this long
	off     bool          // nobody waits for the disk any more
	cut     int           // the change before which the power is cut; 0 is never
	changes int           // so far
	image   *disk.FS      // what that cut left
}

// fs returns the disk as a scheduler sees it.
func (d *device) fs() *disk.FS { return disk.On(errorfs.Wrap(d.disk.VFS(), d)) }

// lost returns what the cut has left, nil if its moment did not come, and cuts no
// more.
func (d *device) lost() *disk.FS {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = 0
	return d.image
}

// hurry makes the disk as fast as memory.
func (d *device) hurry() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
}

// MaybeError is called before every operation on the disk.
func (d *device) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
		time.Sleep(d.before(op))
	}
	return nil
}

// String is how the device shows in traces of the file system.
func (d *device) String() string { return "dtstest device" }

// before returns how long a change to the disk has to wait.
func (d *device) before(op errorfs.Op) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changes++; d.changes == d.cut {
		d.image = d.disk.Cut(d.rng, d.rng.IntN(101))
	}
	if d.off || d.latency == 0 || !d.slow(op) {
		return 0
	}
	return 1 + time.Duration(d.rng.Int64N(int64(d.latency)))
}

// slowLog is the size up to which the log is slow. Beyond, the storage engine
// may soon wait for a sync under a lock, and in a bubble time does not move while
// somebody waits for a lock.
const slowLog = 64 << 10

// slow reports whether op is a sync of the log.
func (d *device) slow(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
	default:
		return false
	}
	if !strings.HasSuffix(op.Path, ".log") {
		return false
	}
	info, err := d.disk.VFS().Stat(op.Path)
	return err == nil && info.Size() <= slowLog
}

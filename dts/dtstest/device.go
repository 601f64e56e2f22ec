package dtstest

import (
	"errors"
	"math/rand/v2"
	"path"
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
	failure failure
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
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.failure.meet(op)
	}
	pause, err := d.before(op)
	time.Sleep(pause)
	return err
}

// String is how the device shows in traces of the file system.
func (d *device) String() string { return "dtstest device" }

// before does what comes before a change to the disk and returns how long that
// change has to wait.
func (d *device) before(op errorfs.Op) (pause time.Duration, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changes++; d.changes == d.cut {
		d.image = d.disk.Cut(d.rng, d.rng.IntN(101))
	}
	if err := d.failure.meet(op); err != nil {
		return 0, err
	}
	if !isSync(op) {
		return 0, nil
	}
	if strings.HasPrefix(path.Base(op.Path), "MANIFEST-") {
		err = d.keepNames(path.Dir(op.Path))
	}
	if d.latency > 0 && !d.off && d.mayWait(op.Path) {
		pause = 1 + time.Duration(d.rng.Int64N(int64(d.latency)))
	}
	return pause, err
}

func isSync(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		return true
	default:
		return false
	}
}

// keepNames makes the names in a directory durable. The storage engine creates a
// manifest, syncs it, creates the marker that names it, and syncs the directory
// once for both: it counts on a file that was synced to keep its name, as the
// journals of all our file systems see to. The memory does not.
func (d *device) keepNames(dir string) error {
	f, err := d.disk.VFS().OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// slowLog is the size up to which the log is slow. Beyond, the storage engine
// may soon wait for a sync under a lock, and in a bubble time does not move while
// somebody waits for a lock.
const slowLog = 64 << 10

// mayWait reports whether the file is a log whose sync may take time.
func (d *device) mayWait(name string) bool {
	if path.Ext(name) != ".log" {
		return false
	}
	info, err := d.disk.VFS().Stat(name)
	return err == nil && info.Size() <= slowLog
}

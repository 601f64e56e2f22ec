// Package disk has the file systems that a scheduler's store can live on: the
// machine's, memory, and a memory that can lose power.
package disk

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is a file system. Use one of the constructors; the zero value is not usable.
type FS struct {
	fs   vfs.FS
	mem  *vfs.MemFS // set where the power can be cut
	real bool
}

// Real returns the file system of the machine. What it makes is the
// owner's alone.
func Real() *FS { return &FS{fs: private{vfs.Default}, real: true} }

// private makes what only the owner can read: it holds payloads.
type private struct{ vfs.FS }

// MkdirAll makes a directory, and those above that are missing.
func (p private) MkdirAll(dir string, _ os.FileMode) error { return p.FS.MkdirAll(dir, 0o700) }

// Create makes or empties a file.
func (p private) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := p.FS.Create(name, category)
	if err == nil {
		if err = os.Chmod(name, 0o600); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, err
}

// Lock makes a lock file if there is none and takes its lock.
func (p private) Lock(name string) (io.Closer, error) {
	lock, err := p.FS.Lock(name)
	if err != nil {
		if _, ofSystem := errors.AsType[syscall.Errno](err); !ofSystem {
			err = errors.Join(os.ErrExist, err) // this process has it
		}
		return nil, err
	}
	if err = os.Chmod(name, 0o600); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// Memory returns an empty file system that is gone with the process.
func Memory() *FS { return &FS{fs: vfs.NewMem()} }

// Crashable returns an empty file system in memory that knows what was synced,
// so that [FS.Cut] can tell what a power cut leaves.
func Crashable() *FS {
	mem := vfs.NewCrashableMem()
	return &FS{fs: mem, mem: mem}
}

// On returns fs as a file system for a store. It is for tests that put faults
// between the store and its disk.
func On(fs vfs.FS) *FS { return &FS{fs: fs} }

// Cut returns what a power cut at this moment would leave: all that was synced,
// and of the rest each block with a chance of survive percent, drawn from rng.
// The file system itself goes on. It panics unless f came from [Crashable] or Cut.
func (f *FS) Cut(rng *rand.Rand, survive int) *FS {
	if f.mem == nil {
		panic("BUG: power cut on a file system that is not crashable")
	}
	mem := f.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: survive, RNG: rng})
	return &FS{fs: mem, mem: mem}
}

// InMemory reports whether the files live in the process only.
func (f *FS) InMemory() bool { return !f.real }

// VFS returns the file system as the storage engine takes it.
func (f *FS) VFS() vfs.FS { return f.fs }

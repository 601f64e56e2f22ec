// Package disk has the file systems that a scheduler's store can live on: the
// machine's, memory, and a memory that can lose power.
package disk

import (
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is a file system. Use one of the constructors; the zero value is not usable.
type FS struct {
	fs  vfs.FS
	mem *vfs.MemFS // set where the power can be cut
}

// Real returns the file system of the machine.
func Real() *FS { return &FS{fs: vfs.Default} }

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
func (f *FS) InMemory() bool { return f.fs != vfs.Default }

// VFS returns the file system as the storage engine takes it.
func (f *FS) VFS() vfs.FS { return f.fs }

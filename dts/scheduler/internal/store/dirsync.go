package store

import (
	"runtime"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// dirSync is a file system on which a directory that cannot be synced fails the
// store and ends the goroutine that met it. The engine would panic, and the process
// end without a word of ours.
type dirSync struct {
	vfs.FS

	fail func(error)
}

// OpenDir opens a directory.
func (d dirSync) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &syncedDir{f, d.fail}, nil
}

type syncedDir struct {
	vfs.File

	fail func(error)
}

// Sync makes the names in the directory durable.
func (f *syncedDir) Sync() error {
	if err := f.File.Sync(); err != nil {
		f.fail(err)
		runtime.Goexit()
	}
	return nil
}

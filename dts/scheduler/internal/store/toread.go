package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/funchost/funchost/dts/scheduler/internal/meter"
)

// OpenToRead takes hold of a directory without changing what is in it. The store
// that it returns can only be read. It fails where there is no directory.
func OpenToRead(o Options) (*Store, error) {
	fs := o.Disk.VFS()
	if err := isData(fs, o.Dir); err != nil {
		return nil, err
	}
	lock, err := lockDirectory(fs, o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{log: o.Log, meter: meter.None(), done: make(chan struct{}), failure: make(chan struct{}), pending: make(chan *Commit)}
	s.last = s.newCommit(nil, nil)
	close(s.last.done)
	opts := &pebble.Options{
		FS: fs, Lock: lock, ReadOnly: true, FormatMajorVersion: pebble.FormatNewest,
		Logger:        (*logger)(s),
		EventListener: &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}}, // whoever reads is told
	}
	opts.Experimental.CompactionScheduler = newCompactions()
	if s.db, err = pebble.Open(o.Dir, opts); err != nil {
		return nil, errors.Join(fmt.Errorf("open data directory %q: %w", o.Dir, err), lock.Close())
	}
	go s.sync()
	return s, lock.Close()
}

// isData refuses what no release of ours, or a later one, has made.
func isData(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err != nil {
		return fmt.Errorf("open data directory %q: %w", dir, err)
	}
	marker, value, err := atomicfs.LocateMarker(fs, dir, formatMarker)
	if err == nil {
		err = marker.Close()
	}
	switch {
	case err != nil:
		return fmt.Errorf("open data directory %q: %w", dir, err)
	case value == "":
		return fmt.Errorf("open data directory %q: it holds no data of a scheduler", dir)
	}
	if err := checkFormat(fs, dir); err != nil { // which writes only where there is no marker
		return fmt.Errorf("open data directory %q: %w", dir, err)
	}
	return nil
}

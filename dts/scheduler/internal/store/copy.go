package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/funchost/funchost/dts/internal/disk"
)

// Copy copies a data directory that no server uses into another, which must not be
// there. What it copies from stays as it is.
func Copy(d *disk.FS, from, to string) (err error) {
	fs := d.VFS()
	defer func() {
		if err != nil {
			err = fmt.Errorf("copy data directory %q: %w", from, err)
		}
	}()
	marker, value, err := atomicfs.LocateMarker(fs, from, formatMarker)
	if err != nil {
		return err
	}
	if err := marker.Close(); err != nil {
		return err
	}
	if value == "" {
		return errors.New("there is no data of a scheduler in it")
	}
	lock, err := lockDirectory(fs, from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	_, err = vfs.Clone(fs, fs, from, to)
	return err
}

package store

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/funchost/funchost/dts/internal/disk"
)

// Backup makes a directory on d, the disk of the store, that holds all that was on
// disk when it was called, and perhaps some of what came after. It can be opened
// like the store's own. Files that do not change any more are shared where the
// disk can do that. The store goes on meanwhile.
//
// The directory is there with all its contents or not at all.
func (s *Store) Backup(d *disk.FS, to string) error {
	err := apart(s.dir, to)
	if err == nil {
		err = whole(d.VFS(), to, func(part string) error { return s.backup(d.VFS(), part) })
	}
	if err != nil {
		return fmt.Errorf("back up to %q: %w", to, err)
	}
	return nil
}

func (s *Store) backup(fs vfs.FS, to string) error {
	if err := s.Err(); err != nil {
		return err
	}
	if err := s.db.Checkpoint(to, pebble.WithFlushedWAL()); err != nil {
		return err
	}
	marker, _, err := atomicfs.LocateMarker(fs, to, formatMarker)
	if err != nil {
		return err
	}
	return errors.Join(marker.Move(strconv.Itoa(Format)), marker.Close())
}

// unfinished ends the name of a directory that is being made.
const unfinished = ".unfinished"

// whole makes a directory with all its contents, or none.
func whole(fs vfs.FS, dir string, fill func(part string) error) error {
	if _, err := fs.Stat(dir); err == nil {
		return errors.New("it is there already: choose a folder that is not")
	}
	part := dir + unfinished
	if _, err := fs.Stat(part); err == nil {
		return fmt.Errorf("%q is left of an attempt that was cut off: remove it", part)
	}
	err := fill(part)
	if err == nil {
		err = rename(fs, part, dir)
	}
	if err != nil {
		return errors.Join(err, fs.RemoveAll(part))
	}
	return nil
}

// rename gives a directory its name, for good.
func rename(fs vfs.FS, from, to string) error {
	if err := fs.Rename(from, to); err != nil {
		return err
	}
	parent, err := fs.OpenDir(fs.PathDir(to))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

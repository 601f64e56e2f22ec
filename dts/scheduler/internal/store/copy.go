package store

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/funchost/funchost/dts/internal/disk"
)

// Copy copies a data directory that no server uses into another, which must not be
// there: whole, on disk and in a form that can be opened, or not at all. What it
// copies from stays as it is.
func Copy(d *disk.FS, from, to string) error {
	if err := apart(from, to); err != nil {
		return fmt.Errorf("copy data directory %q to %q: %w", from, to, err)
	}
	s, err := OpenToRead(Options{Dir: from, Disk: d, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	err = whole(d.VFS(), to, func(part string) error { return copyFiles(d.VFS(), from, part) })
	if err = errors.Join(err, s.Close()); err != nil {
		return fmt.Errorf("copy data directory %q to %q: %w", from, to, err)
	}
	return nil
}

// adminFile says how to talk to the process that serves a directory. The command
// line writes it, and a process that was killed leaves it, with a token.
const adminFile = "admin.json"

// copyFiles copies the files of a directory, but for those of the process that
// serves it, and syncs them.
func copyFiles(fs vfs.FS, from, to string) error {
	if err := fs.MkdirAll(to, 0o700); err != nil {
		return err
	}
	names, err := fs.List(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == "LOCK" || name == adminFile {
			continue
		}
		if err := vfs.Copy(fs, fs.PathJoin(from, name), fs.PathJoin(to, name)); err != nil {
			return err
		}
	}
	made, err := fs.OpenDir(to)
	if err != nil {
		return err
	}
	return errors.Join(made.Sync(), made.Close())
}

package store

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
)

// Format is the number of the layout of keys and records. A directory with a
// higher number is refused untouched.
const Format = 1

// formatMarker is the name of the file whose name ends with the format. It can be
// read before the storage engine is opened, which writes as soon as it is.
const formatMarker = "funchost"

// ErrInUse tells that another process holds a directory.
var ErrInUse = errors.New("in use by another process")

// lockDirectory takes hold of a directory for this process.
func lockDirectory(fs vfs.FS, dir string) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fs)
	if err == nil {
		return lock, nil
	}
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) || errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("data directory %q is %w: stop it, or choose another directory", dir, ErrInUse)
	}
	return nil, fmt.Errorf("lock data directory %q, which one server at a time can use: %w", dir, err)
}

// checkFormat refuses a directory of a later release, and marks a new one.
func checkFormat(fs vfs.FS, dir string) (err error) {
	marker, value, err := atomicfs.LocateMarker(fs, dir, formatMarker)
	if err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil { // a marker in a directory that cannot be synced
			err = fmt.Errorf("sync: %v", r)
		}
		err = errors.Join(err, marker.Close())
	}()
	if value == "" {
		return marker.Move(strconv.Itoa(Format))
	}
	format, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("it has format %q, which no release wrote: restore it from a backup", value)
	}
	if format > Format {
		return fmt.Errorf("it has format %d and this release knows up to %d: use the release that wrote it or a later one", format, Format)
	}
	return nil
}

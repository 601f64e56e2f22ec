package store

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// makeDirectory makes a directory, and those above that are missing, for good: the
// engine sees to those only that it makes itself.
func makeDirectory(fs vfs.FS, dir string) error {
	var missing []string
	for above := dir; above != fs.PathDir(above); above = fs.PathDir(above) {
		if _, err := fs.Stat(above); err == nil {
			break
		}
		missing = append(missing, above)
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, made := range missing {
		parent, err := fs.OpenDir(fs.PathDir(made))
		if err != nil {
			return err
		}
		if err := errors.Join(parent.Sync(), parent.Close()); err != nil {
			return err
		}
	}
	return nil
}

// apart refuses a directory to be made that would be in the data directory, whose
// files are the engine's.
func apart(data, to string) error {
	inside, err := filepath.Rel(actual(data), actual(to))
	if err == nil && inside != "." && inside != ".." && !strings.HasPrefix(inside, ".."+string(filepath.Separator)) {
		return errors.New("it would be in the data directory itself: choose a folder elsewhere")
	}
	return nil
}

// actual is an absolute path without symbolic links, as far as it leads to anything.
func actual(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if target, err := filepath.EvalSymlinks(path); err == nil || path == filepath.Dir(path) {
		return target
	}
	return filepath.Join(actual(filepath.Dir(path)), filepath.Base(path))
}

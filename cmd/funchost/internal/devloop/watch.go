package devloop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// sources are the folders a program is made of, as absolute paths. A folder
// that an import names counts even while it does not exist.
type sources struct {
	app      string          // where funchost.yaml lies
	modules  map[string]bool // where go.mod lies
	code     map[string]bool // packages
	embedded map[string]bool // embedded files: there every file counts
}

func newSources(app string) sources {
	return sources{
		app:      app,
		modules:  map[string]bool{},
		code:     map[string]bool{app: true},
		embedded: map[string]bool{},
	}
}

func (s sources) each(do func(dir string)) {
	for _, set := range []map[string]bool{s.modules, s.code, s.embedded} {
		for dir := range set {
			do(dir)
		}
	}
}

// concern tells whether a change at path can change the program.
func (s sources) concern(path string) bool {
	if s.code[path] || s.embedded[path] {
		return true // the folder itself came or went
	}
	dir, name := filepath.Dir(path), filepath.Base(path)
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
		return false // editors keep their own files beside ours
	}
	switch name {
	case "go.mod", "go.sum", "go.work":
		return true
	case "funchost.yaml":
		return dir == s.app
	}
	if s.embedded[dir] {
		return true
	}
	switch filepath.Ext(name) {
	case ".go":
		return s.code[dir] && !strings.HasSuffix(name, "_test.go")
	case ".c", ".h", ".s", ".S", ".cc", ".cpp", ".syso":
		return s.code[dir]
	}
	return false
}

// watcher tells about changes in a program's sources. It watches folders, not
// files, because many editors save by renaming a new file over the old one,
// which a watch on the old file would not survive. One goroutine uses it.
type watcher struct {
	*fsnotify.Watcher
	src sources
}

// watch follows src until the watcher is closed.
func watch(src sources) (*watcher, error) {
	fsw, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", src.app, err)
	}
	w := &watcher{Watcher: fsw}
	if err := w.follow(src); err != nil {
		return nil, errors.Join(err, fsw.Close())
	}
	return w, nil
}

// follow watches src from now on, and nothing else. For a folder that does not
// exist the nearest one above it is watched, to see it come.
func (w *watcher) follow(src sources) error {
	w.src = src
	want := make(map[string]bool)
	src.each(func(dir string) { want[nearest(dir)] = true })
	for _, dir := range w.WatchList() {
		if want[dir] {
			continue
		}
		if err := w.Remove(dir); err != nil && !errors.Is(err, fsnotify.ErrNonExistentWatch) {
			return fmt.Errorf("watch %s: %w", dir, err)
		}
	}
	for dir := range want {
		if err := w.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("watch %s: %w", dir, err)
		}
	}
	return nil
}

// changed tells whether an event can mean another program.
func (w *watcher) changed(event fsnotify.Event) (bool, error) {
	if event.Op == fsnotify.Chmod {
		return false, nil
	}
	if info, err := os.Stat(event.Name); event.Has(fsnotify.Create) && err == nil && info.IsDir() {
		return w.arrived(event.Name)
	}
	return w.src.concern(event.Name), nil
}

// arrived takes notice of a new folder. It is a change if files of ours came
// with it: they were perhaps written before anybody watched.
func (w *watcher) arrived(root string) (bool, error) {
	if strings.HasPrefix(filepath.Base(root), ".") {
		return false, nil
	}
	if w.src.embedded[filepath.Dir(root)] {
		for _, dir := range folders(root) {
			w.src.embedded[dir] = true
		}
	}
	if err := w.follow(w.src); err != nil {
		return false, err
	}
	found := false
	for _, dir := range folders(root) {
		if entries, err := os.ReadDir(dir); err == nil {
			for _, entry := range entries {
				found = found || !entry.IsDir() && w.src.concern(filepath.Join(dir, entry.Name()))
			}
		}
	}
	return found, nil
}

// folders lists root and all folders below it.
func folders(root string) []string {
	var dirs []string
	// One that vanishes while we walk is no longer of interest.
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	return dirs
}

// nearest is dir, or the closest folder above it that exists.
func nearest(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return dir
		}
		dir = parent
	}
}

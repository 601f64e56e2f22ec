package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/scheduler"
)

// serveDir runs a server on a directory until stop is called.
func serveDir(t *testing.T, dir string) (c *dts.Client, stop func()) {
	t.Helper()
	s, err := scheduler.New(scheduler.Config{Dir: dir, Listen: "none"})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	c, err = dts.Dial(dts.ConnectionString{TaskHub: "default"}, dts.WithConn(s.Conn()))
	must(t, err)
	return c, func() {
		cancel()
		must(t, <-ended)
	}
}

// files are the names, sizes and times of all files of a directory but its lock.
func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all = append(all, fmt.Sprintln(path, info.Size(), info.ModTime()))
		}
		return err
	}))
	return all
}

func TestCopyHasTheDataAndLeavesTheDirectoryAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from := filepath.Join(dir, "from")
	c, stop := serveDir(t, from)
	id, err := c.Start(t.Context(), dts.StartRequest{Name: "n"})
	must(t, err)
	if err := scheduler.Copy(from, filepath.Join(dir, "early")); !errors.Is(err, scheduler.ErrInUse) {
		t.Errorf("while a server has it: %v, want a refusal", err)
	}
	stop()

	before := files(t, from)
	must(t, scheduler.Copy(from, filepath.Join(dir, "to")))
	c, stop = serveDir(t, filepath.Join(dir, "to"))
	defer stop()
	if in, err := c.Instance(t.Context(), id); err != nil || in.Name != "n" {
		t.Errorf("the copy has %+v, %v, want the instance", in, err)
	}
	if diff := cmp.Diff(before, files(t, from)); diff != "" {
		t.Errorf("the copied directory has changed (-before +after):\n%s", diff)
	}
}

func TestWhatIsNoDataDirectoryIsNotCopied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, from := range []string{dir, filepath.Join(dir, "nowhere")} {
		if err := scheduler.Copy(from, filepath.Join(dir, "to")); err == nil || !strings.Contains(err.Error(), from) {
			t.Errorf("copy %s: %v, want an error that names it", from, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

package scheduler_test

import (
	"context"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/funchost/funchost/dts/scheduler"
)

func TestDataIsTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s, err := scheduler.New(scheduler.Config{Dir: dir, Listen: "none"})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() { must(t, <-ended) }()
	defer cancel()
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want no rights for others", path, info.Mode())
		}
		return err
	})
	must(t, err)
}

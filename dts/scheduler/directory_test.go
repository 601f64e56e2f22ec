package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/scheduler"
)

func wantInOrder(t *testing.T, cfg scheduler.Config) *scheduler.Report {
	t.Helper()
	report, err := scheduler.Check(t.Context(), cfg)
	must(t, err)
	if len(report.Problems) > 0 {
		t.Fatalf("%d problems: %s", len(report.Problems)+report.More, strings.Join(report.Problems, "\n"))
	}
	return report
}

// TestBackupHasAllThatWasAcknowledged before it, while starts and completions go
// on, and can be served.
func TestBackupHasAllThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, backup, restored := filepath.Join(dir, "data"), filepath.Join(dir, "backup"), filepath.Join(dir, "restored")
	var acknowledged []string
	s, err := scheduler.New(scheduler.Config{Dir: data, Listen: "none"})
	must(t, err)
	run(t, s, func() {
		c := dial(t, s, "default")
		runWorkerOf(t, c, helloCities(t))
		ctx, stop := context.WithCancel(t.Context())
		started := make(chan string, 100_000)
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				for ctx.Err() == nil {
					if id, err := c.Start(ctx, dts.StartRequest{Name: "hello-cities"}); err == nil {
						started <- id
					}
				}
			})
		}
		for range 500 {
			acknowledged = append(acknowledged, <-started)
		}
		must(t, s.Backup(backup))
		stop()
		callers.Wait()
		if err := s.Backup(backup); err == nil || !strings.Contains(err.Error(), "it is there already") {
			t.Errorf("a second backup to the same place: %v", err)
		}
		if _, err := scheduler.Check(t.Context(), scheduler.Config{Dir: data}); !errors.Is(err, scheduler.ErrInUse) {
			t.Errorf("check of a directory in use: %v", err)
		}
	})
	if got := wantInOrder(t, scheduler.Config{Dir: backup}); got.Instances < len(acknowledged) || got.Hubs != 1 {
		t.Errorf("the backup has %+v, want %d instances or more", got, len(acknowledged))
	}
	info, err := os.Stat(backup)
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the backup has mode %v", info.Mode())
	}
	must(t, scheduler.Copy(backup, restored))
	if err := scheduler.Copy(backup, restored); err == nil || !strings.Contains(err.Error(), "it is there already") {
		t.Errorf("a copy over a copy: %v", err)
	}
	c, stop := serveDir(t, restored)
	t.Cleanup(stop) // after the worker's
	runWorkerOf(t, c, helloCities(t))
	for _, id := range acknowledged {
		if got, err := c.Wait(t.Context(), id); err != nil || got.Status != dts.StatusCompleted {
			t.Errorf("instance %s: %+v, %v", id, got, err)
		}
	}
	left, err := os.ReadDir(dir)
	must(t, err)
	if names := fmt.Sprint(left); len(left) != 3 {
		t.Errorf("left are %s", names)
	}
}

func TestWhatIsInMemoryIsNotBackedUp(t *testing.T) {
	t.Parallel()
	s, err := scheduler.New(scheduler.Config{Listen: "none"})
	must(t, err)
	run(t, s, func() {
		if err := s.Backup(filepath.Join(t.TempDir(), "backup")); err == nil || !strings.Contains(err.Error(), "in memory") {
			t.Errorf("got %v", err)
		}
	})
}

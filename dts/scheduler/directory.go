package scheduler

import (
	"context"
	"errors"
	"log/slog"

	"github.com/funchost/funchost/dts/internal/disk"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// ErrInUse is what an error about a directory is that another process holds.
var ErrInUse = store.ErrInUse

// Backup makes a directory that holds all that was acknowledged before the call.
// It is a data directory like the server's own. The server goes on meanwhile;
// files that will not change are shared with the backup where the disk can do
// that. Backup fails where the directory is there already, and then, as after any
// error, leaves nothing behind.
func (s *Server) Backup(dir string) error {
	if s.disk.InMemory() {
		return errors.New("this scheduler keeps its state in memory, there is nothing to back up")
	}
	return s.store.Backup(s.disk, dir)
}

// Report is what [Check] has found.
type Report struct {
	// How much there is: task hubs, rows, orchestrations, and entities with a state
	// or a lock.
	Hubs, Rows, Instances, Entities int
	// Problems are the first hundred things that are wrong, in words for people.
	Problems []string
	// More is how many others there are.
	More int
}

// Check reads all of the data directory of cfg, which no server may hold, and
// compares: whether each row can be read and belongs to something, and whether the
// indexes agree with the instances. It changes nothing. The error tells that the
// directory cannot be opened or read to its end. Of cfg only Dir and Disk count.
func Check(ctx context.Context, cfg Config) (*Report, error) {
	if cfg.Disk == nil {
		cfg.Disk = disk.Real()
	}
	s, err := store.OpenToRead(store.Options{Dir: cfg.Dir, Disk: cfg.Disk, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	found, err := s.Check(ctx)
	if err = errors.Join(err, s.Close()); err != nil {
		return nil, err
	}
	report := Report(*found)
	return &report, nil
}

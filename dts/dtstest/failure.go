package dtstest

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// failure is an error that a disk is about to have.
type failure struct {
	in      int   // in so many operations; 0 is never
	lasting bool  // those that come after have it too
	err     error // what an operation fails with
	met     string
}

// meet counts an operation and returns the error that it has.
func (f *failure) meet(op errorfs.Op) error {
	switch {
	case f.in == 0:
		return nil
	case f.in > 1:
		f.in--
		return nil
	case f.lasting && f.met == "" && op.Kind.ReadOrWrite() == errorfs.OpIsRead:
		return nil // a disk that fails for good begins to with a change: docs/reliability.md says why
	case !f.lasting:
		f.in = 0
	}
	if f.met == "" {
		f.met = "a change of " + op.Path
		if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
			f.met = "a look at " + op.Path
		}
	}
	return fmt.Errorf("dtstest: %w", f.err)
}

// FailDisk lets an operation on the disk fail, reads included: the one with the
// number n from now on, alone or with all that follow. A scheduler that cannot bear
// that ends by itself. [Scheduler.EndFailed] is what comes next.
func (s *Scheduler) FailDisk(n int, lasting bool, err error) { s.device.fail(n, lasting, err) }

func (d *device) fail(n int, lasting bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failure = failure{in: n, lasting: lasting, err: err}
}

// met says which operation has failed, empty if none has.
func (d *device) met() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failure.met
}

// Met says which operation on the disk has failed, empty if none has.
func (s *Scheduler) Met() string { return s.device.met() }

// Ended is closed when the scheduler has ended.
func (s *Scheduler) Ended() <-chan struct{} { return s.dead }

// EndFailed ends the scheduler, if it has not ended by itself, and returns what it
// said to the end. It is to be started again by [Scheduler.Repair].
func (s *Scheduler) EndFailed() error {
	s.t.Helper()
	s.device.hurry()
	s.cancel()
	s.cancel = nil
	err := <-s.ended
	s.link.cut()
	s.copyDisk()
	return err
}

// copyDisk goes on with a copy of the disk, of which the power has failed too, or
// not: a store that has failed holds on to its directory as long as its process
// lives. To that one its disk is healthy from now on, or it would try for ever.
func (s *Scheduler) copyDisk() {
	survive := 100
	if s.rng.IntN(2) == 0 {
		survive = s.rng.IntN(101)
	}
	s.disk = s.disk.Cut(s.rng, survive)
	s.device.fail(0, false, nil)
}

// StartFailing starts a scheduler that has ended on a disk of which all operations
// fail from that with the number n on, and stops it. It returns which one was the
// first, empty if it did not come to it, and what the scheduler said.
func (s *Scheduler) StartFailing(n int, err error) (met string, said error) {
	s.t.Helper()
	s.device = s.newDevice(0)
	s.device.hurry()
	s.device.fail(n, true, err)
	server, said := s.serve()
	if said == nil {
		ended, end := context.WithCancel(context.Background())
		end()
		said = server.Run(ended)
	}
	met = s.device.met()
	s.copyDisk()
	return met, said
}

// Repair starts a scheduler that has ended, on a healthy disk.
func (s *Scheduler) Repair() {
	s.t.Helper()
	s.check()
	s.run()
}

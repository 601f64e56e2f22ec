package scheduler_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

var diskErrors = flag.Int("errors", defaultErrors, "disk `errors` in all")

// errorsPerWorld is how many errors a world has, beside those while it starts.
const errorsPerWorld = 10

// TestDiskErrorsBreakNoPromise lets one operation on the disk after the other fail
// (M2), at work and while the scheduler starts. It has to bear that, or end and say
// why, and on a healthy disk all is there that was acknowledged. A store that has
// failed leaves goroutines behind, so this is no bubble and takes real time.
func TestDiskErrorsBreakNoPromise(t *testing.T) {
	t.Parallel()
	inWorlds(t, *diskErrors/errorsPerWorld, fmt.Sprint("-errors=", errorsPerWorld), failDisk)
}

// failDisk is one world.
func failDisk(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 5))
	s := dtstest.Start(t, dtstest.Seed(seed), dtstest.NoPoison())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := pace{brief: 2 * time.Millisecond, long: 20 * time.Millisecond, longest: 100 * time.Millisecond}
	x := newSite(ctx, t, s, "default", p)
	x.hire()
	x.hire()
	borne, ends, starts := 0, 0, 0
	for range errorsPerWorld {
		errno := []error{syscall.EIO, syscall.ENOSPC}[rng.IntN(2)]
		lasting := rng.IntN(2) == 0
		s.FailDisk(1+rng.IntN(4<<rng.IntN(7)), lasting, errno)
		for range 3 {
			x.play(rng.Uint64(), scenarios[rng.IntN(len(scenarios))])
		}
		select {
		case <-s.Ended():
		case <-time.After(4 * p.long):
			if lasting && s.Met() != "" {
				select {
				case <-s.Ended(): // it was about to
				case <-time.After(20 * time.Second):
					t.Errorf("%s failed, as has all since, and the scheduler neither works nor ends", s.Met())
				}
			}
		}
		met := s.Met()
		switch said := s.EndFailed(); {
		case said != nil && !strings.Contains(said.Error(), errno.Error()):
			t.Errorf("%s failed with %v, and the scheduler said %v", met, errno, said)
		case said != nil:
			ends++
		case met != "":
			borne++
		}
		if rng.IntN(2) == 0 {
			met, said := s.StartFailing(1+rng.IntN(100), errno)
			if said != nil && !strings.Contains(said.Error(), errno.Error()) {
				t.Errorf("%s failed with %v, and the scheduler that started said %v", met, errno, said)
			}
			if met != "" {
				starts++
			}
		}
		s.Repair()
	}
	x.finish()
	t.Logf("%d errors were borne, %d ended the scheduler, %d met one that started", borne, ends, starts)
}

// TestEachErrorWhileItStartsIsTold lets each operation of a start fail, one after the
// other: none hangs, none is passed over, and nothing is lost.
func TestEachErrorWhileItStartsIsTold(t *testing.T) {
	t.Parallel()
	s := dtstest.Start(t)
	for i := range 20 {
		_, err := s.Client().Start(t.Context(), dts.StartRequest{ID: fmt.Sprint(i), Name: "orc"})
		must(t, err)
	}
	must(t, s.EndFailed())
	const operations = 80 // of a start: each leaves more behind for the next one
	for n := range operations {
		met, said := s.StartFailing(n+1, syscall.ENOSPC)
		if met == "" {
			t.Errorf("a start has fewer than %d operations", n+1)
		}
		if said != nil && !strings.Contains(said.Error(), syscall.ENOSPC.Error()) {
			t.Errorf("%s failed, and the scheduler said %v", met, said)
		}
	}
	s.Repair()
	for i := range 20 {
		_, err := s.Client().Instance(t.Context(), fmt.Sprint(i))
		must(t, err)
	}
}

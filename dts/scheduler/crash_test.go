package scheduler_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts/dtstest"
)

var (
	cuts = flag.Int("cuts", defaultCuts, "power `cuts` in all")
	seed = flag.Uint64("seed", 0, "repeat the world with this seed; 0 draws one")
)

// cutsPerWorld is less than the ten losses that make a work item poison.
const cutsPerWorld = 8

// TestPowerCutsBreakNoPromise cuts the power of a scheduler (M1) while clients
// and workers are at it, and holds what they were told against what is left.
func TestPowerCutsBreakNoPromise(t *testing.T) {
	t.Parallel()
	all := t
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}
	for i := range uint64(max(1, *cuts/cutsPerWorld)) {
		t.Run(fmt.Sprintf("seed=%d", first+i), func(t *testing.T) {
			t.Parallel()
			if all.Failed() {
				t.Skip("one world that fails is enough")
			}
			synctest.Test(t, func(t *testing.T) { cutPower(t, first+i) })
			if t.Failed() {
				t.Logf("again: go test -run %s ./dts/scheduler -seed=%d -cuts=%d", "TestPowerCutsBreakNoPromise", first+i, cutsPerWorld)
			}
		})
	}
}

// cutPower is one world.
func cutPower(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := dtstest.Start(t, dtstest.Seed(seed), dtstest.SlowDisk(2*time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	defer cancel()
	l := newLedger(t)
	ds := &drivers{
		ctx: ctx, client: s.Client(), ledger: l, stop: make(chan struct{}),
		pace: pace{brief: 20 * time.Millisecond, long: 30 * time.Minute, longest: time.Hour},
	}
	seen := newItems()
	eyes := []*eye{watchWorker(t, s, l, seen), watchWorker(t, s, l, seen)}
	losses := 1 // of a connection; few, for the sake of poison
	for range cutsPerWorld {
		for range 6 {
			ds.play(rng.Uint64(), scenarios[rng.IntN(len(scenarios))])
		}
		if rng.IntN(4) == 0 && losses > 0 {
			losses--
			sleep(ctx, time.Duration(rng.Int64N(int64(ds.pace.brief))))
			eyes[rng.IntN(len(eyes))].lose()
		}
		waitForCut(l, rng, ds.pace)
		s.Crash()
	}
	ds.finish()
}

// waitForCut waits for the moment to cut the power: in the middle of commits,
// right after something was acknowledged, or when only timers are left.
func waitForCut(l *ledger, rng *rand.Rand, p pace) {
	switch rng.IntN(5) {
	case 0:
		time.Sleep(time.Duration(rng.Int64N(int64(p.long))))
	case 1, 2:
		time.Sleep(time.Duration(rng.Int64N(2 * int64(p.brief))))
	default:
		select {
		case <-l.after(1 + rng.IntN(40)):
		case <-time.After(p.long):
		}
	}
}

// watchWorker runs a worker until the test ends, under the eye of a ledger.
func watchWorker(t *testing.T, s *dtstest.Scheduler, to reporter, seen *items) *eye {
	t.Helper()
	e := newEye(s.Conn(), to, seen)
	e.run(t, s)
	return e
}

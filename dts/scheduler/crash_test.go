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
	inWorlds(t, *cuts/cutsPerWorld, fmt.Sprint("-cuts=", cutsPerWorld), func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) { cutPower(t, seed) })
	})
}

// cutPower is one world.
func cutPower(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := dtstest.Start(t, dtstest.Seed(seed), dtstest.SlowDisk(2*time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), worldTime)
	defer cancel()
	p := pace{brief: 20 * time.Millisecond, long: 30 * time.Minute, longest: time.Hour}
	here, there := newSite(ctx, t, s, "default", p), newSite(ctx, t, s, "other", p)
	here.hire()
	here.hire()
	there.hire()
	losses := 1 // of a connection; few, for the sake of poison
	for range cutsPerWorld {
		for range 5 {
			here.play(rng.Uint64(), scenarios[rng.IntN(len(scenarios))])
		}
		there.play(rng.Uint64(), scenarios[rng.IntN(len(scenarios))])
		if rng.IntN(4) == 0 && losses > 0 {
			losses--
			sleep(ctx, time.Duration(rng.Int64N(int64(p.brief))))
			here.workers[rng.IntN(len(here.workers))].lose()
		}
		waitForCut(here.ledger, rng, p)
		s.Crash()
	}
	here.finish()
	there.finish()
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

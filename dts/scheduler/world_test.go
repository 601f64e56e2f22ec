package scheduler_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

var worlds = flag.Int("worlds", defaultWorlds, "`worlds` of 24 virtual hours")

// TestADayOfTroubleBreaksNoPromise runs a scheduler for a day of virtual time
// (M3). Workers die and others come, or are paused for hours and answer late;
// what clients and workers are told, and what they say, is lost on the way; and
// the scheduler is restarted, mostly in order.
func TestADayOfTroubleBreaksNoPromise(t *testing.T) {
	t.Parallel()
	inWorlds(t, *worlds, "-worlds=1", liveADay)
}

// inWorlds runs worlds with seeds of their own until one fails.
func inWorlds(t *testing.T, n int, one string, f func(*testing.T, uint64)) {
	t.Helper()
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}
	name := t.Name()
	all := t
	for i := range uint64(max(1, n)) {
		t.Run(fmt.Sprintf("seed=%d", first+i), func(t *testing.T) {
			t.Parallel()
			if all.Failed() {
				t.Skip("one world that fails is enough")
			}
			f(t, first+i)
			if t.Failed() {
				t.Logf("again: go test -run %s ./dts/scheduler -seed=%d %s", name, first+i, one)
			}
		})
	}
}

// liveADay is one world.
func liveADay(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 3))
		s := dtstest.Start(t, dtstest.Seed(seed), dtstest.SlowDisk(2*time.Millisecond), dtstest.NoPoison())
		ctx, cancel := context.WithTimeout(t.Context(), worldTime)
		defer cancel()
		p := pace{brief: 20 * time.Millisecond, long: 2 * time.Hour, longest: 6 * time.Hour}
		here, there := newSite(ctx, t, s, "default", p), newSite(ctx, t, s, "other", p)
		for _, x := range []*site{here, here, there} {
			x.client = s.Connect(x.hub, dts.WithConn(&badLine{s.Conn(), newChance(rng.Uint64())}))
			x.hireOneThatLoses(rng.Uint64())
		}
		for end := time.Now().Add(24 * time.Hour); time.Now().Before(end); {
			for range 1 + rng.IntN(3) {
				here.play(rng.Uint64(), scenarios[rng.IntN(len(scenarios))])
			}
			if rng.IntN(3) == 0 {
				there.play(rng.Uint64(), scenarios[rng.IntN(len(scenarios))])
			}
			select {
			case <-here.ledger.after(1 + rng.IntN(40)): // in the middle of things
			case <-time.After(time.Duration(rng.Int64N(int64(p.long)))):
			}
			here.trouble(rng)
			time.Sleep(time.Duration(rng.Int64N(int64(p.long))))
		}
		for _, e := range here.workers {
			e.resume()
		}
		for _, x := range []*site{here, there} {
			x.running.Wait()
			x.client = s.Connect(x.hub) // whoever audits hears well
			x.finish()
		}
	})
}

// trouble makes one thing go wrong.
func (x *site) trouble(rng *rand.Rand) {
	one := rng.IntN(len(x.workers))
	switch rng.IntN(10) {
	case 0:
		x.workers[one].lose()
	case 1, 2, 3: // longer than anything bears, and back by the next trouble, or the one after
		x.workers[one].pause()
	case 4, 5:
		for _, e := range x.workers {
			e.resume()
		}
	case 6, 7:
		x.workers[one].die()
		x.workers = append(x.workers[:one], x.workers[one+1:]...)
		x.hireOneThatLoses(rng.Uint64())
	case 8:
		x.s.Restart()
	default:
		x.s.Crash()
	}
}

// hireOneThatLoses starts a worker whose answers are lost now and then, on their way or with
// what the scheduler says to them, or arrive twice.
func (x *site) hireOneThatLoses(seed uint64) {
	x.t.Helper()
	chance := newChance(seed)
	e := newEye(x.s.Conn(), x.ledger, x.seen)
	e.answer = func(_ item, send func() error) error { return chance.call(send) }
	e.run(x.t, x.s, x.hub)
	x.workers = append(x.workers, e)
}

// chance loses calls.
type chance struct {
	mu  sync.Mutex // guards what follows
	rng *rand.Rand
}

func newChance(seed uint64) *chance { return &chance{rng: rand.New(rand.NewPCG(seed, 4))} }

// call makes a call as it goes in a bad network: of twenty, one does not arrive,
// one is not answered, and one arrives twice.
func (c *chance) call(send func() error) error {
	c.mu.Lock()
	draw := c.rng.IntN(20)
	c.mu.Unlock()
	switch draw {
	case 0:
		return errLost
	case 1:
		if err := send(); err != nil {
			return err
		}
		return errLost
	case 2:
		if err := send(); err != nil {
			return err
		}
		return send()
	default:
		return send()
	}
}

// badLine is a client's connection that loses calls and answers.
type badLine struct {
	grpc.ClientConnInterface

	chance *chance
}

func (b *badLine) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	twice := false
	return b.chance.call(func() error {
		if twice { // a call arrives once: our client never sends one twice by itself
			return nil
		}
		twice = true
		return b.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
	})
}

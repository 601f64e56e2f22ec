package scheduler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/funchost/funchost/dts"
)

// pace is how fast the clients of a test are. Virtual time is free, real time is not.
type pace struct {
	brief   time.Duration // what comes at once
	long    time.Duration // what has to be waited for
	longest time.Duration // between two looks of a witness
}

// drivers are clients that start orchestrations and see them through.
type drivers struct {
	ctx    context.Context
	client *dts.Client
	ledger *ledger
	pace   pace

	running   sync.WaitGroup
	watching  sync.WaitGroup
	stop      chan struct{} // closed when nothing can change any more
	count     int
	witnesses []*witness
}

// driver sees one orchestration through.
type driver struct {
	*drivers

	rng *rand.Rand
	id  string
	job job
}

// scenario is what a driver does with its orchestration.
type scenario struct {
	orchestrator string
	// prepare, if not nil, is what the driver does before the start.
	prepare func(d *driver) error
	// act, if not nil, is what the driver does after the start.
	act func(d *driver) error
	// right reports whether the instance ended as it had to.
	right func(d *driver, end *dts.Instance) bool
	// afterlife tells that the instance may go on, or go, after it has ended.
	afterlife bool
}

// completes is a scenario without anything to do, with an output of that value.
func completes(orchestrator string, value func(job) any) scenario {
	return scenario{
		orchestrator: orchestrator,
		right:        func(d *driver, end *dts.Instance) bool { return completedWith(end, value(d.job)) },
	}
}

func completedWith(end *dts.Instance, value any) bool {
	b, err := json.Marshal(value)
	return err == nil && end.Status == dts.StatusCompleted && string(end.Output) == string(b)
}

// play starts an orchestration and sees it through in the background.
func (ds *drivers) play(seed uint64, f func(*driver) scenario) {
	rng := rand.New(rand.NewPCG(seed, 0))
	d := &driver{drivers: ds, rng: rng, job: job{N: 1 + rng.IntN(5), Slow: ds.some(rng)}}
	ds.count++
	s := f(d)
	d.id = fmt.Sprintf("%03d-%s", ds.count, s.orchestrator)
	ds.watch(d.id, s.afterlife)
	if s.afterlife {
		ds.ledger.Several(d.id)
	}
	ds.running.Go(func() {
		if err := d.run(s); err != nil && !errors.Is(ds.ctx.Err(), context.Canceled) {
			ds.ledger.Violated(fmt.Sprintf("G1: instance %q: %v", d.id, err))
		}
	})
}

// some returns mostly a brief and sometimes a long time.
func (ds *drivers) some(rng *rand.Rand) time.Duration {
	most := ds.pace.brief
	if rng.IntN(4) == 0 {
		most = ds.pace.long
	}
	return 1 + time.Duration(rng.Int64N(int64(most)))
}

// watch begins to look at an instance, which need not be there yet.
func (ds *drivers) watch(id string, afterlife bool) {
	w := &witness{client: ds.client, ledger: ds.ledger, id: id, afterlife: afterlife}
	ds.witnesses = append(ds.witnesses, w)
	ds.watching.Go(func() { w.run(ds.ctx, ds.stop, ds.pace.brief/100, ds.pace.longest) })
}

// finish waits for all that was started and audits it.
func (ds *drivers) finish() {
	ds.running.Wait()
	close(ds.stop)
	ds.watching.Wait()
	for _, w := range ds.witnesses {
		w.look(ds.ctx)
	}
	ds.auditBooks()
	ds.ledger.audit(ds.ctx, ds.client)
	ds.ledger.t.Log(ds.ledger.summary())
}

func (d *driver) run(s scenario) error {
	if s.prepare != nil {
		if err := s.prepare(d); err != nil {
			return err
		}
	}
	if err := d.start(d.id, s.orchestrator, d.job); err != nil {
		return err
	}
	if s.act != nil {
		if err := s.act(d); err != nil {
			return err
		}
	}
	end, err := d.end(d.id)
	if err != nil {
		return err
	}
	if !s.right(d, end) {
		d.ledger.Violated(fmt.Sprintf("G1: instance %q ended %v with %s %v for input %s", d.id, end.Status, end.Output, end.Failure, end.Input))
	}
	return nil
}

// start starts an instance, again and again until that is acknowledged, and then
// once more, which must be refused.
func (d *driver) start(id, orchestrator string, j job) error {
	input, err := json.Marshal(j)
	if err != nil {
		return err
	}
	call := func() error {
		_, err := d.client.Start(d.ctx, dts.StartRequest{ID: id, Name: orchestrator, Input: input, StartAt: j.Due, Reuse: &dts.ReusePolicy{}})
		return err
	}
	if err := d.insist(call); err != nil && !errors.Is(err, dts.ErrExists) { // an attempt that seemed to fail may have arrived
		return err
	}
	d.ledger.Started(id)
	if err := d.insist(call); !errors.Is(err, dts.ErrExists) {
		return fmt.Errorf("a second start was answered with %w, want %w", err, dts.ErrExists)
	}
	return nil
}

// end waits for the end of an instance.
func (d *driver) end(id string) (end *dts.Instance, err error) {
	err = d.insist(func() error {
		end, err = d.client.Wait(d.ctx, id)
		return err
	})
	return end, err
}

// insist repeats a call until the scheduler is there to answer.
func (ds *drivers) insist(call func() error) error {
	for {
		err := call()
		if err == nil || ds.ctx.Err() != nil || !errors.Is(err, dts.ErrUnavailable) {
			return err
		}
		sleep(ds.ctx, ds.pace.brief)
	}
}

// scenarios are all that a driver can do. Each call makes one of them.
var scenarios = []func(*driver) scenario{
	func(*driver) scenario { return completes("sequence", func(j job) any { return 8 * j.N }) },
	func(*driver) scenario { return completes("fan-out", func(j job) any { return j.N * (j.N - 1) }) },
	func(*driver) scenario { return completes(countdown, func(j job) any { return j.N * (j.N + 1) }) },
	func(*driver) scenario { return completes("nest", func(j job) any { return 8*j.N + j.N*(j.N-1) }) },
	func(d *driver) scenario {
		d.job.Wait = d.some(d.rng)
		return completes("nap", func(job) any { return "rested" })
	},
	func(d *driver) scenario {
		d.job.Due = time.Now().Add(d.some(d.rng))
		return completes("wake", func(job) any { return "rested" })
	},
	waitPatiently, sendNumbers, relayNumbers, terminateFamily,
	rewindUntilItWorks, holdStill, purgeTheEnd, startAgain,
	func(d *driver) scenario {
		d.job.Pad = 6 << 10
		return completes("long", func(j job) any { return 2 * (3 + j.N) })
	},
	tellNumbers, keepTally, moveMoney, seizeAccounts,
}

// waitPatiently ends a wait by an event long before its timer.
func waitPatiently(d *driver) scenario {
	d.job.Wait = d.pace.long
	s := completes("patience", func(job) any { return true })
	s.act = func(d *driver) error {
		sleep(d.ctx, d.some(d.rng))
		return d.insist(func() error { return d.client.Raise(d.ctx, d.id, "go", nil) })
	}
	return s
}

// sendNumbers raises events one after the other, each once: one without an
// answer may have arrived or not. All others must arrive, in order.
func sendNumbers(*driver) scenario {
	var acked []int
	return scenario{
		orchestrator: collect,
		act: func(d *driver) error {
			for i := range 4 * d.job.N {
				switch err := d.client.Raise(d.ctx, d.id, "number", []byte(strconv.Itoa(i))); {
				case err == nil:
					acked = append(acked, i)
				case errors.Is(err, dts.ErrUnavailable):
					sleep(d.ctx, d.pace.brief)
				default:
					return err
				}
				if i%3 == 0 {
					sleep(d.ctx, time.Duration(d.rng.Int64N(int64(d.pace.brief))))
				}
			}
			return d.insist(func() error {
				return d.client.Raise(d.ctx, d.id, "number", []byte(strconv.Itoa(last)))
			})
		},
		right: func(d *driver, end *dts.Instance) bool {
			var got []int
			if end.Status != dts.StatusCompleted || json.Unmarshal(end.Output, &got) != nil {
				return false
			}
			ordered := slices.IsSorted(got) && len(slices.Compact(slices.Clone(got))) == len(got)
			lost := slices.ContainsFunc(acked, func(n int) bool { return !slices.Contains(got, n) })
			if !ordered || lost {
				d.ledger.Violated(fmt.Sprintf("G3: instance %q got events %v, acknowledged were %v", d.id, got, acked))
			}
			return true
		},
	}
}

// relayNumbers lets one orchestration send events to another.
func relayNumbers(d *driver) scenario {
	s := completes("relay", func(j job) any { return j.N })
	d.job.Peer = fmt.Sprintf("%03d-peer", d.count)
	d.watch(d.job.Peer, false)
	s.prepare = func(d *driver) error { return d.start(d.job.Peer, collect, job{}) }
	s.act = func(d *driver) error {
		end, err := d.end(d.job.Peer)
		if err != nil {
			return err
		}
		var want []int
		for i := range d.job.N {
			want = append(want, i)
		}
		if !completedWith(end, want) {
			d.ledger.Violated(fmt.Sprintf("G3: instance %q got events %s, sent were %v", end.ID, end.Output, want))
		}
		return nil
	}
	return s
}

// terminateFamily terminates an orchestration that would run for ever, with its
// child.
func terminateFamily(*driver) scenario {
	return scenario{
		orchestrator: hold,
		act: func(d *driver) error {
			sleep(d.ctx, d.some(d.rng))
			return d.insist(func() error {
				return d.client.Terminate(d.ctx, d.id, "enough", dts.Recursive())
			})
		},
		right: func(d *driver, end *dts.Instance) bool {
			child := func() error {
				_, err := d.client.Instance(d.ctx, childOf(d.id))
				return err
			}
			if d.insist(child) == nil { // the parent lived long enough to have one
				if end, err := d.end(childOf(d.id)); err != nil || end.Status != dts.StatusTerminated {
					return false
				}
			}
			return end.Status == dts.StatusTerminated && string(end.Output) == `"enough"`
		},
	}
}

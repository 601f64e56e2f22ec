package scheduler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
)

// These scenarios do something to an instance beside its start: it is rewound,
// held, purged or restarted. The end that a reader was shown first need not be
// the last word on it.

// shaky fails until a time, after an activity that succeeds.
const shaky = "shaky"

// tryOut is an orchestrator that fails until j.Due, in a child if j.N is odd.
func tryOut(ctx *worker.Context, j job) (any, error) {
	n, err := callDouble(ctx, j.N, j.Slow)
	if err != nil {
		return nil, err
	}
	input, err := json.Marshal(job{Due: j.Due, Sum: 2 * (j.N / 2)})
	if err != nil {
		return nil, err
	}
	if j.N%2 == 1 {
		j.N--
		child, err := json.Marshal(j)
		if err != nil {
			return nil, err
		}
		_, err = ctx.Orchestration(shaky, child, worker.OrchestrationOptions{ID: childOf(ctx.InstanceID())}).Await()
		return n, err
	}
	_, err = ctx.Activity("notBefore", input, worker.ActivityOptions{}).Await()
	return n, err
}

// notBefore is an activity that fails before its time.
func notBefore(_ context.Context, input []byte) ([]byte, error) {
	var j job
	if err := json.Unmarshal(input, &j); err != nil {
		return nil, err
	}
	if time.Now().Before(j.Due) {
		return nil, errors.New("too early")
	}
	return nil, nil
}

// rewindUntilItWorks rewinds an instance as often as it fails. What was
// acknowledged is in the history in the end, and nothing that was not asked for.
func rewindUntilItWorks(d *driver) scenario {
	d.job.Due = time.Now().Add(d.some(d.rng))
	d.ledger.Several(childOf(fmt.Sprintf("%03d-%s", d.count, shaky)))
	asked, acked := 0, 0
	return scenario{
		orchestrator: shaky,
		afterlife:    true,
		act: func(d *driver) error {
			for {
				end, err := d.end(d.id)
				if err != nil || end.Status != dts.StatusFailed {
					return err
				}
				asked++
				switch err := d.client.Rewind(d.ctx, d.id, fmt.Sprint("rewind ", asked)); {
				case err == nil:
					acked++
				case errors.Is(err, dts.ErrConflict): // one that was not answered arrived
				case !errors.Is(err, dts.ErrUnavailable):
					return err
				}
				sleep(d.ctx, d.pace.brief)
			}
		},
		right: func(d *driver, end *dts.Instance) bool {
			rewound := 0
			err := d.insist(func() error {
				rewound = 0
				for e, err := range d.client.History(d.ctx, d.id) {
					if err != nil {
						return err
					}
					if e.Kind == "ExecutionRewound" {
						rewound++
					}
				}
				return nil
			})
			if err != nil {
				return false
			}
			if rewound < acked || rewound > asked {
				d.ledger.Violated(fmt.Sprintf("G3: instance %q was rewound %d times, asked were %d, acknowledged %d", d.id, rewound, asked, acked))
			}
			return completedWith(end, 2*d.job.N)
		},
	}
}

// holdStill suspends an instance before its event and resumes it later.
func holdStill(d *driver) scenario {
	s := waitPatiently(d)
	s.act = func(d *driver) error {
		sleep(d.ctx, d.some(d.rng))
		if err := d.insist(func() error { return d.client.Suspend(d.ctx, d.id, "hold") }); err != nil {
			return err
		}
		if err := d.insist(func() error { return d.client.Raise(d.ctx, d.id, "go", nil) }); err != nil {
			return err
		}
		sleep(d.ctx, d.some(d.rng))
		var in *dts.Instance
		err := d.insist(func() (err error) { in, err = d.client.Instance(d.ctx, d.id); return err })
		if err != nil {
			return err
		}
		if in.Status.Terminal() {
			d.ledger.Violated(fmt.Sprintf("G3: instance %q went on although its suspension was acknowledged", d.id))
		}
		return d.insist(func() error { return d.client.Resume(d.ctx, d.id, "") })
	}
	return s
}

// purgeTheEnd purges an instance that has ended; it is gone for good.
func purgeTheEnd(*driver) scenario {
	s := completes("sequence", func(j job) any { return 8 * j.N })
	s.afterlife = true
	right := s.right
	s.right = func(d *driver, end *dts.Instance) bool {
		d.ledger.Purged(d.id)
		err := d.insist(func() error { _, err := d.client.Purge(d.ctx, d.id); return err })
		if err != nil {
			return false
		}
		err = d.insist(func() error { _, err := d.client.Instance(d.ctx, d.id); return err })
		if !errors.Is(err, dts.ErrNotFound) {
			d.ledger.Violated(fmt.Sprintf("G1: instance %q is there after its purge was acknowledged: %v", d.id, err))
		}
		return right(d, end)
	}
	return s
}

// startAgain restarts an instance that has ended.
func startAgain(*driver) scenario {
	s := completes("sequence", func(j job) any { return 8 * j.N })
	s.afterlife = true
	s.act = func(d *driver) error {
		first, err := d.end(d.id)
		if err != nil {
			return err
		}
		err = d.insist(func() error { _, err := d.client.Restart(d.ctx, d.id); return err })
		if err != nil && !errors.Is(err, dts.ErrConflict) { // it is under way already
			return err
		}
		second, err := d.end(d.id)
		if err == nil && second.ExecutionID == first.ExecutionID {
			d.ledger.Violated(fmt.Sprintf("G1: instance %q is not restarted although that was acknowledged", d.id))
		}
		return err
	}
	return s
}

package scheduler_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/funchost/funchost/dts"
)

// Who wrote a number into a journal shows in its size.
const (
	toldBy = 1000 // and above: the orchestration, in order
	lateBy = 2000 // and above: the client, for a time
)

// tellNumbers signals numbers to a journal, each once: one without an answer may
// have arrived or not. All others must, in the order of each sender, also those
// that the journal passes on. Between them are signals that fail.
func tellNumbers(d *driver) scenario {
	s := completes("teller", func(j job) any { return j.N })
	s.act = func(d *driver) error {
		book, copied := dts.EntityID{Name: journal, Key: d.id}, dts.EntityID{Name: journal, Key: d.id + ":copy"}
		acked := map[int]bool{}
		for i := range 4 * d.job.N {
			e, opts := entry{N: i}, []dts.SignalOption{}
			switch i % 4 {
			case 1:
				e.Copy = copied.Key
			case 2:
				e.N += lateBy
				e.Due = time.Now().Add(d.some(d.rng))
				opts = append(opts, dts.SignalAt(e.Due))
			case 3:
				if err := d.client.Signal(d.ctx, book, "spoil", nil); err != nil && !errors.Is(err, dts.ErrUnavailable) {
					return err
				}
			}
			input, err := json.Marshal(e)
			if err != nil {
				return err
			}
			switch err := d.client.Signal(d.ctx, book, "add", input, opts...); {
			case err == nil:
				acked[e.N] = true
				d.ledger.Seen()
			case errors.Is(err, dts.ErrUnavailable):
				sleep(d.ctx, d.pace.brief)
			default:
				return err
			}
		}
		for i := range 2 * d.job.N {
			acked[toldBy+i] = true
		}
		if err := d.awaitLines(book, acked); err != nil {
			return err
		}
		passed := map[int]bool{}
		for n := range acked {
			if n < toldBy && n%4 == 1 {
				passed[n] = true
			}
		}
		if len(passed) == 0 {
			return nil
		}
		return d.awaitLines(copied, passed)
	}
	return s
}

// awaitLines waits until a journal has all numbers that it must have.
func (d *driver) awaitLines(book dts.EntityID, want map[int]bool) error {
	var missing []int
	for d.ctx.Err() == nil {
		lines, err := d.read(book)
		if err != nil {
			return err
		}
		left := make(map[int]bool, len(want))
		for n := range want {
			left[n] = true
		}
		for _, l := range lines {
			delete(left, l.N)
		}
		if len(left) == 0 {
			return nil
		}
		missing = missing[:0]
		for n := range left {
			missing = append(missing, n)
		}
		sleep(d.ctx, d.pace.long/4)
	}
	slices.Sort(missing)
	return fmt.Errorf("signals %v to %s were acknowledged and are lost: %w", missing, book, d.ctx.Err())
}

// read reads a book as a reader sees it.
func (ds *drivers) read(book dts.EntityID) (lines []line, err error) {
	var e *dts.Entity
	err = ds.insist(func() error { e, err = ds.client.Entity(ds.ctx, book); return err })
	if errors.Is(err, dts.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	ds.ledger.Shown(book.String(), string(e.State))
	return readBook(e.State)
}

// keepTally lets an orchestration call an entity again and again.
func keepTally(*driver) scenario {
	return completes("tally", func(j job) any { return 2 * j.N * (2*j.N - 1) / 2 })
}

// moveMoney moves an amount between two accounts while others signal them.
func moveMoney(d *driver) scenario {
	d.job.Sum = d.rng.IntN(3)
	s := completes("transfer", func(j job) any { return j.N })
	s.act = func(d *driver) error {
		from, to := accountsOf(d.job)
		for range d.job.N {
			sleep(d.ctx, time.Duration(d.rng.Int64N(int64(d.pace.brief))))
			for _, id := range []dts.EntityID{from, to} {
				if err := d.insist(func() error { return d.client.Signal(d.ctx, id, "add", []byte(`{"n":0}`)) }); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return s
}

// seizeAccounts locks two accounts for an orchestration that is terminated or
// fails. The others of the world have to come by them again.
func seizeAccounts(d *driver) scenario {
	d.job.Sum = d.rng.IntN(3)
	if d.rng.IntN(2) == 0 {
		d.job.Wait = d.some(d.rng)
		return scenario{
			orchestrator: "seize",
			right:        func(_ *driver, end *dts.Instance) bool { return end.Status == dts.StatusFailed },
		}
	}
	return scenario{
		orchestrator: "seize",
		act: func(d *driver) error {
			sleep(d.ctx, d.some(d.rng))
			return d.insist(func() error { return d.client.Terminate(d.ctx, d.id, "enough") })
		},
		right: func(_ *driver, end *dts.Instance) bool { return end.Status == dts.StatusTerminated },
	}
}

// auditBooks waits until nothing waits for an entity any more and looks at all
// of them. Nobody has a lock then, the accounts have what they had in the
// beginning, which is nothing, and journals have each number once, those of a
// sender in order.
func (ds *drivers) auditBooks() {
	var all []*dts.Entity
	for {
		all = nil
		busy := ""
		err := ds.insist(func() error {
			all, busy = nil, ""
			for e, err := range ds.client.Entities(ds.ctx, dts.EntityQuery{State: true, Stateless: true}) {
				if err != nil {
					return err
				}
				if e.Backlog > 0 || e.LockedBy != "" {
					busy = fmt.Sprintf("%d operations wait for entity %s, which %q has locked", e.Backlog, e.ID, e.LockedBy)
				}
				all = append(all, e)
			}
			return nil
		})
		if err == nil && busy == "" {
			break
		}
		if err != nil || ds.ctx.Err() != nil {
			ds.ledger.Violated(fmt.Sprintf("G6: %s: %v", busy, err))
			return
		}
		sleep(ds.ctx, ds.pace.long/4)
	}
	total := 0
	for _, e := range all {
		ds.ledger.Shown(e.ID.String(), string(e.State))
		lines, err := readBook(e.State)
		if err != nil {
			ds.ledger.Violated(fmt.Sprintf("G6: entity %s has the state %s: %v", e.ID, e.State, err))
		}
		if e.ID.Name == account {
			for _, l := range lines {
				total += l.N
			}
			continue
		}
		if problem := disorder(lines); problem != "" {
			ds.ledger.Violated(fmt.Sprintf("G6: entity %s has %s in %v", e.ID, problem, lines))
		}
	}
	if total != 0 {
		ds.ledger.Violated(fmt.Sprintf("G6: the accounts have %d in all, want what they had before all transfers, 0", total))
	}
}

// disorder says what is wrong with a journal, empty if nothing is.
func disorder(lines []line) string {
	seen := make(map[int]bool)
	last := map[bool]int{} // by sender
	for _, l := range lines {
		switch told := l.N >= toldBy; {
		case l.N < 0:
			return "a signal of an operation that failed"
		case seen[l.N]:
			return fmt.Sprintf("number %d twice", l.N)
		case l.N < lateBy && l.N < last[told]:
			return fmt.Sprintf("number %d behind %d", l.N, last[told])
		case l.N < lateBy:
			last[told] = l.N
		}
		seen[l.N] = true
	}
	return ""
}

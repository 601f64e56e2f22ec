package scheduler_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
)

// The entities of the tests are books: each operation that counts adds a line,
// and no line ever goes. So of any two states that somebody was shown one begins
// with the other, which the ledger holds them to.

// Names of entities that keep a book. One instance writes in a journal of its
// own; accounts are everybody's.
const (
	journal = "journal"
	account = "account"
)

// line is what an operation left in a book. No two runs leave the same.
type line struct {
	N   int    `json:"n"`
	Run uint64 `json:"run"`
}

// entry is the input of the operation add.
type entry struct {
	N    int       `json:"n"`
	Due  time.Time `json:"due,omitzero"`   // not before
	Copy string    `json:"copy,omitempty"` // the key of a journal that gets it too
}

// balance is the result of the operations add and look.
type balance struct{ Sum, Lines int }

// keepBook is the entity.
func keepBook(to reporter) worker.Entity {
	return func(ctx *worker.EntityContext, op string, input []byte) ([]byte, error) {
		lines, err := readBook(ctx.State())
		if err != nil {
			return nil, err
		}
		switch op {
		case "look":
		case "spoil": // a failed operation leaves nothing behind
			ctx.SetState([]byte(`"spoiled"`))
			return nil, errors.Join(errors.New("spoiled"), ctx.Signal(ctx.ID(), "add", []byte(`{"n":-1}`), time.Time{}))
		case "add":
			var e entry
			if err := json.Unmarshal(input, &e); err != nil {
				return nil, err
			}
			if !e.Due.IsZero() {
				to.Fired(ctx.ID().String(), e.Due, time.Now())
			}
			if e.Copy != "" {
				if err := signalBook(ctx.Signal, e.Copy, entry{N: e.N}); err != nil {
					return nil, err
				}
			}
			lines = append(lines, line{N: e.N, Run: rand.Uint64()})
			state, err := json.Marshal(lines)
			if err != nil {
				return nil, err
			}
			ctx.SetState(state)
		}
		b := balance{Lines: len(lines)}
		for _, l := range lines {
			b.Sum += l.N
		}
		return json.Marshal(b)
	}
}

// signalBook sends an entry to a journal by the signal function of a context.
func signalBook(signal func(dts.EntityID, string, []byte, time.Time) error, key string, e entry) error {
	input, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return signal(dts.EntityID{Name: journal, Key: key}, "add", input, time.Time{})
}

func readBook(state []byte) (lines []line, err error) {
	if state != nil {
		err = json.Unmarshal(state, &lines)
	}
	return lines, err
}

// callBook calls an operation and waits for the balance.
func callBook(ctx *worker.Context, id dts.EntityID, op string, e entry) (b balance, err error) {
	input, err := json.Marshal(e)
	if err != nil {
		return b, err
	}
	out, err := ctx.CallEntity(id, op, input).Await()
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(out, &b)
}

// tally adds numbers to a journal of its own and looks at each result.
func tally(ctx *worker.Context, j job) (any, error) {
	id := dts.EntityID{Name: journal, Key: ctx.InstanceID()}
	want := balance{}
	for i := range 2 * j.N {
		want.Sum, want.Lines = want.Sum+i, want.Lines+1
		if got, err := callBook(ctx, id, "add", entry{N: i}); got != want || err != nil {
			return nil, errors.Join(errors.New("G6: an operation was not effective once"), err)
		}
		if i == j.N {
			if _, err := callBook(ctx, id, "spoil", entry{}); err == nil {
				return nil, errors.New("an operation that fails has a result")
			}
		}
	}
	return want.Sum, nil
}

// teller signals numbers to the journal of a driver, in order.
func teller(ctx *worker.Context, j job) (any, error) {
	for i := range 2 * j.N {
		if err := signalBook(ctx.SignalEntity, ctx.InstanceID(), entry{N: toldBy + i}); err != nil {
			return nil, err
		}
		if i%2 == 0 {
			if _, err := callDouble(ctx, i, j.Slow); err != nil {
				return nil, err
			}
		}
	}
	return j.N, nil
}

// accountsOf are the two accounts that a job is about.
func accountsOf(j job) (from, to dts.EntityID) {
	keys := []string{"a", "b", "c"}
	i := j.Sum % len(keys)
	return dts.EntityID{Name: account, Key: keys[i]}, dts.EntityID{Name: account, Key: keys[(i+1)%len(keys)]}
}

// transfer moves an amount from one account to another, and while it has both
// nobody else's operation is done on them.
func transfer(ctx *worker.Context, j job) (any, error) {
	from, to := accountsOf(j)
	locked, release := ctx.Lock(from, to)
	defer release()
	if _, err := locked.Await(); err != nil {
		return nil, err
	}
	took, err := callBook(ctx, from, "add", entry{N: -j.N})
	if err != nil {
		return nil, err
	}
	if _, err := callDouble(ctx, j.N, j.Slow); err != nil {
		return nil, err
	}
	if _, err := callBook(ctx, to, "add", entry{N: j.N}); err != nil {
		return nil, err
	}
	if left, err := callBook(ctx, from, "look", entry{}); left != took || err != nil {
		return nil, errors.Join(errors.New("G6: somebody changed an account that was locked"), err)
	}
	return j.N, nil
}

// seize locks two accounts and does not let go of them: it fails after a while,
// or never ends by itself.
func seize(ctx *worker.Context, j job) (any, error) {
	locked, _ := ctx.Lock(accountsOf(j))
	if _, err := locked.Await(); err != nil {
		return nil, err
	}
	if j.Wait == 0 {
		return ctx.Event("never").Await()
	}
	if _, err := ctx.Timer(ctx.Now().Add(j.Wait)).Await(); err != nil {
		return nil, err
	}
	return nil, errors.New("it had locks")
}

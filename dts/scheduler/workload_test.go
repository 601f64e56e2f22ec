package scheduler_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/funchost/funchost/dts/worker"
)

// job is the input of all orchestrators here; each uses what it needs.
type job struct {
	N    int           `json:"n"`
	Slow time.Duration `json:"slow,omitempty"` // an activity takes up to this long
	Wait time.Duration `json:"wait,omitempty"` // of a timer
	Due  time.Time     `json:"due,omitzero"`   // of a delayed start
	Peer string        `json:"peer,omitempty"` // an instance to talk to
	Pad  int           `json:"pad,omitempty"`  // results have so many bytes more
	Sum  int           `json:"sum,omitempty"`
	Got  []int         `json:"got,omitempty"`
}

// Names that tests refer to.
const (
	countdown = "countdown" // the one that calls activities and continues as new
	collect   = "collect"
	hold      = "hold"
)

// last is the event that ends a collect.
const last = -1

// functions returns what the workers of the tests run.
func functions(to reporter) *worker.Registry {
	r := worker.NewRegistry()
	orchestrators := map[string]func(*worker.Context, job) (any, error){
		"sequence": sequence, "fan-out": fanOut, "nap": nap, "wake": wake, countdown: countDown, "nest": nest,
		"patience": patience, collect: collectEvents, "relay": relay, hold: holdOut, shaky: tryOut,
		"long": longHistory, "tally": tally, "teller": teller, "transfer": transfer, "seize": seize,
	}
	for name, f := range orchestrators {
		err := r.Orchestrator(name, func(ctx *worker.Context, input []byte) ([]byte, error) {
			var j job
			if err := json.Unmarshal(input, &j); err != nil {
				return nil, err
			}
			out, err := f(ctx, j)
			if err != nil {
				return nil, err
			}
			return json.Marshal(out)
		})
		if err != nil {
			panic(err)
		}
	}
	err := errors.Join(
		r.Entity(journal, keepBook(to)),
		r.Entity(account, keepBook(to)),
		r.Activity("double", double),
		r.Activity("notBefore", notBefore),
		r.Activity("alarm", func(ctx context.Context, input []byte) ([]byte, error) {
			var due time.Time
			err := json.Unmarshal(input, &due)
			info, _ := worker.ActivityInfoFrom(ctx)
			to.Fired(info.InstanceID, due, time.Now())
			return nil, err
		}),
	)
	if err != nil {
		panic(err)
	}
	return r
}

// doubled is the result of a run of double. No two runs have the same.
type doubled struct {
	N   int    `json:"n"`
	Run uint64 `json:"run"`
	Pad string `json:"pad,omitempty"`
}

// doubling is the input of double. The time of the turn is in it because it
// differs between a turn that was lost and the one that took its place.
type doubling struct {
	N    int           `json:"n"`
	Slow time.Duration `json:"slow"`
	At   time.Time     `json:"at"`
	Pad  int           `json:"pad,omitempty"`
}

func double(ctx context.Context, input []byte) ([]byte, error) {
	var in doubling
	if err := json.Unmarshal(input, &in); err != nil {
		return nil, err
	}
	if in.Slow > 0 {
		sleep(ctx, rand.N(in.Slow))
	}
	return json.Marshal(doubled{N: 2 * in.N, Run: rand.Uint64(), Pad: strings.Repeat("x", in.Pad)})
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func startDouble(ctx *worker.Context, n int, slow time.Duration) (*worker.Task, error) {
	input, err := json.Marshal(doubling{N: n, Slow: slow, At: ctx.Now()})
	return ctx.Activity("double", input, worker.ActivityOptions{}), err
}

func awaitInt(t *worker.Task) (int, error) {
	b, err := t.Await()
	if err != nil {
		return 0, err
	}
	var d doubled
	if err := json.Unmarshal(b, &d); err == nil {
		return d.N, nil
	}
	return strconv.Atoi(string(b))
}

func callDouble(ctx *worker.Context, n int, slow time.Duration) (int, error) {
	t, err := startDouble(ctx, n, slow)
	if err != nil {
		return 0, err
	}
	return awaitInt(t)
}

func sequence(ctx *worker.Context, j job) (any, error) {
	n := j.N
	for range 3 {
		var err error
		if n, err = callDouble(ctx, n, j.Slow); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// longHistory grows a history so long that the scheduler would have its turns go
// on where they are warm.
func longHistory(ctx *worker.Context, j job) (any, error) {
	n := 0
	for range 3 + j.N {
		input, err := json.Marshal(doubling{N: 1, Slow: j.Slow, At: ctx.Now(), Pad: j.Pad})
		if err != nil {
			return nil, err
		}
		two, err := awaitInt(ctx.Activity("double", input, worker.ActivityOptions{}))
		if err != nil {
			return nil, err
		}
		n += two
	}
	return n, nil
}

func fanOut(ctx *worker.Context, j job) (any, error) {
	tasks := make([]*worker.Task, j.N)
	for i := range tasks {
		var err error
		if tasks[i], err = startDouble(ctx, i, j.Slow); err != nil {
			return nil, err
		}
	}
	return sum(tasks)
}

func sum(tasks []*worker.Task) (int, error) {
	total := 0
	for _, t := range tasks {
		n, err := awaitInt(t)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func nap(ctx *worker.Context, j job) (any, error) {
	due := ctx.Now().Add(j.Wait)
	if _, err := ctx.Timer(due).Await(); err != nil {
		return nil, err
	}
	return ring(ctx, due)
}

// ring reports that the time has come.
func ring(ctx *worker.Context, due time.Time) (any, error) {
	if ctx.Now().Before(due) {
		return nil, errors.New("the timer fired before its time")
	}
	input, err := json.Marshal(due)
	if err != nil {
		return nil, err
	}
	_, err = ctx.Activity("alarm", input, worker.ActivityOptions{}).Await()
	return "rested", err
}

// wake is an orchestrator that is started for a later time.
func wake(ctx *worker.Context, j job) (any, error) { return ring(ctx, j.Due) }

func countDown(ctx *worker.Context, j job) (any, error) {
	if j.N == 0 {
		return j.Sum, nil
	}
	n, err := callDouble(ctx, j.N, j.Slow)
	if err != nil {
		return nil, err
	}
	j.N--
	j.Sum += n
	return nil, continueWith(ctx, j)
}

func continueWith(ctx *worker.Context, j job) error {
	input, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return ctx.ContinueAsNew(input, worker.ContinueOptions{})
}

func nest(ctx *worker.Context, j job) (any, error) {
	input, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	return sum([]*worker.Task{
		ctx.Orchestration("sequence", input, worker.OrchestrationOptions{}),
		ctx.Orchestration("fan-out", input, worker.OrchestrationOptions{ID: ctx.InstanceID() + ":fan-out"}),
	})
}

// patience waits for an event, with a timer that it cancels.
func patience(ctx *worker.Context, j job) (any, error) {
	event, timer := ctx.Event("go"), ctx.Timer(ctx.Now().Add(1000*j.Wait))
	ctx.Until(func() bool { return event.Done() || timer.Done() })
	timer.Cancel()
	return event.Done(), nil
}

// collectEvents returns the numbers that come in, in their order, and continues
// as new after each third, so that events meet every moment of that.
func collectEvents(ctx *worker.Context, j job) (any, error) {
	for range 3 {
		b, err := ctx.Event("number").Await()
		if err != nil {
			return nil, err
		}
		n, err := strconv.Atoi(string(b))
		if n == last || err != nil {
			return j.Got, err
		}
		j.Got = append(j.Got, n)
	}
	return nil, continueWith(ctx, j)
}

// relay sends numbers to a collect.
func relay(ctx *worker.Context, j job) (any, error) {
	for i := range j.N {
		ctx.SendEvent(j.Peer, "number", []byte(strconv.Itoa(i)))
		if i%2 == 0 {
			if _, err := callDouble(ctx, i, j.Slow); err != nil {
				return nil, err
			}
		}
	}
	ctx.SendEvent(j.Peer, "number", []byte(strconv.Itoa(last)))
	return j.N, nil
}

// childOf names the child of a hold.
func childOf(id string) string { return id + ":child" }

// holdOut never ends by itself, nor does its child.
func holdOut(ctx *worker.Context, j job) (any, error) {
	if j.N > 0 {
		j.N = 0
		input, err := json.Marshal(j)
		if err != nil {
			return nil, err
		}
		ctx.Orchestration(hold, input, worker.OrchestrationOptions{ID: childOf(ctx.InstanceID())})
	}
	return ctx.Event("never").Await()
}

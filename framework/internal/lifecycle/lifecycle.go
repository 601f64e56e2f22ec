// Package lifecycle runs the named parts of a process: it starts them in order,
// waits for each to be ready, and stops them in reverse within one budget.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Runner is a long-lived part of a process. Run works until its context ends
// and returns after everything that it started has ended; a nil error means an
// orderly end. Ready is closed once, when the runner serves.
type Runner interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
}

// Step is one runner with its name in logs and its share of the stop budget.
type Step struct {
	Name   string
	Runner Runner

	// Weight is the step's part of the budget in relation to the other steps.
	// Zero means 1.
	Weight int

	// Needs is time that the step is sure to use. It comes out of the budget
	// before the weights divide it, but never takes more than half of it.
	Needs time.Duration
}

func (s Step) weight() int { return max(s.Weight, 1) }

// Group is a slice of steps that live and die together.
type Group struct {
	Steps  []Step
	Budget time.Duration // for the whole stop; what a step leaves over falls to the next
	Logger *slog.Logger

	// OnReady is called once when every step is ready, OnStop once before the
	// first step is stopped. Both may be nil and must not block.
	OnReady func()
	OnStop  func()
}

// letGo is how long a step that has used up its share may take to return after
// it was told so. It is added to the budget only by steps that overrun.
const letGo = time.Second

// slow is the duration from which starting or stopping a step is worth a line
// that a person reads.
const slow = time.Second

// Run starts the steps, waits until ctx ends or a step ends on its own, and
// stops what was started in reverse order. A stop that was asked for gives nil.
// A step that does not return within its share is left behind, and the error
// names it: then, and only then, Run returns before all steps have ended.
func (g *Group) Run(ctx context.Context) error {
	ended := make(chan *running, len(g.Steps))
	var (
		started []*running
		err     error
	)
	for _, step := range g.Steps {
		r := start(ctx, step, g.share(step, g.Budget), ended)
		started = append(started, r)
		var ok bool
		if ok, err = g.awaitReady(ctx, r, ended); !ok {
			return errors.Join(err, g.stop(ctx, started))
		}
	}
	if g.OnReady != nil {
		g.OnReady()
	}
	select {
	case <-ctx.Done():
	case r := <-ended:
		err = r.cause()
	}
	return errors.Join(err, g.stop(ctx, started))
}

// awaitReady reports whether the start may go on. It may not when the group is
// to stop (no error) or when a step has ended (its error).
func (g *Group) awaitReady(ctx context.Context, r *running, ended <-chan *running) (bool, error) {
	began := time.Now()
	patience := time.NewTimer(10 * slow)
	defer patience.Stop()
	for {
		select {
		case <-r.Runner.Ready():
			g.log(ctx, "step is ready", r.Name, time.Since(began))
			return true, nil
		case <-ctx.Done():
			return false, nil
		case r := <-ended:
			return false, r.cause()
		case <-patience.C:
			g.Logger.Warn("a step is slow to become ready", "step", r.Name, "duration", time.Since(began))
		}
	}
}

// stop ends the started steps, last one first. Shares are counted from the
// beginning of the stop, so that a step that is quick gives its time to those
// after it.
func (g *Group) stop(ctx context.Context, started []*running) error {
	if g.OnStop != nil {
		g.OnStop()
	}
	budget := g.Budget
	if hurry, ok := errors.AsType[*HurryError](context.Cause(ctx)); ok {
		budget = min(budget, hurry.Budget)
	}
	var (
		errs     []error
		deadline = time.Now()
		cut      = cutOf(ctx)
	)
	for _, r := range slices.Backward(started) {
		began := time.Now()
		deadline = deadline.Add(g.share(r.Step, budget))
		if err := r.end(deadline, cut); err != nil {
			g.Logger.Warn("a step did not stop in time", "step", r.Name, "duration", time.Since(began))
			errs = append(errs, err)
			continue
		}
		g.log(ctx, "step has stopped", r.Name, time.Since(began))
	}
	return errors.Join(errs...)
}

// share is the step's part of the budget.
func (g *Group) share(s Step, budget time.Duration) time.Duration {
	var (
		weights int
		needs   time.Duration
	)
	for _, other := range g.Steps {
		weights += other.weight()
		needs += other.Needs
	}
	own := s.Needs
	if half := budget / 2; needs > half {
		own = time.Duration(float64(own) / float64(needs) * float64(half))
		needs = half
	}
	return own + (budget-needs)*time.Duration(s.weight())/time.Duration(weights)
}

func (g *Group) log(ctx context.Context, text, step string, took time.Duration) {
	level := slog.LevelDebug
	if took >= slow {
		level = slog.LevelInfo
	}
	g.Logger.Log(ctx, level, text, "step", step, "duration", took)
}

// running is a step that was started.
type running struct {
	Step
	stop     context.CancelFunc // asks the runner to end
	endGrace context.CancelFunc // tells it that its time to do so is over
	done     chan struct{}      // closed when Run has returned
	err      error              // what Run returned; read after done
	reported bool               // err was the reason of the stop
}

func start(ctx context.Context, step Step, share time.Duration, ended chan<- *running) *running {
	r := &running{Step: step, done: make(chan struct{})}
	// The end of ctx must not reach the runner by itself: the order of the stop
	// would be lost.
	base := context.WithoutCancel(ctx)
	grace, endGrace := context.WithCancel(base)
	own, stop := context.WithCancel(base)
	r.stop, r.endGrace = stop, endGrace
	own = context.WithValue(own, allowanceKey{}, allowance{grace, share})
	go func() {
		r.err = step.Runner.Run(own)
		close(r.done)
		ended <- r // never blocks: there is room for every step
	}()
	return r
}

// end stops the runner and waits for it until the deadline, or until cut is
// closed.
func (r *running) end(deadline time.Time, cut <-chan struct{}) error {
	defer r.endGrace()
	r.stop()
	if waitUntil(r.done, deadline, cut) {
		return r.stopError()
	}
	r.endGrace()
	if waitUntil(r.done, time.Now().Add(letGo), nil) {
		return r.stopError()
	}
	return fmt.Errorf("stop %s: still running when its share of the shutdown timeout was used up", r.Name)
}

// stopError is what went wrong while the runner stopped. What ended the group
// was reported by cause, and a runner may answer its own end with ctx.Err().
func (r *running) stopError() error {
	if r.reported || errors.Is(r.err, context.Canceled) {
		return nil
	}
	return r.err
}

// cause explains why a runner ended although nobody asked it to.
func (r *running) cause() error {
	r.reported = true
	if r.err != nil {
		return r.err
	}
	return fmt.Errorf("%s ended on its own", r.Name)
}

func waitUntil(done <-chan struct{}, deadline time.Time, cut <-chan struct{}) bool {
	select {
	case <-done: // also when the deadline has passed
		return true
	default:
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
	case <-cut:
	}
	return false
}

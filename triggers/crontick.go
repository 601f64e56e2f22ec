package triggers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
)

const (
	lateAfter   = 5 * time.Minute // a worker that is scaled from zero is there by then
	catchUp     = 24 * time.Hour  // how far back MissedAll goes
	maxMissed   = 1000            // to which missed ticks are counted
	sweepAfter  = time.Hour       // how long finished ticks are kept
	sweepAtOnce = 20              // ticks that one tick purges at the most
)

// cronTick is the input of one tick.
type cronTick struct {
	Trigger  string    `json:"trigger"`
	Revision string    `json:"revision"` // of the plan that made it
	Due      time.Time `json:"due"`
	// Runs are due times whose runs may not be finished, for OverlapSkip.
	Runs []time.Time `json:"runs,omitempty"`
	// Sweep is a due time: ticks before it are purged.
	Sweep time.Time `json:"sweep"`
}

// start makes the tick wait for its time in the hub. One that is there already,
// in whatever state, is as good.
func (t cronTick) start(ctx context.Context, c *dts.Client) error {
	input, err := c.Converter().Marshal(t)
	if err != nil {
		return err
	}
	return startOnce(ctx, c, dts.StartRequest{
		Name: runTick.Name(), ID: tickID(t.Trigger, t.Due), Input: input, StartAt: t.Due,
	})
}

// startOnce starts an instance unless there is or was one with the id.
func startOnce(ctx context.Context, c *dts.Client, r dts.StartRequest) error {
	r.Reuse = &dts.ReusePolicy{} // not the same as none, by which a finished one is replaced
	if _, err := c.Start(ctx, r); err != nil && !errors.Is(err, dts.ErrExists) {
		return err
	}
	return nil
}

// cronStep is what a tick has to do. It is decided once and then done until it is
// done, so a tick that is repeated repeats the same.
type cronStep struct {
	Next  *cronTick   `json:"next,omitempty"` // nil if the tick is withdrawn
	Start *cronStart  `json:"start,omitempty"`
	Sweep []time.Time `json:"sweep,omitempty"`
}

type cronStart struct {
	Orchestrator string       `json:"orchestrator"`
	Tick         durable.Tick `json:"tick"`
}

// tick is one due time of one trigger.
func tick(ctx *durable.Context, t cronTick) (durable.None, error) {
	step, err := planStep.Call(ctx, t, untilDone())
	if err != nil || step.Next == nil {
		return durable.None{}, err
	}
	_, err = takeStep.Call(ctx, step, untilDone())
	return durable.None{}, err
}

// planTick decides what a tick has to do. It is an activity since hosts may know
// different rules for a time zone: what one of them has worked out stands.
func planTick(ctx context.Context, t cronTick) (cronStep, error) {
	client, err := cronClient(ctx)
	if err != nil {
		return cronStep{}, err
	}
	r, err := readRecord(ctx, client, t.Trigger)
	if err != nil || r == nil || r.Plan.withdrawn() {
		return cronStep{}, err
	}
	if r.Revision == "" {
		return cronStep{}, fmt.Errorf("the record of the cron trigger %q has no plan yet", t.Trigger)
	}
	s, err := r.Plan.schedule(r.Since)
	if err != nil {
		return cronStep{}, err
	}
	if t.Revision != r.Revision && !s.due(t.Due) {
		return cronStep{}, nil
	}
	var (
		now     = time.Now()
		next    = s.next(t.Due)
		run     = durable.Tick{Trigger: t.Trigger, Due: t.Due.In(s.zone), Late: !next.After(now) || now.Sub(t.Due) > lateAfter}
		resume  = now // where the chain goes on
		wanted  = r.Plan.Missed != MissedNone || !run.Late
		pending []time.Time
	)
	if r.Plan.Missed == MissedAll {
		resume = now.Add(-catchUp)
	}
	if !next.After(resume) {
		run.Missed = s.count(next, resume, maxMissed)
		next = s.next(resume)
	}
	if r.Plan.Overlap == OverlapSkip {
		if pending, err = unfinished(ctx, client, t); err != nil {
			return cronStep{}, err
		}
		wanted = wanted && len(pending) == 0
		if wanted {
			pending = []time.Time{t.Due}
		}
	}
	step := cronStep{Next: &cronTick{Trigger: t.Trigger, Revision: r.Revision, Due: next, Runs: pending, Sweep: t.Sweep}}
	if wanted {
		step.Start = &cronStart{r.Plan.Starts, run}
	}
	for at := &step.Next.Sweep; len(step.Sweep) < sweepAtOnce && at.Before(t.Due) && now.Sub(*at) > sweepAfter; *at = s.next(*at) {
		step.Sweep = append(step.Sweep, *at)
	}
	return step, nil
}

// unfinished returns those runs that are not finished, or not even started
// because their tick is still at it.
func unfinished(ctx context.Context, c *dts.Client, t cronTick) ([]time.Time, error) {
	var live []time.Time
	for _, due := range t.Runs {
		in, err := c.Instance(ctx, runID(t.Trigger, due))
		if errors.Is(err, dts.ErrNotFound) {
			in, err = c.Instance(ctx, tickID(t.Trigger, due))
		}
		switch {
		case errors.Is(err, dts.ErrNotFound):
		case err != nil:
			return nil, err
		case !in.Status.Terminal():
			live = append(live, due)
		}
	}
	return live, nil
}

// stepTick does what was decided. The successor comes first: whatever happens to
// this tick then, the schedule goes on.
func stepTick(ctx context.Context, s cronStep) (durable.None, error) {
	client, err := cronClient(ctx)
	if err != nil {
		return durable.None{}, err
	}
	if err := s.Next.start(ctx, client); err != nil {
		return durable.None{}, err
	}
	if s.Start != nil {
		input, err := client.Converter().Marshal(s.Start.Tick)
		if err != nil {
			return durable.None{}, err
		}
		err = startOnce(ctx, client, dts.StartRequest{
			Name: s.Start.Orchestrator, ID: runID(s.Next.Trigger, s.Start.Tick.Due), Input: input,
		})
		if err != nil {
			return durable.None{}, err
		}
	}
	for _, due := range s.Sweep {
		if _, err := client.Purge(ctx, tickID(s.Next.Trigger, due)); err != nil {
			return durable.None{}, err
		}
	}
	return durable.None{}, nil
}

// readRecord returns the record of a trigger, nil if it has none, with an empty
// revision if it has heard of no plan.
func readRecord(ctx context.Context, c *dts.Client, trigger string) (*cronRecord, error) {
	in, err := c.Instance(ctx, recordID(trigger))
	switch {
	case errors.Is(err, dts.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case in.Status.Terminal():
		return nil, nil
	}
	return recordOf(c, in)
}

func recordOf(c *dts.Client, in *dts.Instance) (*cronRecord, error) {
	r := new(cronRecord)
	if in.CustomStatus == nil {
		return r, nil
	}
	if err := c.Converter().Unmarshal(in.CustomStatus, r); err != nil {
		return nil, fmt.Errorf("read schedule record %q: %w", in.ID, err)
	}
	return r, nil
}

func cronClient(ctx context.Context) (*dts.Client, error) {
	if c := framework.ClientFrom(ctx); c != nil {
		return c, nil
	}
	return nil, durable.Permanent(errors.New("BUG: a cron activity without a client"))
}

package triggers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
)

// The functions that all cron triggers bring along. What they do is written in the
// hub, not in a trigger, so that any host with any cron trigger can run the ticks
// of all.
//
// For each trigger there is one schedule record, an orchestration that lives as
// long as the trigger, and a chain of ticks. Hosts send the record the plan they
// have; it decides which one holds, shows it as its status, and starts the first
// tick. Each tick reads the record and starts the next.
var (
	keepRecord = durable.OrchestratorNamed[cronRecord, durable.None]("funchost.cron.schedule")
	runTick    = durable.OrchestratorNamed[cronTick, durable.None]("funchost.cron.tick")
	replaceDue = durable.ActivityNamed[cronChange, durable.None]("funchost.cron.replace")
	planStep   = durable.ActivityNamed[cronTick, cronStep]("funchost.cron.plan")
	takeStep   = durable.ActivityNamed[cronStep, durable.None]("funchost.cron.step")

	declared = durable.NewEvent[cronDeclaration]("declared")
)

func cronFunctions() []durable.Definition {
	return []durable.Definition{
		keepRecord.With(keep),
		runTick.With(tick),
		replaceDue.With(replace),
		planStep.With(planTick),
		takeStep.With(stepTick),
	}
}

// untilDone tries for as long as it takes: a schedule has nobody to complain to.
func untilDone() durable.CallOption {
	return durable.Retry(durable.RetryPolicy{Attempts: -1, First: time.Second, Factor: 2, Max: time.Minute})
}

// cronRecord is what the hub knows of a trigger. It is the input of keepRecord and
// its status.
type cronRecord struct {
	Trigger string `json:"trigger"`
	App     string `json:"app,omitempty"` // whose hosts declared the plan
	// Plan holds under Revision, an id that is new each time the plan changes.
	// An empty revision is a record that has heard of no plan yet.
	Plan     cronPlan  `json:"plan"`
	Revision string    `json:"revision,omitempty"`
	Since    time.Time `json:"since"` // when the schedule was set; @every counts from here
	// Past are plans that were replaced. A host that declares one of them may be a
	// leftover of a rolling update, or the first of a roll-back: Disputed is when
	// such a host spoke up and nobody has defended the plan since.
	Past     []cronPlan `json:"past,omitempty"`
	Disputed time.Time  `json:"disputed,omitzero"`
	Heard    int        `json:"heard"` // declarations so far
}

// cronDeclaration is what a host says about a trigger.
type cronDeclaration struct {
	App  string   `json:"app"`
	Plan cronPlan `json:"plan"`
}

const (
	// patience is how long a plan that nobody defends stands against one that it
	// has replaced. Hosts look at the record every lookEvery.
	patience  = time.Minute
	lookEvery = 20 * time.Second

	maxPast       = 20             // plans; an older one counts as new
	recordRound   = 50             // declarations until the history is cut
	withdrawnStay = 24 * time.Hour // how long a withdrawn trigger is remembered
	maxLeft       = 4000           // finished ticks that a change purges; each second for an hour are fewer
)

// hear takes in a declaration and reports whether the plan has changed.
func (r *cronRecord) hear(d cronDeclaration, now time.Time, revision string) bool {
	r.Heard++
	if r.Revision != "" && d.Plan == r.Plan {
		r.Disputed = time.Time{}
		return false
	}
	if slices.Contains(r.Past, d.Plan) && (r.Disputed.IsZero() || now.Sub(r.Disputed) < patience) {
		if r.Disputed.IsZero() {
			r.Disputed = now
		}
		return false
	}
	past := slices.DeleteFunc(r.Past, func(p cronPlan) bool { return p == d.Plan })
	if r.Revision != "" {
		past = append(past, r.Plan)
	}
	if d.Plan.Spec != r.Plan.Spec || d.Plan.Zone != r.Plan.Zone {
		r.Since = now
	}
	r.Past = past[max(0, len(past)-maxPast):]
	r.App, r.Plan, r.Revision, r.Disputed = d.App, d.Plan, revision, time.Time{}
	return true
}

// keep is the schedule record of one trigger.
func keep(ctx *durable.Context, r cronRecord) (durable.None, error) {
	if r.Revision != "" {
		ctx.SetStatus(r)
	}
	for range recordRound {
		stay := time.Duration(0) // for ever
		if r.Revision != "" && r.Plan.withdrawn() {
			stay = withdrawnStay
		}
		d, err := declared.Wait(ctx, stay)
		if errors.Is(err, durable.ErrTimeout) {
			return durable.None{}, nil
		}
		if err != nil {
			return durable.None{}, err
		}
		before := r
		r.hear(d, ctx.Now(), ctx.NewID())
		ctx.SetStatus(r)
		// Also when nothing has changed: a tick that is not there is made up for.
		if _, err := replaceDue.Call(ctx, cronChange{before, r}, untilDone()); err != nil {
			return durable.None{}, err
		}
	}
	return durable.None{}, durable.ContinueAsNew(ctx, r)
}

// cronChange is the record before and after a declaration.
type cronChange struct {
	Before cronRecord `json:"before"`
	After  cronRecord `json:"after"`
}

// replace makes sure that the next tick of the plan that holds is there and that
// of the plan that held before is not.
func replace(ctx context.Context, c cronChange) (durable.None, error) {
	client, err := cronClient(ctx)
	if err != nil {
		return durable.None{}, err
	}
	now := time.Now()
	first := cronTick{Trigger: c.After.Trigger, Revision: c.After.Revision}
	if c.Before.Revision != c.After.Revision && !c.Before.Plan.withdrawn() {
		if first.Runs, err = withdraw(ctx, client, c.Before, now); err != nil {
			return durable.None{}, err
		}
	}
	if c.After.Plan.withdrawn() {
		return durable.None{}, nil
	}
	s, err := c.After.Plan.schedule(c.After.Since)
	if err != nil {
		return durable.None{}, err
	}
	first.Due = s.next(now)
	first.Sweep = first.Due
	return durable.None{}, first.start(ctx, client)
}

// withdraw takes back the tick that waits for its time, with what is left of those
// before it, and returns the runs that it knew of. One that is not found is under
// way, and sees by itself that its plan is gone.
func withdraw(ctx context.Context, c *dts.Client, r cronRecord, now time.Time) ([]time.Time, error) {
	s, err := r.Plan.schedule(r.Since)
	if err != nil {
		return nil, err
	}
	due := s.next(now)
	id := tickID(r.Trigger, due)
	waiting, err := c.Instance(ctx, id)
	if errors.Is(err, dts.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var t cronTick
	if err := c.Converter().Unmarshal(waiting.Input, &t); err != nil {
		return nil, fmt.Errorf("read tick %q: %w", id, err)
	}
	if waiting.Status != dts.StatusPending {
		return t.Runs, nil
	}
	if err := c.Terminate(ctx, id, "the schedule has changed"); err != nil {
		return nil, err
	}
	if _, err := c.Wait(ctx, id); err != nil {
		return nil, err
	}
	// The id must be free again: the new plan may be due at the same time.
	if _, err := c.Purge(ctx, id); err != nil {
		return nil, err
	}
	for at, n := t.Sweep, 0; at.Before(due) && n < maxLeft; at, n = s.next(at), n+1 {
		if _, err := c.Purge(ctx, tickID(r.Trigger, at)); err != nil {
			return nil, err
		}
	}
	return t.Runs, nil
}

package triggers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
)

// CronOption changes what [Cron] or [CronFunc] does.
type CronOption func(*cronTrigger)

// Name names the trigger in the hub. What the hub knows of a schedule goes by this
// name: a trigger that is renamed is a new one. The default is the name of the
// orchestrator; two triggers of an app cannot have the same.
func Name(name string) CronOption { return func(t *cronTrigger) { t.name = name } }

// TimeZone sets the zone of the schedule, by its name in the IANA database, as
// "Europe/Lisbon". The default is UTC.
func TimeZone(name string) CronOption { return func(t *cronTrigger) { t.plan.Zone = name } }

// EitherDay makes the day of the month and the day of the week alternatives when
// the schedule restricts both, as in most cron daemons. The default asks for both:
// "0 9 1-7 * MON" is the first Monday of the month.
func EitherDay() CronOption { return func(t *cronTrigger) { t.plan.EitherDay = true } }

// MissedPolicy says what becomes of ticks that nobody was there to run.
type MissedPolicy string

// The policies for missed ticks.
const (
	// MissedOne runs the first tick that was missed, late, and drops the others.
	MissedOne MissedPolicy = "one"
	// MissedAll runs every tick that was missed in the last 24 hours, and always
	// the first.
	MissedAll MissedPolicy = "all"
	// MissedNone drops ticks that are late.
	MissedNone MissedPolicy = "none"
)

// Missed sets what becomes of ticks that nobody was there to run. A tick is late
// when the next one is due already, or five minutes have passed. The default is
// [MissedOne].
func Missed(p MissedPolicy) CronOption { return func(t *cronTrigger) { t.plan.Missed = p } }

// OverlapPolicy says what becomes of a tick while an earlier one still runs.
type OverlapPolicy string

// The policies for overlapping ticks.
const (
	// OverlapSkip drops the tick.
	OverlapSkip OverlapPolicy = "skip"
	// OverlapAllow runs it beside the earlier one.
	OverlapAllow OverlapPolicy = "allow"
)

// Overlap sets what becomes of a tick while an instance that an earlier one has
// started is not finished. The default is [OverlapSkip].
func Overlap(p OverlapPolicy) CronOption { return func(t *cronTrigger) { t.plan.Overlap = p } }

// Cron starts an orchestration at every moment of a schedule: five fields (minute,
// hour, day, month, weekday), six with seconds in front, @hourly and its like, or
// @every with a duration. docs/triggers.md has all forms, and what happens when
// clocks change.
//
// The next tick waits in the hub as a delayed start, so it needs no host to be up
// when it is due, and any number of hosts run it once. The instance of a tick has
// an id made of the trigger's name and the due time.
//
// Schedules are settled by the hosts that trigger. When their schedules differ, as
// in a rolling update, one that is new to the hub holds at once, and one that was
// replaced holds again when no host with its successor is left, in about a minute.
func Cron[O any](spec string, o durable.Orchestrator[durable.Tick, O], opts ...CronOption) framework.Trigger {
	return newCron(spec, o.Name(), []durable.Definition{o}, opts)
}

// CronFunc runs a function at every moment of a schedule, like [Cron]. It needs a
// [Name]. The function is run as an activity: in a worker of the app, again if its
// host is lost, and three times in all when it fails. [framework.ClientFrom] gives
// it the client.
func CronFunc(spec string, fn func(context.Context, durable.Tick) error, opts ...CronOption) framework.Trigger {
	t := newCron(spec, "", nil, opts)
	t.plan.Starts = t.name
	if fn == nil {
		t.err = errors.New("the function is nil\n  give triggers.CronFunc a function")
		return t
	}
	if t.name == "" {
		t.err = errors.New("the trigger has no name\n  give triggers.CronFunc the option triggers.Name")
		return t
	}
	run := durable.NewActivity(t.name, func(ctx context.Context, tick durable.Tick) (durable.None, error) {
		return durable.None{}, fn(ctx, tick)
	})
	t.brings = []durable.Definition{run, durable.NewOrchestrator(t.name, func(ctx *durable.Context, tick durable.Tick) (durable.None, error) {
		return run.Call(ctx, tick, durable.Retry(durable.RetryPolicy{}))
	})}
	return t
}

func newCron(spec, name string, starts []durable.Definition, opts []CronOption) *cronTrigger {
	t := &cronTrigger{name: name, starts: starts, plan: cronPlan{Spec: spec, Starts: name, Missed: MissedOne, Overlap: OverlapSkip}}
	for _, o := range opts {
		o(t)
	}
	return t
}

type cronTrigger struct {
	name   string
	plan   cronPlan
	starts []durable.Definition
	brings []durable.Definition
	err    error
}

func (t *cronTrigger) Describe() framework.TriggerInfo {
	return framework.TriggerInfo{Kind: "cron", Name: cmp.Or(t.name, t.plan.Spec), Starts: t.starts}
}

func (t *cronTrigger) Definitions() []durable.Definition {
	return append(cronFunctions(), t.brings...)
}

// preview is how many due times a host shows when it starts.
const preview = 5

func (t *cronTrigger) Bind(b *framework.Binder) error {
	schedule, err := t.plan.schedule(time.Now())
	if err := errors.Join(t.err, err, t.plan.check()); err != nil {
		return err
	}
	if err := keeperOf(b).add(t.name, t.plan, b.Logger()); err != nil {
		return err
	}
	next := make([]time.Time, preview)
	for i, at := 0, time.Now(); i < preview; i++ {
		at = schedule.next(at)
		next[i] = at
	}
	b.Schedule(t.plan.Spec, next)
	return nil
}

// cronPlan is what a trigger asks of the hub, as the hub keeps it. The zero plan
// asks for nothing: it withdraws a trigger.
type cronPlan struct {
	Spec      string        `json:"spec"`
	Zone      string        `json:"zone,omitempty"`
	EitherDay bool          `json:"eitherDay,omitempty"`
	Starts    string        `json:"starts"`
	Missed    MissedPolicy  `json:"missed"`
	Overlap   OverlapPolicy `json:"overlap"`
}

func (p cronPlan) withdrawn() bool { return p == cronPlan{} }

// schedule is the plan's, with @every counted from since.
func (p cronPlan) schedule(since time.Time) (*schedule, error) {
	s, err := parseSchedule(p.Spec, p.Zone, p.EitherDay)
	if err != nil {
		return nil, err
	}
	return s.anchored(since), nil
}

func (p cronPlan) check() error {
	var errs []error
	switch p.Missed {
	case MissedOne, MissedAll, MissedNone:
	default:
		errs = append(errs, fmt.Errorf("there is no policy %q for missed ticks\n  use triggers.MissedOne, MissedAll or MissedNone", p.Missed))
	}
	switch p.Overlap {
	case OverlapSkip, OverlapAllow:
	default:
		errs = append(errs, fmt.Errorf("there is no policy %q for overlapping ticks\n  use triggers.OverlapSkip or OverlapAllow", p.Overlap))
	}
	return errors.Join(errs...)
}

package durable

import (
	"errors"
	"fmt"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
)

// CallOption changes one call of an activity or a sub-orchestration.
type CallOption interface{ call(*callOptions) }

// StartOption changes one start of a new orchestration.
type StartOption interface{ start(*dts.StartRequest) }

// Option is for calls and for starts.
type Option interface {
	CallOption
	StartOption
}

// ContinueOption changes one [ContinueAsNew].
type ContinueOption interface{ continueAs(*worker.ContinueOptions) }

// VersionOption is for calls, for starts and for going on.
type VersionOption interface {
	Option
	ContinueOption
}

// SignalOption changes one signal to an entity.
type SignalOption interface{ signal(*time.Time) }

// TimeOption is for starts and for signals.
type TimeOption interface {
	StartOption
	SignalOption
}

// ID sets the instance id of a new orchestration, at most 100 characters. Without
// it the id is made up. A sub-orchestration that is tried again keeps an id that
// was set. An activity has no id; a call of one with ID fails.
func ID(id string) Option { return idOption(id) }

// Version asks for a version of the function. Without it an activity gets that of
// the orchestration that calls it, a sub-orchestration the default of the worker, and
// one that continues as new keeps its own. An empty version is none.
func Version(v string) VersionOption { return versionOption(v) }

// Tag attaches a key with a value that can be seen from outside. A repeat with the
// same key replaces the value.
func Tag(key, value string) Option { return tagOption{key, value} }

// At delays a start or a signal until t. A t that has passed means now. A signal
// with a time keeps no order.
func At(t time.Time) TimeOption { return atOption(t) }

// Once starts only if no instance with the id exists, in whatever state; otherwise
// the start fails with [dts.ErrExists]. It is meant to be used with [ID]. Without
// it a finished instance with the same id is replaced.
func Once() StartOption { return onceOption{} }

// DropEvents lets an orchestration that continues as new forget the events that it
// has not received. Without it they are kept for the next round.
func DropEvents() ContinueOption { return dropOption{} }

// Retry tries the activity or sub-orchestration again when it fails, as p says.
// A repeat replaces the policy.
func Retry(p RetryPolicy) CallOption { return retryOption(p) }

// Timeout limits each attempt of an activity to d, from the moment it is asked for.
// When d has passed without a result the attempt has failed with [ErrTimeout],
// which [Retry] may try again; a result that comes later is dropped. The context of
// the activity ends d after the activity began to run, if it runs in a host of this
// framework; elsewhere it is not told.
//
// A d of zero or less fails the call, and so does a Timeout for an orchestrator:
// wait for that with [First] or [Select] and a timer.
func Timeout(d time.Duration) CallOption { return timeoutOption(d) }

type callOptions struct {
	id      string
	version *string
	tags    map[string]string
	retry   *RetryPolicy
	timeout *time.Duration
}

func callOptionsOf(opts []CallOption) callOptions {
	var o callOptions
	for _, opt := range opts {
		opt.call(&o)
	}
	return o
}

// limit is the timeout, zero for none.
func (o callOptions) limit() (d time.Duration) {
	if o.timeout != nil {
		d = *o.timeout
	}
	return d
}

// refuse gives the error for options that cannot be met.
func (o callOptions) refuse(k Kind) error {
	if o.id != "" && k == KindActivity {
		return errors.New("an activity has no instance id: durable.ID is for orchestrations")
	}
	if o.timeout != nil {
		switch {
		case k != KindActivity:
			return fmt.Errorf("durable.Timeout is for activities: wait for an %s with durable.First and a timer", k)
		case *o.timeout <= 0:
			return fmt.Errorf("durable.Timeout is %v, want more than zero", *o.timeout)
		}
	}
	if o.retry != nil {
		return o.retry.refuse()
	}
	return nil
}

type (
	idOption      string
	versionOption string
	tagOption     struct{ key, value string }
	atOption      time.Time
	onceOption    struct{}
	dropOption    struct{}
	retryOption   RetryPolicy
	timeoutOption time.Duration
)

func (id idOption) call(o *callOptions)       { o.id = string(id) }
func (id idOption) start(r *dts.StartRequest) { r.ID = string(id) }

func (v versionOption) call(o *callOptions)       { o.version = (*string)(&v) }
func (v versionOption) start(r *dts.StartRequest) { r.Version = string(v) }

func (v versionOption) continueAs(o *worker.ContinueOptions) { o.Version = (*string)(&v) }
func (dropOption) continueAs(o *worker.ContinueOptions)      { o.DropEvents = true }

func (t tagOption) call(o *callOptions)       { o.tags = t.with(o.tags) }
func (t tagOption) start(r *dts.StartRequest) { r.Tags = t.with(r.Tags) }

func (t tagOption) with(tags map[string]string) map[string]string {
	if tags == nil {
		tags = make(map[string]string)
	}
	tags[t.key] = t.value
	return tags
}

func (at atOption) start(r *dts.StartRequest) { r.StartAt = time.Time(at) }
func (at atOption) signal(when *time.Time)    { *when = time.Time(at) }

// signalTime is when a signal is due, zero for now.
func signalTime(opts []SignalOption) (at time.Time) {
	for _, opt := range opts {
		opt.signal(&at)
	}
	return at
}

func (onceOption) start(r *dts.StartRequest) { r.Reuse = &dts.ReusePolicy{} }

func (p retryOption) call(o *callOptions)   { o.retry = (*RetryPolicy)(&p) }
func (d timeoutOption) call(o *callOptions) { o.timeout = (*time.Duration)(&d) }

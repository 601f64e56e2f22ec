package worker

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/worker/internal/replay"
)

// Context is what an orchestrator sees of the world. It belongs to one turn: its
// methods are called by the orchestrator's own function and by functions it
// handed to [Context.Go], and by nothing else. A call from another goroutine, or
// after the turn, fails the instance with a sentence that says so, and ends that
// goroutine.
//
// Payloads passed in are kept, not copied: do not change them afterwards. Nil
// means none.
type Context replay.Turn

func (c *Context) turn() *replay.Turn { return (*replay.Turn)(c) }

// InstanceID returns the id of the instance.
func (c *Context) InstanceID() string { return c.turn().InstanceID() }

// ExecutionID returns the id of this execution of the instance; it changes with
// each continue-as-new.
func (c *Context) ExecutionID() string { return c.turn().ExecutionID() }

// Name returns the name under which the orchestrator was started.
func (c *Context) Name() string { return c.turn().Start().GetName() }

// Version returns the version the instance was started with, empty if none.
func (c *Context) Version() string { return c.turn().Start().GetVersion().GetValue() }

// Parent returns the instance id of the orchestration that started this one.
func (c *Context) Parent() (id string, ok bool) {
	p := c.turn().Start().GetParentInstance()
	return p.GetOrchestrationInstance().GetInstanceId(), p != nil
}

// Tags returns the tags of the instance. The map must not be changed.
func (c *Context) Tags() map[string]string { return c.turn().Start().GetTags() }

// Now returns the time of the orchestration in UTC. It stands still within a
// turn and is the same in each replay.
func (c *Context) Now() time.Time { return c.turn().Now() }

// Replaying reports whether an earlier turn has already been at this point.
// Decisions must not depend on it; logging may.
func (c *Context) Replaying() bool { return c.turn().Replaying() }

// NewID returns a UUID that is the same in each replay.
func (c *Context) NewID() string { return c.turn().NewID() }

// Rand returns random numbers that are the same in each replay. Each call returns
// the same generator, which goes on from where it is; each execution of an
// instance has numbers of its own.
func (c *Context) Rand() *rand.Rand { return c.turn().Rand() }

// Patched reports whether this execution takes the way of the code with the change of
// that id: true for one that comes here for the first time, and false for one that has
// been here before the change was made. The answer is the same for the whole execution.
// It is kept in the history as an event that is sent to nobody.
func (c *Context) Patched(change string) bool { return c.turn().Patched(change) }

// Logger returns a logger that says things once: it is silent while replaying.
func (c *Context) Logger() *slog.Logger { return c.turn().Logger() }

// ActivityOptions are what [Context.Activity] may be told besides. A nil version
// means the orchestration's own, if it has one. When the timeout has passed since
// the activity began, a worker of this package ends the context it gave it; its
// failure is a [FailureTimeout] then. That is all: who does not want to wait longer
// either has to race it with a timer.
type ActivityOptions struct {
	Version *string
	Tags    map[string]string
	Timeout time.Duration
}

// Activity schedules an activity and returns at once. The error of its task is a
// *dts.Failure.
func (c *Context) Activity(name string, input []byte, o ActivityOptions) *Task {
	if v := c.turn().Start().GetVersion(); o.Version == nil && v.GetValue() != "" {
		o.Version = &v.Value
	}
	return (*Task)(c.turn().Activity(name, input, o.Version, withTimeout(o.Tags, o.Timeout)))
}

// OrchestrationOptions are what [Context.Orchestration] may be told besides. An
// empty ID means one made from the execution id, so that it is the same in each
// replay. A nil version means that of [Versioning].
type OrchestrationOptions struct {
	ID      string
	Version *string
	Tags    map[string]string
}

// Orchestration starts a sub-orchestration and returns at once, unless entities are
// locked. The error of its task is a *dts.Failure.
func (c *Context) Orchestration(name string, input []byte, o OrchestrationOptions) *Task {
	return (*Task)(c.turn().Orchestration(name, o.ID, input, o.Version, o.Tags))
}

// CallEntity asks an entity for an operation and returns at once. The error of its
// task is a *dts.Failure.
func (c *Context) CallEntity(id dts.EntityID, op string, input []byte) *Task {
	if f := refuseID(id); f != nil {
		return (*Task)(c.turn().Refused(f))
	}
	return (*Task)(c.turn().CallEntity(id.String(), op, input))
}

// SignalEntity asks an entity for an operation of which nobody learns the result,
// now or, if a time is given, at that time. The error, a *dts.Failure, says why it
// was not asked: the id is wrong, or this orchestration has locked the entity.
func (c *Context) SignalEntity(id dts.EntityID, op string, input []byte, at time.Time) error {
	f := refuseID(id)
	if f == nil {
		f = c.turn().SignalEntity(id.String(), op, input, at)
	}
	if f == nil {
		return nil
	}
	return wire.ToFailure[dts.Failure](f)
}

// Lock asks for entities to be held for this orchestration alone. Its task is done
// when it has all of them; from then to the release, operations that others ask
// for wait.
//
// In between only the locked entities can be called, each by one call at a time;
// they cannot be signaled, no orchestration can be started and nothing else be
// locked. What breaks these rules fails at once. Release ends it, at any time,
// also before the lock is granted: then its task is done with [ErrCanceled].
// Release may be called again. A lock that is still held when the orchestration
// ends is released, but one that continues as new with a lock fails.
func (c *Context) Lock(ids ...dts.EntityID) (_ *Task, release func()) {
	texts := make([]string, len(ids))
	for i, id := range ids {
		if f := refuseID(id); f != nil {
			return (*Task)(c.turn().Refused(f)), func() {}
		}
		texts[i] = id.String()
	}
	task, release := c.turn().Lock(texts)
	return (*Task)(task), release
}

// Timer returns a task that is done at that time, never earlier. A time that has
// passed is due at once.
func (c *Context) Timer(fireAt time.Time) *Task { return (*Task)(c.turn().Timer(fireAt)) }

// Event returns a task that the next event of that name finishes, with the
// event's payload. Names compare without regard to case. Events that came before
// are kept and taken first, oldest first; of several tasks that wait for the same
// name the oldest gets it. (.NET workers serve the newest.)
func (c *Context) Event(name string) *Task { return (*Task)(c.turn().Event(name)) }

// SendEvent raises an event to another instance of the hub. An instance that
// does not exist does not get it, and nobody is told.
func (c *Context) SendEvent(instanceID, name string, payload []byte) {
	c.turn().SendEvent(instanceID, name, payload)
}

// SetStatus sets the custom status that clients see. It is sent at the end of
// the turn; the last one counts.
func (c *Context) SetStatus(payload []byte) { c.turn().SetStatus(payload) }

// ContinueOptions are what [Context.ContinueAsNew] may be told besides. A nil
// version keeps the version. Events that no task has taken go on to the next
// execution unless they are dropped.
type ContinueOptions struct {
	Version    *string
	DropEvents bool
}

// ContinueAsNew returns an error which, returned by the orchestrator, ends this
// execution and starts the next of the same instance with that input and an
// empty history. On its own it does nothing.
func (c *Context) ContinueAsNew(input []byte, o ContinueOptions) error {
	return &continuation{ContinueOptions: o, input: input}
}

type continuation struct {
	ContinueOptions
	input []byte
}

func (*continuation) Error() string {
	return "continue as new: the orchestrator must return this error for it to happen"
}

// Go runs f as another coroutine of this turn: one of them runs at a time, until
// it waits, in an order that each replay repeats. It starts when the others wait.
// When the orchestrator's own function returns, the rest are left behind. The
// name is for failures.
func (c *Context) Go(name string, f func()) { c.turn().Go(name, f) }

// Until waits until done returns true. It is asked at once, then again whenever
// an event was applied or another coroutine has moved; it must not change
// anything. To wait for many tasks, await them one after another: that is linear.
func (c *Context) Until(done func() bool) { c.turn().Until(done) }

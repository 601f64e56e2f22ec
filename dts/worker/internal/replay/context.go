package replay

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// MaxPayload is that of the [Config].
func (t *Turn) MaxPayload() int { return t.config.MaxPayload }

// InstanceID returns the id of the instance.
func (t *Turn) InstanceID() string { return t.instanceID }

// ExecutionID returns the id of the execution; each continue-as-new has a new one.
func (t *Turn) ExecutionID() string { return t.executionID }

// Start returns the first event of the execution: name, version, tags, parent.
func (t *Turn) Start() *dtspb.ExecutionStartedEvent { return t.started }

// Replaying reports whether an earlier turn has already been here.
func (t *Turn) Replaying() bool { return t.replaying.Load() }

// Now returns the time at which the scheduler handed out the turn that first
// came here.
func (t *Turn) Now() time.Time {
	t.guard("Context.Now")
	return t.now
}

// Activity asks for an activity. Input and tags are kept.
func (t *Turn) Activity(name string, input []byte, version *string, tags map[string]string) *Task {
	t.guard("Context.Activity")
	return t.schedule(action{kind: activity, name: name, input: input, version: version, tags: tags})
}

// Orchestration asks for a sub-orchestration. An empty id means one made from
// the execution's and the sequence id.
func (t *Turn) Orchestration(name, id string, input []byte, version *string, tags map[string]string) *Task {
	t.guard("Context.Orchestration")
	if problem := t.section.refuseChild(name); problem != nil {
		return t.Refused(problem)
	}
	if id == "" {
		base := t.executionID
		if base == "" {
			base = t.instanceID
		}
		id = fmt.Sprintf("%s:%04x", base, t.pending.last)
	}
	if version == nil && t.config.ChildVersion != "" {
		version = &t.config.ChildVersion
	}
	return t.schedule(action{kind: orchestration, name: name, target: id, input: input, version: version, tags: tags})
}

// Timer asks for a timer.
func (t *Turn) Timer(fireAt time.Time) *Task {
	t.guard("Context.Timer")
	return t.schedule(action{kind: timer, fireAt: fireAt})
}

func (t *Turn) schedule(a action) *Task {
	k := &Task{turn: t, action: a}
	t.ask(&k.action)
	for len(t.tasks) < int(k.action.id) {
		t.tasks = append(t.tasks, nil) // actions without outcome
	}
	t.tasks = append(t.tasks, k)
	return k
}

// SendEvent asks for an event to be raised to another instance. It has no outcome.
func (t *Turn) SendEvent(instanceID, name string, input []byte) {
	t.guard("Context.SendEvent")
	t.ask(&action{kind: sentEvent, name: name, target: instanceID, input: input})
}

// SetStatus sets the custom status.
func (t *Turn) SetStatus(status []byte) {
	t.guard("Context.SetStatus")
	t.status = wrapperspb.String(string(status))
}

// ContinueAsNew lets the execution end by continuing with input, once its
// function returns without failure.
func (t *Turn) ContinueAsNew(input []byte, version *string, dropEvents bool) {
	t.guard("Context.ContinueAsNew")
	t.next = &continuation{input: input, version: version, dropEvents: dropEvents}
}

// Go starts another coroutine; it runs when those before it wait.
func (t *Turn) Go(name string, f func()) {
	t.guard("Context.Go")
	co := &coroutine{name: name}
	co.init(t, f)
	if t.trace != nil {
		t.trace.coroutines[co] = t.trace.line(t)
	}
	t.others = append(t.others, co)
	t.ready.push(co)
}

// Until parks the calling coroutine until cond returns true. It is asked at
// once, and again when an event was applied or another coroutine has moved.
func (t *Turn) Until(cond func() bool) {
	t.guard("Context.Until")
	if cond() {
		return
	}
	co := t.parking()
	t.watching = append(t.watching, co)
	for {
		co.park()
		if cond() {
			break
		}
	}
	for i, w := range t.watching {
		if w == co {
			t.watching = append(t.watching[:i], t.watching[i+1:]...)
			break
		}
	}
	t.moves++
}

package replay

import (
	"slices"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Task is something with an outcome that comes later.
type Task struct {
	turn    *Turn
	action  action // for a raised event only kind and name
	state   taskState
	result  *wrapperspb.StringValue
	failure *dtspb.TaskFailureDetails
	waiters queue
}

type taskState uint8

const (
	open taskState = iota
	done
	canceled
)

// Done reports whether the task has its outcome or was canceled.
func (k *Task) Done() bool {
	k.turn.guard("Task.Done")
	return k.state != open
}

// Canceled reports whether Cancel came before the outcome.
func (k *Task) Canceled() bool {
	k.turn.guard("Task.Result")
	return k.state == canceled
}

// Outcome returns the result or the failure of a task that is done. Both may be
// nil: a result can be absent. They are part of the history and never changed.
func (k *Task) Outcome() (*wrapperspb.StringValue, *dtspb.TaskFailureDetails) {
	k.turn.guard("Task.Result")
	return k.result, k.failure
}

// Await parks the calling coroutine until the task is done.
func (k *Task) Await() {
	t := k.turn
	t.guard("Task.Await")
	if k.state != open {
		return
	}
	co := t.parking()
	k.waiters.push(co)
	for k.state == open {
		co.park()
	}
}

// Cancel drops a timer or a wait for an event that is not done. Other tasks go
// on: there is no way to take them back.
func (k *Task) Cancel() {
	t := k.turn
	t.guard("Task.Cancel")
	if k.state != open {
		return
	}
	switch k.action.kind {
	case timer: // stays in the table: it will fire, and nobody must warn about it
	case raisedEvent:
		if i := slices.Index(t.waiting, k); i >= 0 {
			t.waiting = slices.Delete(t.waiting, i, i+1)
		}
	default:
		return
	}
	k.finish(canceled)
}

// finish sets the state and wakes who waits.
func (k *Task) finish(s taskState) {
	k.state = s
	k.turn.moves++
	k.turn.ready.append(&k.waiters)
}

// complete gives the open task with that id its outcome.
func (t *Turn) complete(id int32, k kind, result *wrapperspb.StringValue, failure *dtspb.TaskFailureDetails) {
	var task *Task
	if id >= 0 && int(id) < len(t.tasks) {
		task = t.tasks[id]
	}
	if task == nil || task.action.kind != k {
		t.warn("outcome without an open task is ignored", "kind", string(k), "id", id)
		return
	}
	t.tasks[id] = nil
	if task.state == open {
		task.result, task.failure = result, failure
		task.finish(done)
	}
}

package worker

import (
	"errors"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/worker/internal/replay"
)

// ErrCanceled is the outcome of a task that [Task.Cancel] dropped.
var ErrCanceled = errors.New("task was canceled")

// errPending says that a caller asked too early.
var errPending = errors.New("task is not done: await it first")

// Task is something that an orchestrator waits for. Like the context it came
// from, it belongs to one turn.
type Task replay.Task

func (t *Task) task() *replay.Task { return (*replay.Task)(t) }

// Done reports whether Await would return at once.
func (t *Task) Done() bool { return t.task().Done() }

// Result returns the outcome of a task that is done; each call makes a copy of
// the payload, which is nil if there is none. The error is a *dts.Failure, or
// [ErrCanceled].
func (t *Task) Result() ([]byte, error) {
	if !t.task().Done() {
		return nil, errPending
	}
	if t.task().Canceled() {
		return nil, ErrCanceled
	}
	payload, failure := t.task().Outcome()
	if failure != nil {
		return nil, wire.ToFailure[dts.Failure](failure)
	}
	return wire.ToPayload(payload), nil
}

// Await waits until the task is done and returns its result.
func (t *Task) Await() ([]byte, error) {
	t.task().Await()
	return t.Result()
}

// Cancel drops a timer or a wait for an event that is not done: it is then done
// with [ErrCanceled], and an event is there for the next who asks. Activities,
// sub-orchestrations and calls of entities cannot be taken back, and a lock is
// given up by its release; for them, and for tasks that are done, Cancel does
// nothing.
func (t *Task) Cancel() { t.task().Cancel() }

package worker

import (
	"encoding/json"

	"github.com/funchost/funchost/dts/internal/wire"
)

// CancelRequest returns a task that is done when somebody has asked this orchestration
// to cancel, see [dts.Client.Cancel]. Its result is the reason as JSON text, nil if
// none was given. Each call returns the same task. What comes of the request is up to
// the orchestrator; when it continues as new the request is still there.
func (c *Context) CancelRequest() *Task { return (*Task)(c.turn().CancelRequest()) }

// RequestCancel asks another orchestration of the hub to cancel. One that does not
// exist does not hear of it, and nobody is told.
func (c *Context) RequestCancel(instanceID, reason string) {
	text, _ := json.Marshal(reason) //nolint:errchkjson // a string can always be written
	c.turn().SendEvent(instanceID, wire.CancelEvent, text)
}

// Canceled returns an error which, returned by the orchestrator, ends the instance
// as terminated with that output: it was asked to end, and has. On its own it does
// nothing.
func (c *Context) Canceled(output []byte) error { return &cancellation{output} }

type cancellation struct{ output []byte }

func (*cancellation) Error() string {
	return "canceled: the orchestrator must return this error for it to happen"
}

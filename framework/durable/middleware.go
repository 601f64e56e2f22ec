package durable

import (
	"context"
	"slices"
)

// Middleware wraps the handling of every call of an app. It is applied once, at
// registration; the [Handler] it returns runs for each call and decides whether,
// and with what, next runs.
type Middleware func(next Handler) Handler

// Handler handles one call and returns the encoded result.
//
// Around an activity or an operation of an entity ctx is the activity's or
// operation's. An operation is undone when its handler fails. Around an orchestrator ctx carries
// values only and is never cancelled, the code runs again in each replay, and
// next may return many turns later or, when this process gives the instance up,
// not at all: then the deferred calls run and nothing else. What [Context] must
// not do, a handler around an orchestrator must not do either.
type Handler func(ctx context.Context, call *Call) ([]byte, error)

// Call is what a [Middleware] sees of one call. It may replace Input; the other
// fields are for reading. It is valid until the handler returns.
type Call struct {
	Kind      Kind
	Name      string // of the function or the entity
	Operation string // of an entity
	Instance  string // id of the orchestration or entity, for an activity that of its caller
	Version   string // of the orchestration or activity; empty for none
	Input     []byte // as it travels; nil for none

	replaying func() bool
	run       Handler
}

// Replaying reports whether the orchestrator is at this moment being led through
// what it has done before. Logs and metrics should then be left out. It is
// always false for an activity and an entity.
func (c *Call) Replaying() bool { return c.replaying != nil && c.replaying() }

// chain puts the middleware around the function that each call brings along.
func chain(mw []Middleware) Handler {
	h := func(ctx context.Context, call *Call) ([]byte, error) { return call.run(ctx, call) }
	for _, m := range slices.Backward(mw) {
		h = m(h)
	}
	return h
}

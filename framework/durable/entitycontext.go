package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
)

// EntityContext is what an [Operation] sees of the world besides its state. What it
// sends and starts goes out when the operation has succeeded, and only then. It
// belongs to one run of the operation and is not safe for concurrent use.
type EntityContext struct {
	w       *worker.EntityContext
	host    *host
	ctx     context.Context //nolint:containedctx // as a request has it: an operation takes one argument for both
	deleted bool
}

// Context is for the I/O of the operation. It ends when the host stops before the
// operation is done, and has the values of the [Middleware].
func (c *EntityContext) Context() context.Context { return c.ctx }

// ID names the entity.
func (c *EntityContext) ID() dts.EntityID { return c.w.ID() }

// Key is the key of the entity.
func (c *EntityContext) Key() string { return c.w.ID().Key }

// Exists reports whether the entity had a state before this operation.
func (c *EntityContext) Exists() bool { return c.w.State() != nil }

// Delete ends the entity when the operation has succeeded, whatever its state
// says. The next operation begins with the zero value again.
func (c *EntityContext) Delete() { c.deleted = true }

func (c *EntityContext) signal(d Definition, id dts.EntityID, op string, in any, at time.Time) error {
	input, err := c.host.message(d, in)
	if err != nil {
		return err
	}
	return c.w.Signal(id, op, input, at)
}

// StartFrom starts the orchestrator from an operation of an entity and returns the
// id of the new instance. An id that is in use already starts nothing, and nobody
// is told. Such a start takes no [Tag].
func (o Orchestrator[I, O]) StartFrom(ctx *EntityContext, in I, opts ...StartOption) (id string, err error) {
	r := dts.StartRequest{Version: o.version}
	for _, opt := range opts {
		opt.start(&r)
	}
	if len(r.Tags) > 0 {
		err = errors.New("an entity cannot give tags to what it starts")
	}
	if err == nil {
		r.Input, err = ctx.host.message(o, in)
	}
	if err != nil {
		return "", fmt.Errorf("start orchestrator %q: %w", o.name, err)
	}
	return ctx.w.StartOrchestration(o.name, r.Input, worker.StartOptions{ID: r.ID, Version: r.Version, At: r.StartAt})
}

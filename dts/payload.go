package dts

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/large"
	"github.com/funchost/funchost/dts/internal/wire"
)

// PayloadStore keeps payloads outside of a hub, which takes none above 1 MiB and is
// slow with many near it. What travels and stays in histories is a token. Package
// dts/payload has a store in a folder and dts/payload/azureblob one in Azure; the
// second understands the tokens of other SDKs. It must be safe for concurrent use.
//
// All clients and workers of a hub need the same store.
type PayloadStore interface {
	// Put keeps a payload for good before it returns, and returns the token that
	// stands for it. Putting the same payload again is not an error. An error means that
	// it may work later.
	Put(ctx context.Context, payload []byte) (token string, err error)
	// Get returns the payload of a token. The error is an [ErrPayloadGone] if there is
	// none, and if the token is one that this store would never have given; any other
	// means that it may work later.
	Get(ctx context.Context, token string) ([]byte, error)
	// Owns reports whether a payload is a token of a store of this kind. It looks at the
	// text only.
	Owns(text string) bool
}

// ErrPayloadGone is the error of a [PayloadStore] that does not have a payload and
// will not have it later.
var ErrPayloadGone = large.ErrGone

// ErrStoreUnavailable is the error of a call for which the payload store could not be
// reached. It is an [ErrUnavailable], too.
var ErrStoreUnavailable = errors.New("payload store unavailable")

// storeError is a call that the store stood in the way of.
type storeError struct {
	op  string
	err error
}

func (e *storeError) Error() string {
	return e.op + ": " + ErrStoreUnavailable.Error() + ": " + e.err.Error()
}
func (e *storeError) Unwrap() []error { return []error{ErrStoreUnavailable, ErrUnavailable, e.err} }

// failStore gives an error of the store its meaning and its context.
func failStore(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", op, ctx.Err())
	}
	return &storeError{op, err}
}

// Payloads says which payloads go into which store.
type Payloads struct {
	Store PayloadStore
	// Threshold is the size in bytes from which payloads are stored, at most 1 MiB. Zero
	// means 262,144, as in .NET.
	Threshold int
	// Max is the size of the largest payload, stored or not. Zero means 10 MiB.
	Max int
}

// Sizes of stored payloads; other SDKs have the same.
const (
	defaultThreshold = 256 << 10
	defaultMax       = 10 << 20
)

// WithPayloads keeps large payloads in a store: inputs, results, events, outputs,
// custom statuses and the states of entities, those of the workers on this client
// too. What the client reads has them back, except for payloads that are gone: there
// the token stays, so that the rest can be seen.
//
// Nothing is ever deleted from the store, since a hub does not say when it has
// forgotten a payload.
func WithPayloads(p Payloads) Option {
	return func(o *options) { o.payloads = &p }
}

func (p *Payloads) check() error {
	switch {
	case p == nil:
		return nil
	case p.Store == nil:
		return errors.New("WithPayloads wants a store, not nil")
	case p.Threshold < 0 || p.Threshold > wire.MaxPayload:
		return fmt.Errorf("payload threshold %d: want 1 to %d, or 0 for %d", p.Threshold, wire.MaxPayload, defaultThreshold)
	case p.Max < 0 || p.Max > 0 && p.Max < wire.MaxPayload:
		return fmt.Errorf("largest payload %d: want at least %d, or 0 for %d", p.Max, wire.MaxPayload, defaultMax)
	}
	return nil
}

func (p *Payloads) build() *large.Payloads {
	if p == nil {
		return nil
	}
	threshold, largest := p.Threshold, p.Max
	if threshold == 0 {
		threshold = defaultThreshold
	}
	if largest == 0 {
		largest = defaultMax
	}
	return large.New(p.Store, threshold, largest)
}

// Payloads is for the workers on this connection; nil without a store.
func (c *conn) Payloads() *large.Payloads { return c.payloads }

// put checks a payload and stores it if it is large. The error says what was tried.
func (c *Client) put(ctx context.Context, op, what string, payload []byte) (*wrapperspb.StringValue, error) {
	if err := c.conn.payloads.Check(what, payload); err != nil {
		return nil, invalid(op, err)
	}
	v, err := c.conn.payloads.Put(ctx, wire.FromPayload(payload))
	if err != nil {
		return nil, failStore(ctx, op, err)
	}
	return v, nil
}

// restore fetches those of the payloads that are stored.
func (c *Client) restore(ctx context.Context, op string, payloads ...*[]byte) error {
	if err := c.conn.payloads.Restore(ctx, payloads...); err != nil {
		return failStore(ctx, op, err)
	}
	return nil
}

// restoreInstances is restore for the payloads of instances.
func (c *Client) restoreInstances(ctx context.Context, op string, found ...*Instance) error {
	if c.conn.payloads == nil {
		return nil
	}
	payloads := make([]*[]byte, 0, 3*len(found))
	for _, in := range found {
		payloads = append(payloads, &in.Input, &in.Output, &in.CustomStatus)
	}
	return c.restore(ctx, op, payloads...)
}

// restoreEvents is restore for the payloads of a history.
func (c *Client) restoreEvents(ctx context.Context, op string, events []HistoryEvent) error {
	if c.conn.payloads == nil {
		return nil
	}
	payloads := make([]*[]byte, 0, 3*len(events))
	reasons := make([][]byte, len(events))
	for i := range events {
		reasons[i] = []byte(events[i].Reason)
		payloads = append(payloads, &events[i].Input, &events[i].Result, &reasons[i])
	}
	err := c.restore(ctx, op, payloads...)
	for i := range events {
		events[i].Reason = string(reasons[i])
	}
	return err
}

// Package large moves payloads that are too large for a hub into a store and puts
// the store's tokens in their place, and back.
package large

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/wire"
)

// Store is dts.PayloadStore.
type Store interface {
	Put(ctx context.Context, payload []byte) (token string, err error)
	Get(ctx context.Context, token string) ([]byte, error)
	Owns(text string) bool
}

// ErrGone is dts.ErrPayloadGone.
var ErrGone = errors.New("the payload is not in the store")

// Payloads is a store with the sizes that it is for. Nil is no store: everything
// stays where it is.
type Payloads struct {
	store          Store
	threshold, max int
}

// New returns the payloads of a store. Sizes are in bytes: those from threshold to
// largest are stored.
func New(s Store, threshold, largest int) *Payloads {
	return &Payloads{store: s, threshold: threshold, max: largest}
}

// Limit is the size of the largest payload.
func (p *Payloads) Limit() int {
	if p == nil {
		return wire.MaxPayload
	}
	return p.max
}

// Check says what is wrong with a payload, or nil.
func (p *Payloads) Check(what string, payload []byte) error {
	return wire.CheckPayloadWithin(p.Limit(), what, payload)
}

// Put returns what travels in the place of a payload: a token, or the payload itself
// when it is small. One that reads like a token is stored whatever its size, so that
// it comes back as it was. One that is over the limit stays, for others to refuse.
func (p *Payloads) Put(ctx context.Context, v *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
	if !p.Moves(v) {
		return v, nil
	}
	token, err := p.store.Put(ctx, []byte(v.GetValue()))
	if err != nil {
		return nil, fmt.Errorf("store a payload of %d bytes: %w", len(v.GetValue()), err)
	}
	return wrapperspb.String(token), nil
}

// Moves reports whether Put stores v.
func (p *Payloads) Moves(v *wrapperspb.StringValue) bool {
	return p != nil && v != nil && len(v.GetValue()) <= p.max && (len(v.GetValue()) >= p.threshold || p.store.Owns(v.GetValue()))
}

// Size is how much of a payload travels.
func (p *Payloads) Size(payload []byte) int {
	if p != nil && len(payload) >= p.threshold {
		return wire.MaxID // a token is short
	}
	return len(payload)
}

// IsToken reports whether v has to be fetched.
func (p *Payloads) IsToken(v *wrapperspb.StringValue) bool {
	return p != nil && v != nil && p.store.Owns(v.GetValue())
}

// Get returns the payload that v stands for, v itself when it is no token. The error
// is an [ErrGone] when trying again cannot help.
func (p *Payloads) Get(ctx context.Context, v *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
	if !p.IsToken(v) {
		return v, nil
	}
	payload, err := p.store.Get(ctx, v.GetValue())
	if err != nil {
		return nil, fmt.Errorf("fetch a stored payload: %w", err)
	}
	return wrapperspb.String(string(payload)), nil
}

// Restore replaces those of the payloads that are tokens. A token whose payload is
// gone stays: whoever looks at many things wants to see the rest.
func (p *Payloads) Restore(ctx context.Context, payloads ...*[]byte) error {
	if p == nil {
		return nil
	}
	var fetch []func(context.Context) error
	for _, at := range payloads {
		if !p.store.Owns(string(*at)) {
			continue
		}
		fetch = append(fetch, func(ctx context.Context) error {
			payload, err := p.store.Get(ctx, string(*at))
			switch {
			case errors.Is(err, ErrGone):
				return nil
			case err != nil:
				return fmt.Errorf("fetch a stored payload: %w", err)
			}
			*at = payload
			return nil
		})
	}
	return together(ctx, fetch)
}

// atOnce is how many payloads are fetched at the same time.
const atOnce = 8

func together(ctx context.Context, fetch []func(context.Context) error) error {
	if len(fetch) == 1 {
		return fetch[0](ctx)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, f := range fetch {
		group.Go(func() error { return f(ctx) })
	}
	return group.Wait()
}

package lifecycle

import (
	"context"
	"time"
)

// HurryError is a cause of cancellation that shortens the stop: a [Group] whose
// context ends with it uses Budget if that is less than its own.
type HurryError struct {
	Budget time.Duration
	Reason string
}

// Error says why the group stops.
func (h *HurryError) Error() string { return h.Reason }

// allowance is what a runner may use of the stop budget. It travels in the
// context of Run, so that runners of other packages need to know nothing of it.
type allowance struct {
	grace context.Context
	share time.Duration
}

type (
	allowanceKey struct{}
	cutKey       struct{}
)

// Grace returns a context that outlives ctx, the context a [Group] gave to a
// runner: it ends when the runner's share of the stop budget is used up or the
// stop is cut short. Runners drain under it. Outside a group it is ctx without
// its end.
func Grace(ctx context.Context) context.Context {
	if a, ok := ctx.Value(allowanceKey{}).(allowance); ok {
		return a.grace
	}
	return context.WithoutCancel(ctx)
}

// Share returns the planned share of the stop budget of the runner that was
// given ctx, and zero outside a group.
func Share(ctx context.Context) time.Duration {
	a, _ := ctx.Value(allowanceKey{}).(allowance)
	return a.share
}

// WithCut returns a context under which a [Group] stops waiting for its steps
// when cut is closed: each is still stopped, in order, but at once.
func WithCut(ctx context.Context, cut <-chan struct{}) context.Context {
	return context.WithValue(ctx, cutKey{}, cut)
}

func cutOf(ctx context.Context) <-chan struct{} {
	cut, _ := ctx.Value(cutKey{}).(<-chan struct{})
	return cut
}

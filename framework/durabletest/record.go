package durabletest

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/funchost/funchost/framework/durable"
)

// function names one function of an app.
type function struct {
	kind            durable.Kind
	name, operation string
}

// functionOf names what a handle stands for.
func functionOf(handle interface{ Name() string }) function {
	if d, ok := handle.(durable.Definition); ok {
		return function{d.Kind(), d.Name(), ""}
	}
	if op, ok := handle.(operation); ok {
		return function{durable.KindEntity, op.Definition().Name(), strings.ToLower(op.Name())}
	}
	return function{}
}

// operation is a durable.Operation of any types.
type operation interface {
	Name() string
	Definition() durable.Definition
}

// call is one call of a function.
type call struct {
	instance string
	input    []byte
}

// record is what has been called in a test, and what is to fail.
type record struct {
	mu     sync.Mutex // guards what follows
	calls  map[function][]call
	rules  map[function][]rule
	failed map[string]error // orchestrations that were made to fail, for their replays
	turns  map[string]int   // of each orchestration
}

// rule says which attempts fail.
type rule struct {
	attempts []int // from 1; none is all
	err      error
}

// watch stands around every function, nearest to it.
func (r *record) watch(next durable.Handler) durable.Handler {
	return func(ctx context.Context, c *durable.Call) ([]byte, error) {
		if err := r.begin(c); err != nil {
			return nil, err
		}
		return next(ctx, c)
	}
}

// begin notes a call and returns what it is to fail with.
func (r *record) begin(c *durable.Call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	orchestrator := c.Kind == durable.KindOrchestrator
	if orchestrator {
		if c.Replaying() {
			put(&r.turns, c.Instance, r.turns[c.Instance]+1)
			return r.failed[c.Instance]
		}
		delete(r.failed, c.Instance) // of an earlier execution
		put(&r.turns, c.Instance, r.turns[c.Instance]+1)
	}
	f := function{c.Kind, c.Name, strings.ToLower(c.Operation)}
	put(&r.calls, f, append(r.calls[f], call{c.Instance, c.Input}))
	for _, rule := range r.rules[f] {
		if len(rule.attempts) == 0 || slices.Contains(rule.attempts, len(r.calls[f])) {
			if orchestrator {
				put(&r.failed, c.Instance, rule.err)
			}
			return rule.err
		}
	}
	return nil
}

// put sets a value in a map that may not be made yet.
func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[k] = v
}

func (r *record) of(f function) []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls[f])
}

// turnsOf is how many turns an orchestration has made.
func (r *record) turnsOf(instance string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.turns[instance]
}

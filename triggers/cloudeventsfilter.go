package triggers

import (
	"slices"

	"github.com/funchost/funchost/framework/durable"
)

// EventFilter says which events a [Match] means: [Type], [Source] or [Filter].
type EventFilter interface {
	means(e durable.EventAttributes) bool
	fit(e *durable.EventAttributes) // makes an example one that is meant, if it can
}

// Type means events whose type is one of types.
func Type(types ...string) EventFilter {
	return oneOf{types, func(e *durable.EventAttributes) *string { return &e.Type }}
}

// Source means events whose source is one of sources.
func Source(sources ...string) EventFilter {
	return oneOf{sources, func(e *durable.EventAttributes) *string { return &e.Source }}
}

// Filter means the events for which means is true. It is called for each event and
// must be safe for concurrent use.
func Filter(means func(durable.EventAttributes) bool) EventFilter { return condition(means) }

// oneOf filters by an attribute.
type oneOf struct {
	values []string
	of     func(*durable.EventAttributes) *string
}

func (f oneOf) means(e durable.EventAttributes) bool { return slices.Contains(f.values, *f.of(&e)) }

func (f oneOf) fit(e *durable.EventAttributes) {
	if len(f.values) > 0 {
		*f.of(e) = f.values[0]
	}
}

type condition func(durable.EventAttributes) bool

func (f condition) means(e durable.EventAttributes) bool { return f(e) }

func (condition) fit(*durable.EventAttributes) {}

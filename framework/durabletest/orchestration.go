package durabletest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
)

// Orchestration is one run of an orchestrator whose result is an O.
type Orchestration[O any] struct {
	// ID is the instance id.
	ID string

	env *Env
	in  durable.Instance[O]
}

// Start starts an orchestrator and does not wait for it.
func Start[I, O any](e *Env, o durable.Orchestrator[I, O], in I, opts ...durable.StartOption) *Orchestration[O] {
	e.Helper()
	started, err := o.StartNew(e.Context(), e.Client(), in, opts...)
	e.must(err)
	return &Orchestration[O]{started.ID, e, started}
}

// Instance is the orchestration with that id, which a trigger has started, say. It
// does not ask whether there is one.
func Instance[I, O any](e *Env, o durable.Orchestrator[I, O], id string) *Orchestration[O] {
	return &Orchestration[O]{id, e, o.Instance(e.Client(), id)}
}

// Wait waits until the orchestration has ended and returns its result, or how it
// failed: see [durable.Instance.Wait]. The test fails if nothing can end it any more.
func (o *Orchestration[O]) Wait() (O, error) {
	o.env.Helper()
	o.env.await(o.ID)
	return o.in.Wait(o.env.Context())
}

// Result is the result of an orchestration that must complete.
func (o *Orchestration[O]) Result() O {
	o.env.Helper()
	result, err := o.Wait()
	if err != nil {
		o.env.Fatal(err)
	}
	return result
}

// State is where the orchestration stands when everything has happened that can
// happen now.
func (o *Orchestration[O]) State() *dts.Instance {
	o.env.Helper()
	o.env.Settle()
	in, err := o.env.Client().Instance(o.env.Context(), o.ID)
	o.env.must(err)
	return in
}

// CustomStatus reads into v what the orchestrator shows of itself, see
// [durable.Context.SetStatus]. A v stays as it is if it has shown nothing.
func (o *Orchestration[O]) CustomStatus(v any) {
	o.env.Helper()
	o.env.must(decode(o.env.Client(), o.State().CustomStatus, v))
}

// History is what the orchestration has done so far.
func (o *Orchestration[O]) History() []dts.HistoryEvent {
	o.env.Helper()
	o.env.Settle()
	events, err := history(o.env.Context(), o.env.Client(), o.ID)
	o.env.must(err)
	return events
}

// Save writes the history to a file, for [Replay]: what the code of today does, for
// the code of tomorrow.
func (o *Orchestration[O]) Save(file string) {
	o.env.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	o.env.must(encoder.Encode(dts.History{ID: o.ID, Events: o.History()}))
	o.env.must(os.WriteFile(file, text.Bytes(), 0o600))
}

func history(ctx context.Context, c *dts.Client, id string) ([]dts.HistoryEvent, error) {
	var events []dts.HistoryEvent
	for event, err := range c.History(ctx, id) {
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, nil
}

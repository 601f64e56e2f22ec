package durabletest

import (
	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
)

// Raise raises an event to the orchestration with the instance id.
func Raise[T any](e *Env, event durable.Event[T], id string, v T) {
	e.Helper()
	e.must(event.Raise(e.Context(), e.Client(), id, v))
}

// Signal asks the entity with the key for an operation, from outside.
func Signal[S, I, O any](e *Env, op durable.Operation[S, I, O], key string, in I) {
	e.Helper()
	e.must(op.Send(e.Context(), e.Client(), key, in))
}

// State is the state of the entity with the key when all that was asked of it by now
// is done; ok is false if it does not exist.
func State[S any](e *Env, entity *durable.Entity[S], key string) (state S, ok bool) {
	e.Helper()
	e.Settle()
	state, ok, err := entity.State(e.Context(), e.Client(), key)
	e.must(err)
	return state, ok
}

// Instances are the orchestrations of an orchestrator in the order in which they were
// started, whoever started them: the test, a trigger, another orchestration.
func Instances[I, O any](e *Env, o durable.Orchestrator[I, O]) []*Orchestration[O] {
	e.Helper()
	e.Settle()
	var found []*Orchestration[O]
	for in, err := range e.Client().Instances(e.Context(), dts.Query{}) {
		e.must(err)
		if in.Name == o.Name() {
			found = append(found, Instance(e, o, in.ID))
		}
	}
	return found
}

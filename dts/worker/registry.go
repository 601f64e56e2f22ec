package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/worker/internal/replay"
)

// Orchestrator decides what happens next. It runs from its beginning in each
// turn and must do the same again as long as history is the same; side effects
// belong in activities. Input is nil when there is none, and so is a result that
// is absent. An error ends the instance as failed, except that of
// [Context.ContinueAsNew]; a panic is a failure too.
//
// When a turn ends in the middle of the function, its deferred functions run.
// They should do nothing that can be seen from outside.
type Orchestrator func(ctx *Context, input []byte) ([]byte, error)

// Activity does something, at least once: after a crash it runs again. Its
// context ends when the worker stops and the item could not finish in time. An
// error or a panic is recorded as the activity's failure.
type Activity func(ctx context.Context, input []byte) ([]byte, error)

// Registry holds functions by name. It is filled before the worker runs and not
// safe for concurrent use.
type Registry struct {
	orchestrators map[string]replay.Func
	activities    map[string]Activity
	entities      map[string]Entity // by name in lower case
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	return &Registry{orchestrators: make(map[string]replay.Func), activities: make(map[string]Activity), entities: make(map[string]Entity)}
}

// Orchestrator adds an orchestrator. A name can be used once.
func (r *Registry) Orchestrator(name string, fn Orchestrator) error {
	if fn == nil {
		return fmt.Errorf("register orchestrator %q: function is nil", name)
	}
	return add(r.orchestrators, "orchestrator", name, adapt(name, fn))
}

// Activity adds an activity. A name can be used once.
func (r *Registry) Activity(name string, fn Activity) error {
	if fn == nil {
		return fmt.Errorf("register activity %q: function is nil", name)
	}
	return add(r.activities, "activity", name, fn)
}

// Entity adds the function for the operations of all entities of a name. Names
// compare without case and contain no @. A name can be used once.
func (r *Registry) Entity(name string, fn Entity) error {
	if fn == nil {
		return fmt.Errorf("register entity %q: function is nil", name)
	}
	if err := (dts.EntityID{Name: name}).Check(); name != "" && err != nil {
		return fmt.Errorf("register entity %q: %w", name, err)
	}
	return add(r.entities, "entity", strings.ToLower(name), fn)
}

func add[F any](to map[string]F, kind, name string, fn F) error {
	if name == "" {
		return fmt.Errorf("register %s: name is empty", kind)
	}
	if _, taken := to[name]; taken {
		return fmt.Errorf("register %s %q: the name is already taken", kind, name)
	}
	to[name] = fn
	return nil
}

// clone makes a copy that later registrations do not reach.
func (r *Registry) clone() *Registry {
	return &Registry{orchestrators: maps.Clone(r.orchestrators), activities: maps.Clone(r.activities), entities: maps.Clone(r.entities)}
}

// filters names everything in the registry. A kind without a name gets no work,
// so what this worker cannot do waits for one that can.
func (r *Registry) filters() *dtspb.WorkItemFilters {
	f := &dtspb.WorkItemFilters{}
	for _, name := range slices.Sorted(maps.Keys(r.orchestrators)) {
		f.Orchestrations = append(f.Orchestrations, &dtspb.OrchestrationFilter{Name: name})
	}
	for _, name := range slices.Sorted(maps.Keys(r.activities)) {
		f.Activities = append(f.Activities, &dtspb.ActivityFilter{Name: name})
	}
	for _, name := range slices.Sorted(maps.Keys(r.entities)) {
		f.Entities = append(f.Entities, &dtspb.EntityFilter{Name: name})
	}
	return f
}

// adapt makes an orchestrator what replay runs.
func adapt(name string, fn Orchestrator) replay.Func {
	return func(t *replay.Turn, input []byte) ([]byte, *dtspb.TaskFailureDetails) {
		result, err := fn((*Context)(t), input)
		if next, ok := errors.AsType[*continuation](err); ok {
			t.ContinueAsNew(next.input, next.Version, next.DropEvents)
			return nil, nil
		}
		if end, ok := errors.AsType[*cancellation](err); ok {
			t.EndCanceled(wire.FromPayload(end.output))
			return nil, checkResult("orchestrator", name, end.output)
		}
		if err != nil {
			return nil, details(err)
		}
		return result, checkResult("orchestrator", name, result)
	}
}

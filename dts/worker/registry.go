package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

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
	orchestrators map[string]versions[replay.Func]
	activities    map[string]versions[Activity]
	entities      map[string]Entity // by name in lower case
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	return &Registry{
		orchestrators: make(map[string]versions[replay.Func]), activities: make(map[string]versions[Activity]), entities: make(map[string]Entity),
	}
}

// Orchestrator adds an orchestrator, for all versions that have no function of their
// own. A name can be used once, or once for each version.
func (r *Registry) Orchestrator(name string, fn Orchestrator) error {
	return r.OrchestratorVersion(name, "", fn)
}

// OrchestratorVersion adds the orchestrator for the instances of one version. As soon
// as a name has such a function, the one that [Registry.Orchestrator] adds is for
// instances without a version only.
func (r *Registry) OrchestratorVersion(name, version string, fn Orchestrator) error {
	if fn == nil {
		return fmt.Errorf("register orchestrator %q: function is nil", name)
	}
	if strings.HasPrefix(name, "@") {
		return fmt.Errorf("register orchestrator %q: names that begin with @ are those of entities", name)
	}
	return addVersion(r.orchestrators, "orchestrator", name, version, adapt(name, fn))
}

// Activity adds an activity, for all versions that have no function of their own. A
// name can be used once, or once for each version.
func (r *Registry) Activity(name string, fn Activity) error { return r.ActivityVersion(name, "", fn) }

// ActivityVersion is what [Registry.OrchestratorVersion] is, for activities.
func (r *Registry) ActivityVersion(name, version string, fn Activity) error {
	if fn == nil {
		return fmt.Errorf("register activity %q: function is nil", name)
	}
	return addVersion(r.activities, "activity", name, version, fn)
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
	if err := checkName(kind, name, ""); err != nil {
		return err
	}
	if _, taken := to[name]; taken {
		return fmt.Errorf("register %s %q: the name is already taken", kind, name)
	}
	to[name] = fn
	return nil
}

// checkName says which names no scheduler could send work for: the worker would be
// refused, again and again, with all that it has.
func checkName(kind, name, version string) error {
	switch {
	case name == "":
		return fmt.Errorf("register %s: name is empty", kind)
	case !utf8.ValidString(name):
		return fmt.Errorf("register %s %q: the name is not valid UTF-8", kind, name)
	case !utf8.ValidString(version):
		return fmt.Errorf("register %s %q: version %q is not valid UTF-8", kind, name, version)
	}
	return nil
}

func addVersion[F any](to map[string]versions[F], kind, name, version string, fn F) error {
	if err := checkName(kind, name, version); err != nil {
		return err
	}
	if to[name] == nil {
		to[name] = make(versions[F])
	}
	if _, taken := to[name][version]; taken {
		of := ""
		if version != "" {
			of = fmt.Sprintf("version %q of ", version)
		}
		return fmt.Errorf("register %s %q: %sthe name is already taken", kind, name, of)
	}
	to[name][version] = fn
	return nil
}

// clone makes a copy that later registrations do not reach.
func (r *Registry) clone() *Registry {
	c := NewRegistry()
	for name, v := range r.orchestrators {
		c.orchestrators[name] = maps.Clone(v)
	}
	for name, v := range r.activities {
		c.activities[name] = maps.Clone(v)
	}
	c.entities = maps.Clone(r.entities)
	return c
}

// filters names everything in the registry that a worker of that version takes. A
// kind without a name gets no work, so what this worker cannot do waits for one that
// can.
func (r *Registry) filters(v Versioning) *dtspb.WorkItemFilters {
	f := &dtspb.WorkItemFilters{}
	for _, name := range slices.Sorted(maps.Keys(r.orchestrators)) {
		if list, ok := v.asks(name, slices.Sorted(maps.Keys(r.orchestrators[name]))); ok {
			f.Orchestrations = append(f.Orchestrations, &dtspb.OrchestrationFilter{Name: name, Versions: list})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.activities)) {
		if list, ok := v.asks(name, slices.Sorted(maps.Keys(r.activities[name]))); ok {
			f.Activities = append(f.Activities, &dtspb.ActivityFilter{Name: name, Versions: list})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.entities)) {
		f.Entities = append(f.Entities, &dtspb.EntityFilter{Name: name})
	}
	return f
}

// orchestrator returns the function for a version of name, nil if there is none.
func (r *Registry) orchestrator(name, version string) replay.Func {
	f, _ := r.orchestrators[name].find(version)
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
			return nil, checkResult(t.MaxPayload(), "orchestrator", name, end.output)
		}
		if err != nil {
			return nil, details(err)
		}
		return result, checkResult(t.MaxPayload(), "orchestrator", name, result)
	}
}

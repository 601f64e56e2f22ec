package replay

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// section is a critical section: what an orchestration does while it holds the
// lock on a set of entities, from the request for it to the release.
//
//	requested ── granted ──► held ── released ──► unlocks sent
//	    │                                              ▲
//	    └── released ──► given up ── granted ──────────┘
//
// A section that the orchestrator leaves open ends with it. A nil section is the
// code outside of one.
type section struct {
	lock *Task
	set  []string         // ids of the entities
	open map[string]*Task // the last call of each of them
}

// Lock asks for the lock on entities; the task is done when all of them are held.
// Release ends the section, also one that is not granted yet. It may be called
// again, then it does nothing.
func (t *Turn) Lock(ids []string) (_ *Task, release func()) {
	t.guard("Context.Lock")
	nothing := func() {}
	switch {
	case len(ids) == 0:
		return t.Refused(misuse("a lock needs at least one entity")), nothing
	case t.section != nil:
		return t.Refused(misuse("the orchestration has a lock already, on %s; release it first, or lock all entities at once", t.section)), nothing
	}
	// All SDKs ask in this order, so that no two orchestrations wait for each other.
	set := slices.SortedFunc(slices.Values(ids), func(a, b string) int {
		return cmp.Or(cmp.Compare(wire.EntityName(a), wire.EntityName(b)), cmp.Compare(a, b))
	})
	set = slices.Compact(set)
	s := &section{set: set, open: make(map[string]*Task)}
	s.lock = t.request(action{kind: entityLock, name: s.String(), set: set})
	t.section = s
	t.sections = append(t.sections, s)
	return s.lock, func() {
		t.guard("release of a lock")
		t.release(s)
	}
}

func (t *Turn) release(s *section) {
	if t.section != s {
		return // released before
	}
	t.section = nil
	if s.lock.state == open {
		s.lock.finish(canceled) // the unlocks follow when the lock is granted
		return
	}
	t.unlock(s)
}

// unlock asks for the release of each entity of s.
func (t *Turn) unlock(s *section) {
	t.sections = slices.DeleteFunc(t.sections, func(other *section) bool { return other == s })
	for _, id := range s.set {
		t.ask(&action{kind: entityUnlock, target: id, request: s.lock.action.request})
	}
}

// unlockAll ends the sections that are left when the orchestrator has ended.
func (t *Turn) unlockAll() {
	t.section = nil
	for len(t.sections) > 0 {
		t.unlock(t.sections[0])
	}
}

// granted lets the holder go on, or gives back at once what nobody wants any more.
func (t *Turn) granted(request string) {
	for _, s := range t.sections {
		if s.lock.state == canceled && s.lock.action.request == request && t.end == nil {
			t.unlock(s)
			break
		}
	}
	t.answer(request, entityLock, nil, nil)
}

// The rules inside a section keep an orchestration from waiting for itself: an
// entity that is not locked, or a child, could need one that is.

func (s *section) refuseCall(id string) *dtspb.TaskFailureDetails {
	switch {
	case s == nil:
		return nil
	case s.lock.state == open:
		return misuse("entity %s cannot be called before the lock on %s is granted; wait for the lock first", id, s)
	case !slices.Contains(s.set, id):
		return misuse("entity %s is not locked; while entities are locked (%s) no other can be called: add it to the lock, or release the lock first", id, s)
	case s.open[id] != nil && s.open[id].state == open:
		return misuse("entity %s has a call of this orchestration under way; a locked entity takes one at a time: wait for the result first", id)
	}
	return nil
}

func (s *section) refuseSignal(id string) *dtspb.TaskFailureDetails {
	if s == nil || !slices.Contains(s.set, id) {
		return nil
	}
	return misuse("entity %s cannot be signaled by the orchestration that has locked it; call it, or release the lock first", id)
}

func (s *section) refuseChild(name string) *dtspb.TaskFailureDetails {
	if s == nil {
		return nil
	}
	return misuse("orchestrator %q cannot be called while entities are locked (%s); release the lock first", name, s)
}

// refuseEnd says what is wrong with ending by continue-as-new.
func (s *section) refuseEnd() *dtspb.TaskFailureDetails {
	if s == nil {
		return nil
	}
	return misuse("the orchestrator continues as new while entities are locked (%s); release the lock first", s)
}

// calls notes a call that was not refused.
func (s *section) calls(id string, k *Task) {
	if s != nil {
		s.open[id] = k
	}
}

func (s *section) String() string { return strings.Join(s.set, ", ") }

func misuse(format string, args ...any) *dtspb.TaskFailureDetails {
	return &dtspb.TaskFailureDetails{ErrorType: typeSection, ErrorMessage: fmt.Sprintf(format, args...), IsNonRetriable: true}
}

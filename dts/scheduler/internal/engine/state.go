package engine

import (
	"slices"
	"strings"
	"time"
)

// State is the instances and entities that one decision may read and change, and
// the sources of what it may not make up itself. It can be used for one decision
// after the other; see Reset.
type State struct {
	// NewID returns 32 random hexadecimal digits.
	NewID func() string
	// NewGeneration returns a number that no execution of the hub had before.
	NewGeneration func() uint64
	// MaxPayload is the largest payload in bytes.
	MaxPayload int

	parts   []part // by id; there are rarely more than two
	missing []string
	fx      Effects
}

// part is what is known about one id.
type part struct {
	id     string
	in     *Instance // nil if there is none
	entity *Entity   // of an entity's id
	dirty  bool      // the instance's own row is to be written
}

// Reset forgets all parts, and takes back the writes of the last decision's
// effects: their memory is used again.
func (s *State) Reset() {
	clear(s.parts)
	clear(s.missing)
	clear(s.fx.Writes)
	s.parts, s.missing, s.fx = s.parts[:0], s.missing[:0], Effects{Writes: s.fx.Writes[:0]}
}

func (s *State) find(id string) (int, bool) {
	return slices.BinarySearchFunc(s.parts, id, func(p part, id string) int { return strings.Compare(p.id, id) })
}

func (s *State) put(p part) {
	i, found := s.find(p.id)
	if !found {
		s.parts = slices.Insert(s.parts, i, p)
		return
	}
	s.parts[i] = p
}

// Put makes in, or the knowledge that id does not exist when in is nil, part of
// the state.
func (s *State) Put(id string, in *Instance) { s.put(part{id: id, in: in}) }

// PutEntity makes an entity part of the state.
func (s *State) PutEntity(e *Entity) { s.put(part{id: e.ID(), entity: e}) }

// Instance returns the instance with the id, nil if there is none.
func (s *State) Instance(id string) *Instance {
	if i, found := s.find(id); found {
		return s.parts[i].in
	}
	return nil
}

// Entity returns the entity with the id, which must be part of the state.
func (s *State) Entity(id string) *Entity {
	if i, found := s.find(id); found {
		return s.parts[i].entity
	}
	return nil
}

// Has reports whether id is part of the state, existing or not.
func (s *State) Has(id string) bool {
	_, found := s.find(id)
	return found
}

// touch marks the instance's own row for writing.
func (s *State) touch(in *Instance, now time.Time) {
	if i, found := s.find(in.ID()); found {
		s.parts[i].dirty = true
	}
	in.Record.Updated = now.UnixNano()
}

// Touches returns the ids that cmd needs and s does not have, in order, until the
// next call. Apply may be called when there are none.
func Touches(s *State, cmd Command) []string {
	s.missing = s.missing[:0]
	cmd.touches(s)
	slices.Sort(s.missing)
	return s.missing
}

func (s *State) need(id string) {
	if !s.Has(id) && !slices.Contains(s.missing, id) {
		s.missing = append(s.missing, id)
	}
}

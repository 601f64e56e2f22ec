package engine

import "time"

// PurgeEntity deletes the state of an entity that nobody has locked and that has
// nothing to do (PurgeInstances with the id of an entity). Others are left alone,
// as live instances are.
type PurgeEntity struct {
	// ID is as wire.EntityID returns it.
	ID string
	// Deleted receives whether there was a state.
	Deleted *bool
}

func (c PurgeEntity) touches(s *State) { s.need(c.ID) }

func (c PurgeEntity) apply(s *State, _ time.Time) error {
	e := s.Entity(c.ID)
	*c.Deleted = e.Record.GetState() != nil && e.Record.GetOwner() == nil && len(e.Queue)+len(e.Delayed)+len(e.Delivered) == 0
	if *c.Deleted {
		e.Record.State = nil
		s.keep(e)
	}
	return nil
}

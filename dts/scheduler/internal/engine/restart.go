package engine

import (
	"cmp"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// Restart starts an orchestration again with the name, version, input and tags
// it was started with (RestartInstance).
type Restart struct {
	ID string
	// As is the id of the new instance, which must not exist. Empty uses the same
	// id again, for an instance that has ended.
	As string
	// RequestID tells a repeated request from another one; may be empty.
	RequestID string
}

func (c Restart) touches(s *State) {
	s.need(c.ID)
	if c.As != "" {
		s.need(c.As)
	}
}

func (c Restart) apply(s *State, now time.Time) error {
	in := s.Instance(c.ID)
	if in == nil {
		return refuse(ErrNotFound, "no instance with id %q", c.ID)
	}
	if madeBy(s.Instance(cmp.Or(c.As, c.ID)), c.RequestID) {
		return nil
	}
	id := c.As
	if id == "" {
		if !in.Terminal() {
			return refuse(ErrConflict, "instance %q is %s: wait for its end or restart it with a new id", c.ID, statusName(in.Record.GetStatus()))
		}
		id = c.ID
	} else if s.Instance(id) != nil {
		return refuse(ErrExists, "instance %q exists already", id)
	}
	input := in.Started().GetInput()
	rec := &record.Instance{Id: id, Name: in.Record.GetName(), Version: in.Record.GetVersion(), Tags: in.Record.GetTags(), Request: c.RequestID}
	if id == c.ID {
		s.remove(in, now)
	}
	s.create(rec, &dtspb.ExecutionStartedEvent{Input: input}, now)
	return nil
}

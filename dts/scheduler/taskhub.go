package scheduler

import (
	"context"

	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// Create makes a hub unless it is there; one that is there is deleted before if
// anew is set.
func (s *hubs) Create(ctx context.Context, name string, anew bool) error {
	if anew {
		if err := s.Delete(ctx, name); err != nil {
			return err
		}
	}
	_, err := s.Hub(name)
	return err
}

// Delete deletes a hub with all that is in it. Its streams, waits and timers end
// before its rows go, and whoever still has it in hand can change nothing any
// more. The lock is held until that is on disk, so that a hub of the same name
// begins after it.
func (s *hubs) Delete(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return store.ErrClosed
	}
	if s.only != nil { // what is not listed is left alone
		if err := s.possible(name); err != nil {
			return err
		}
	}
	if h := s.hubs[name]; h != nil {
		h.Close()
		delete(s.hubs, name)
	}
	return s.store.DeleteHub(ctx, name)
}

package scheduler

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
	"github.com/funchost/funchost/dts/scheduler/internal/rpc"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// openHubs takes up the work of every hub on disk, or of those that there are to
// be.
func (s *Server) openHubs() error {
	names := s.only
	if names == nil {
		onDisk, err := s.store.Hubs()
		if err != nil {
			return err
		}
		names = slices.Sorted(maps.Keys(onDisk))
	}
	for _, name := range names {
		if _, err := (*hubs)(s).Hub(name); err != nil {
			return fmt.Errorf("open task hub %q: %w", name, err)
		}
	}
	return nil
}

// Hubs lists the task hubs that there are, by name. A hub is made when it is
// first used, unless the server was given a list of them.
func (s *Server) Hubs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.hubs))
}

// hubs is the server as the services see it.
type hubs Server

// hubName is the rule for names of hubs, hubRule says it to those who break it.
var hubName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{2,44}$`)

const hubRule = "a name has 3 to 45 letters, digits and hyphens and begins with a letter"

// Hub returns the hub with the name; it is made when it is first used, unless the
// server has a list of those that there are.
func (s *hubs) Hub(name string) (*hub.Hub, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.hubs[name]; h != nil {
		return h, nil
	}
	if !s.open {
		return nil, store.ErrClosed
	}
	if err := s.possible(name); err != nil {
		return nil, err
	}
	rec, err := s.store.Hub(name, true, time.Now())
	if err != nil {
		return nil, err
	}
	h, err := hub.Open(rec, hub.Options{
		Store: s.store, Log: s.log, MaxPayload: wire.MaxPayload, MaxLosses: s.maxLosses, Keep: s.keep(name), Meter: s.meter.Hub(name),
	})
	if err != nil {
		return nil, err
	}
	s.hubs[name] = h
	s.runs.Go(func() error {
		err := h.Run(s.stopping)
		if err != nil {
			select {
			case s.failed <- fmt.Errorf("task hub %q: %w", name, err):
			default:
			}
		}
		return nil
	})
	return h, nil
}

// Stopping ends when the server begins to stop.
func (s *hubs) Stopping() context.Context { return s.stopping }

// possible refuses the name of a hub that there cannot be.
func (s *hubs) possible(name string) error {
	switch {
	case !hubName.MatchString(name):
		return fmt.Errorf("%w: %s", rpc.ErrNoHub, hubRule)
	case s.only != nil && !slices.Contains(s.only, name):
		return rpc.ErrNoHub
	default:
		return nil
	}
}

package scheduler

import (
	"maps"
	"time"

	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
	"github.com/funchost/funchost/dts/scheduler/internal/meter"
)

// state is what the meter asks for. All of it is counted as it changes, so that
// asking costs the same however much there is.
func (s *Server) state() meter.State {
	s.mu.Lock()
	hubs := maps.Clone(s.hubs)
	s.mu.Unlock()
	state := meter.State{Disk: s.store.Size()}
	for name, h := range hubs {
		state.Hubs = append(state.Hubs, hubState(name, h))
	}
	return state
}

func hubState(name string, h *hub.Hub) meter.HubState {
	state := meter.HubState{Name: name, Workers: int64(h.Queue.Workers())}
	for k := range state.Work {
		c := h.Queue.Counts(dispatch.Kind(k))
		state.Work[k] = meter.Backlog{Pending: c.Pending, Active: c.Active}
		if !c.Oldest.IsZero() {
			state.Work[k].Oldest = time.Since(c.Oldest)
		}
	}
	return state
}

package engine

import (
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Kill ends a live instance at once, without asking its worker
// (SkipGracefulOrchestrationTerminations).
type Kill struct {
	ID     string
	Reason *wrapperspb.StringValue
	// Killed receives whether there was anything to end.
	Killed *bool
}

func (c Kill) touches(s *State) {
	s.need(c.ID)
	if in := s.Instance(c.ID); in != nil {
		s.needEnd(in)
	}
}

func (c Kill) apply(s *State, now time.Time) error {
	in := s.Instance(c.ID)
	*c.Killed = in != nil && !in.Terminal() && !in.Rewinding()
	if !*c.Killed {
		if in != nil && in.Rewinding() {
			s.giveUpRewind(in, now) // it has ended before
		}
		return nil
	}
	in.Delivered = 0 // whoever has its turn has lost it
	if len(in.Inbox) == 0 {
		e := event(now)
		e.EventType = &dtspb.HistoryEvent_ExecutionTerminated{ExecutionTerminated: &dtspb.ExecutionTerminatedEvent{Input: c.Reason}}
		s.deliver(in, e, now)
	}
	s.endWithoutWorker(in, &dtspb.CompleteOrchestrationAction{
		OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED, Result: c.Reason,
	}, now)
	return nil
}

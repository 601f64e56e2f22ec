package replay

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// CancelRequest returns the task that is done when somebody has asked the
// orchestration to cancel. There is one for the whole execution.
//
// A request counts from the beginning of the turn that it comes with. A monitor that
// looks once, in the first line of each round, would never see it otherwise: what is
// carried over to a round is applied when the round has begun.
func (t *Turn) CancelRequest() *Task {
	t.guard("Context.CancelRequest")
	if t.cancelRequest == nil {
		t.cancelRequest = t.Event(wire.CancelEvent)
	}
	if k := t.cancelRequest; k.state == open {
		if e := t.foreseeCancel(); e != nil {
			t.foreseen++
			t.waiting = slices.DeleteFunc(t.waiting, func(other *Task) bool { return other == k })
			k.result = e.GetInput()
			k.finish(done)
		}
	}
	return t.cancelRequest
}

// foreseeCancel returns the request to cancel that is still to be applied in this
// turn, nil if there is none.
func (t *Turn) foreseeCancel() *dtspb.EventRaisedEvent {
	for _, e := range t.ahead {
		if e.GetOrchestratorStarted() != nil {
			break
		}
		if isCancel(e) {
			return e.GetEventRaised()
		}
	}
	return nil
}

func isCancel(e *dtspb.HistoryEvent) bool {
	return e.GetEventRaised() != nil && strings.EqualFold(e.GetEventRaised().GetName(), wire.CancelEvent)
}

// EndCanceled lets the execution end as canceled with that output, once its function
// returns without failure. On the wire that is terminated: there is a status for
// canceled, but JavaScript and Python clients throw when they read it.
func (t *Turn) EndCanceled(output *wrapperspb.StringValue) {
	t.guard("Context.EndCanceled")
	t.canceled = &cancellation{output}
}

type cancellation struct{ output *wrapperspb.StringValue }

// carryover returns the events for the next execution: those that nobody has taken,
// unless they are to be dropped, and a request to cancel in any case. Whoever asks a
// monitor to cancel must not miss it because it is just beginning another round.
func (t *Turn) carryover(drop bool) []*dtspb.HistoryEvent {
	var events []*dtspb.HistoryEvent
	if k := t.cancelRequest; k != nil && k.state == done {
		events = append(events, &dtspb.HistoryEvent{
			EventId: -1, Timestamp: timestamppb.New(t.now),
			EventType: &dtspb.HistoryEvent_EventRaised{EventRaised: &dtspb.EventRaisedEvent{Name: wire.CancelEvent, Input: k.result}},
		})
	}
	for _, e := range t.buffered {
		if !drop || isCancel(e) {
			events = append(events, &dtspb.HistoryEvent{EventId: -1, Timestamp: e.GetTimestamp(), EventType: e.GetEventType()})
		}
	}
	return events
}

package large

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Events returns the events with what a replay reads of them fetched. The events
// given may be shared and are left as they are; without a token they are returned.
func (p *Payloads) Events(ctx context.Context, events []*dtspb.HistoryEvent) ([]*dtspb.HistoryEvent, error) {
	if p == nil {
		return events, nil
	}
	var fetch []func(context.Context) error
	whole := events
	for i, e := range events {
		if at := read(e); at == nil || !p.IsToken(*at) {
			continue
		}
		if len(fetch) == 0 {
			whole = slices.Clone(events)
		}
		e = proto.CloneOf(e)
		whole[i] = e
		fetch = append(fetch, func(ctx context.Context) (err error) {
			at := read(e)
			*at, err = p.Get(ctx, *at)
			return err
		})
	}
	if err := together(ctx, fetch); err != nil {
		return nil, err
	}
	return whole, nil
}

// read is the payload of an event that a replay looks at, nil if there is none. What
// an orchestrator asked for it knows better itself.
func read(e *dtspb.HistoryEvent) **wrapperspb.StringValue {
	switch k := e.GetEventType().(type) {
	case *dtspb.HistoryEvent_ExecutionStarted:
		return &k.ExecutionStarted.Input
	case *dtspb.HistoryEvent_TaskCompleted:
		return &k.TaskCompleted.Result
	case *dtspb.HistoryEvent_SubOrchestrationInstanceCompleted:
		return &k.SubOrchestrationInstanceCompleted.Result
	case *dtspb.HistoryEvent_EventRaised:
		return &k.EventRaised.Input
	case *dtspb.HistoryEvent_EntityOperationCompleted:
		return &k.EntityOperationCompleted.Output
	case *dtspb.HistoryEvent_ExecutionTerminated:
		return &k.ExecutionTerminated.Input
	default:
		return nil
	}
}

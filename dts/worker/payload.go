package worker

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/large"
)

// payloadKeeper is a connection whose client has a store for large payloads.
type payloadKeeper interface {
	Payloads() *large.Payloads
}

// payloadsOf returns the store of a connection, nil if it has none.
func payloadsOf(conn any) *large.Payloads {
	if k, ok := conn.(payloadKeeper); ok {
		return k.Payloads()
	}
	return nil
}

// capabilities are what the scheduler may expect of this worker.
func (w *Worker) capabilities() []dtspb.WorkerCapability {
	c := []dtspb.WorkerCapability{dtspb.WorkerCapability_WORKER_CAPABILITY_HISTORY_STREAMING}
	if w.payloads != nil {
		c = append(c, dtspb.WorkerCapability_WORKER_CAPABILITY_LARGE_PAYLOADS)
	}
	return c
}

// storesAtOnce is how many payloads of a turn are stored at the same time.
const storesAtOnce = 8

// storeAttempts is how often the store is asked before an item is given back.
const storeAttempts = 6

// patiently calls f until it succeeds. It gives up when the payload is gone, when
// the worker stops, and after half a minute: another worker may reach the store.
func (r *run) patiently(f func(context.Context) error) error {
	for attempt := 0; ; attempt++ {
		err := f(r.work)
		if err == nil || errors.Is(err, large.ErrGone) || r.work.Err() != nil || attempt+1 == storeAttempts {
			return err
		}
		pause := min(lastRetry, firstRetry<<(2*attempt))
		r.log.Warn("the payload store does not answer, trying again", keyError, err, keyAttempt, attempt, keyDuration, pause)
		sleep(r.work, pause+time.Duration(retryJitter*r.jitter()*float64(pause)))
	}
}

// put stores what at points to if it is large.
func (r *run) put(at **wrapperspb.StringValue) error {
	if !r.payloads.Moves(*at) {
		return nil
	}
	return r.patiently(func(ctx context.Context) error {
		v, err := r.payloads.Put(ctx, *at)
		if err == nil {
			*at = v
		}
		return err
	})
}

// get returns the payload that v stands for.
func (r *run) get(v *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
	if !r.payloads.IsToken(v) {
		return v, nil
	}
	err := r.patiently(func(ctx context.Context) (err error) {
		whole, err := r.payloads.Get(ctx, v)
		if err == nil {
			v = whole
		}
		return err
	})
	return v, err
}

// fetchTurn is fetch for both halves of a turn.
func (r *run) fetchTurn(past, fresh []*dtspb.HistoryEvent) (_, _ []*dtspb.HistoryEvent, err error) {
	if r.payloads == nil {
		return past, fresh, nil
	}
	if past, err = r.fetch(past); err == nil {
		fresh, err = r.fetch(fresh)
	}
	return past, fresh, err
}

// fetch returns events with their payloads.
func (r *run) fetch(events []*dtspb.HistoryEvent) ([]*dtspb.HistoryEvent, error) {
	err := r.patiently(func(ctx context.Context) error {
		whole, err := r.payloads.Events(ctx, events)
		if err == nil {
			events = whole
		}
		return err
	})
	return events, err
}

// lost is the failure of whoever needs a payload that is gone.
func lost(err error) *dtspb.TaskFailureDetails { return refusal(typePayloadGone, err.Error()) }

// fetchInput replaces the input of an activity by the payload. It reports false when
// the activity cannot run: its payload is gone, which is in the answer then, or the
// store is away and the item went back.
func (r *run) fetchInput(l *lease, at **wrapperspb.StringValue, answer *dtspb.ActivityResponse) bool {
	whole, err := r.get(*at)
	switch {
	case err == nil:
		*at = whole
	case errors.Is(err, large.ErrGone):
		answer.FailureDetails = lost(err)
	default:
		r.giveBack(l, err)
	}
	return err == nil
}

// storeResult stores the result of an activity. It reports false when the item went
// back: the activity runs again, as after a crash.
func (r *run) storeResult(l *lease, answer *dtspb.ActivityResponse) bool {
	err := r.put(&answer.Result)
	if err != nil {
		r.giveBack(l, err)
	}
	return err == nil
}

// giveBack abandons an item because the store is away.
func (r *run) giveBack(l *lease, err error) {
	if r.work.Err() == nil {
		r.log.Error("the payload store is away, abandoning the work item", keyInstance, l.instance, keyError, err)
	}
	if l.claim() {
		r.abandon(l)
	}
}

// storeAnswer stores the payloads of a turn. Those that are too large stay in it for
// check to refuse.
func (r *run) storeAnswer(answer *dtspb.OrchestratorResponse) error {
	if r.payloads == nil {
		return nil
	}
	var storing errgroup.Group
	storing.SetLimit(storesAtOnce)
	storing.Go(func() error { return r.put(&answer.CustomStatus) })
	for _, a := range answer.GetActions() {
		if _, _, at := payloadOf(a); at != nil && r.payloads.Moves(*at) {
			storing.Go(func() error { return r.put(at) })
		}
		for _, e := range a.GetCompleteOrchestration().GetCarryoverEvents() {
			storing.Go(func() error { return r.storeEvent(e) })
		}
	}
	return storing.Wait()
}

// storeEvent stores the payload of an event that the next execution gets. What is
// inside of the event may be shared with the turn.
func (r *run) storeEvent(e *dtspb.HistoryEvent) error {
	raised := e.GetEventRaised()
	input := raised.GetInput()
	if err := r.put(&input); err != nil || input == raised.GetInput() {
		return err
	}
	e.EventType = &dtspb.HistoryEvent_EventRaised{EventRaised: &dtspb.EventRaisedEvent{Name: raised.GetName(), Input: input}}
	return nil
}

// storeOutcome stores the payloads of an operation of an entity.
func (r *run) storeOutcome(outcome *dtspb.OperationResult, actions []*dtspb.OperationAction) error {
	if r.payloads == nil {
		return nil
	}
	if s := outcome.GetSuccess(); s != nil {
		if err := r.put(&s.Result); err != nil {
			return err
		}
	}
	for _, a := range actions {
		var err error
		switch k := a.GetOperationActionType().(type) {
		case *dtspb.OperationAction_SendSignal:
			err = r.put(&k.SendSignal.Input)
		case *dtspb.OperationAction_StartNewOrchestration:
			err = r.put(&k.StartNewOrchestration.Input)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

package triggers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/httpapi"
)

// EventRule is a part of a [CloudEvents] trigger: a [Match], or an [EventOption].
type EventRule interface{ addTo(*eventTrigger) }

// EventOption changes what [CloudEvents] or [EventFunc] does.
type EventOption interface {
	EventRule
	option()
}

// Match starts an orchestration for the events that all filters mean; without a
// filter, for every event. The input is the data of the event, or the event itself
// if I is a [durable.CloudEvent].
func Match[I, O any](o durable.Orchestrator[I, O], filters ...EventFilter) EventRule {
	return eventRule{filters, o, reflect.TypeFor[I](), func(c *dts.Client, e received) (eventAct, error) {
		var in I
		if err := e.decode(&in); err != nil {
			return eventAct{}, err
		}
		request, err := o.Request(c, in, durable.ID(e.instanceID(o.Name())), durable.Once())
		if err != nil {
			return eventAct{}, err
		}
		if len(request.Input) > httpapi.MaxBody {
			return eventAct{}, &httpapi.Error{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the event as an input is larger than %d bytes", httpapi.MaxBody)}
		}
		request.TraceParent, request.TraceState = e.trace()
		return eventAct{request.ID, func(ctx context.Context) error { return startOnce(ctx, c, request) }}, nil
	}}
}

// eventAct is what is done with one event. It can only fail for reasons that pass,
// and may be done again.
type eventAct struct {
	id string // of the instance that it starts; empty for a function
	do func(context.Context) error
}

// eventRule says which events are meant and what is done with one. Prepare finds
// everything that is wrong with an event.
type eventRule struct {
	filters []EventFilter
	starts  durable.Definition // nil for a function
	input   reflect.Type
	prepare func(c *dts.Client, e received) (eventAct, error)
}

func (r eventRule) addTo(t *eventTrigger) { t.rules = append(t.rules, r) }

func (r eventRule) lacksFilter() bool {
	return slices.ContainsFunc(r.filters, func(f EventFilter) bool {
		c, ok := f.(condition)
		return f == nil || ok && c == nil
	})
}

func (r eventRule) means(e durable.EventAttributes) bool {
	return !slices.ContainsFunc(r.filters, func(f EventFilter) bool { return !f.means(e) })
}

// CloudEvents takes CloudEvents that are posted to path, version 1.0, in binary,
// structured or batched JSON mode. The first rule that means an event starts its
// orchestration, under an instance id made of the event's source and id, which say
// what event it is, and of the orchestrator: an event that is delivered again starts
// nothing, for as long as the first instance is kept, and one event can start several
// orchestrators, each once.
//
// The answer is 202 when all starts are durable and 204 when no rule means any of
// the events. Refusals are 400 for a malformed event and for data of another shape
// than the input, 413 for an event that is larger than 1 MiB or a batch of more than
// 100, 415 for what is no CloudEvent or has data of a media type that the input
// cannot take, and 503 with Retry-After when the scheduler is away. A batch with an
// event that is refused starts nothing.
func CloudEvents(path string, rules ...EventRule) framework.Trigger {
	t := &eventTrigger{path: path, started: http.StatusAccepted, patience: httpapi.CallContext}
	for _, r := range rules {
		if r == nil {
			t.err = errors.New("one of its rules is nil")
			continue
		}
		r.addTo(t)
	}
	if t.err == nil && len(t.rules) == 0 {
		t.err = errors.New("it has no rule\n  give triggers.CloudEvents a triggers.Match")
	}
	return t
}

// EventFunc takes CloudEvents like [CloudEvents] and calls a function with each. It
// is answered with 204 if the function returns nil and 503 otherwise, so that the
// sender tries again; an event that is delivered again, or with others in a batch
// of which one failed, comes to the function again. Functions for the events of a
// batch run at the same time. A panic counts as an error and is logged.
//
// The context of the function ends when the sender hangs up, when another event of
// the batch has failed, and after 230 seconds. What takes longer belongs into an
// orchestration.
func EventFunc[T any](path string, fn func(context.Context, durable.CloudEvent[T]) error, opts ...EventOption) framework.Trigger {
	t := &eventTrigger{path: path, started: http.StatusNoContent, patience: functionContext}
	for _, o := range opts {
		o.addTo(t)
	}
	if fn == nil {
		t.err = errors.New("the function is nil\n  give triggers.EventFunc a function")
	}
	t.rules = []eventRule{{input: reflect.TypeFor[durable.CloudEvent[T]](), prepare: func(_ *dts.Client, e received) (eventAct, error) {
		var event durable.CloudEvent[T]
		if err := e.decode(&event); err != nil {
			return eventAct{}, err
		}
		return eventAct{do: func(ctx context.Context) error { return handleEvent(ctx, fn, event) }}, nil
	}}}
	return t
}

type eventTrigger struct {
	path     string
	rules    []eventRule
	origins  []string // of the handshake; none means no handshake
	started  int      // the code when all is well
	patience func(*http.Request) (context.Context, context.CancelFunc)
	err      error
}

func (t *eventTrigger) Describe() framework.TriggerInfo {
	info := framework.TriggerInfo{Kind: "cloudevents", Name: t.path, MediaType: "application/cloudevents+json"}
	if t.check() == nil {
		info.Sample = t.sample()
	}
	for _, r := range t.rules {
		if r.starts != nil {
			info.Starts = append(info.Starts, r.starts)
		}
	}
	return info
}

func (t *eventTrigger) Definitions() []durable.Definition { return nil }

func (t *eventTrigger) Bind(b *framework.Binder) error {
	if err := t.check(); err != nil {
		return err
	}
	h := &eventHandler{t, b.Client(), b.Logger()}
	b.Handle("POST "+t.path, http.HandlerFunc(h.receive))
	if len(t.origins) > 0 {
		b.Handle("OPTIONS "+t.path, http.HandlerFunc(h.handshake))
	}
	return nil
}

// check says what is wrong with the trigger itself.
func (t *eventTrigger) check() error {
	if t.err != nil {
		return t.err
	}
	if slices.ContainsFunc(t.rules, eventRule.lacksFilter) {
		return errors.New("one of its filters is nil\n  give triggers.Match no filter, or one that is there")
	}
	return checkOrigins(t.origins)
}

// eventHandler serves one trigger in one host.
type eventHandler struct {
	*eventTrigger

	client *dts.Client
	logger *slog.Logger
}

func (h *eventHandler) receive(w http.ResponseWriter, r *http.Request) {
	id, code, err := h.handle(w, r)
	if unhandled, ok := errors.AsType[*unhandledError](err); ok {
		unhandled.log(h.logger, h.path)
		err = &httpapi.Error{Status: http.StatusServiceUnavailable, Message: "the event was not handled, send it again"}
	}
	switch {
	case err != nil:
		httpapi.WriteError(w, h.logger, err)
	case id != "":
		httpapi.Accepted(w, id)
	default:
		w.WriteHeader(code)
	}
}

// eventsAtOnce bounds the starts of one batch that wait for the scheduler at the
// same time; those that do share its syncs.
const eventsAtOnce = 16

// handle takes the events of a request and returns the code of the answer, and the
// instance id if there was one event and it has one.
func (h *eventHandler) handle(w http.ResponseWriter, r *http.Request) (id string, code int, err error) {
	if err := h.welcome(r); err != nil {
		return "", 0, err
	}
	events, batch, err := readEvents(w, r)
	if err != nil {
		return "", 0, err
	}
	var acts []eventAct
	for i, e := range events {
		at := slices.IndexFunc(h.rules, func(r eventRule) bool { return r.means(e.EventAttributes) })
		if at < 0 {
			h.logger.Debug("an event that no rule means", "type", e.Type, "source", e.Source)
			continue
		}
		act, err := h.rules[at].prepare(h.client, e)
		if batch {
			err = inBatch(i, err)
		}
		if err != nil {
			return "", 0, err
		}
		acts = append(acts, act)
	}
	if len(acts) == 0 {
		return "", http.StatusNoContent, nil
	}
	ctx, cancel := h.patience(r)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(eventsAtOnce)
	for _, act := range acts {
		group.Go(func() error { return act.do(ctx) })
	}
	if err := group.Wait(); err != nil {
		return "", 0, err
	}
	if !batch {
		id = acts[0].id
	}
	return id, h.started, nil
}

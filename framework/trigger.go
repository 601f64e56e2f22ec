package framework

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/httpapi"
)

// Trigger brings events from outside into an app. Describe and Definitions are
// called in every role, before anything is started; then Bind is called, once,
// in the roles that trigger. A Trigger holds no state of one run, so that an app
// can be run again.
type Trigger interface {
	// Describe says what the trigger is, for messages and lists.
	Describe() TriggerInfo

	// Definitions are the functions that the trigger brings along, or nil. They
	// are added to those of the app, once if several triggers bring the same.
	Definitions() []durable.Definition

	// Bind connects the trigger to the host: it registers handlers and
	// goroutines and does nothing that blocks. An error keeps the host from
	// starting.
	Bind(*Binder) error
}

// TriggerInfo describes a trigger.
type TriggerInfo struct {
	// Kind is the kind of trigger in one word, as "http".
	Kind string
	// Name tells the trigger from others in messages: the pattern of an HTTP
	// trigger.
	Name string
	// Starts are the orchestrators that the trigger starts, none if it decides
	// later. Those that have their function in this program must be added to the
	// app.
	Starts []durable.Definition
	// Sample is a JSON value that the trigger takes, for people who want to try
	// it; nil if it needs none or does not know. It is not the zero value.
	Sample json.RawMessage
	// MediaType is what requests to the trigger say their body is; empty means
	// application/json. A trigger that has one and no Sample takes nothing that
	// could be made up.
	MediaType string
}

// starts names what the trigger starts.
func (i TriggerInfo) starts() string {
	names := make([]string, len(i.Starts))
	for at, o := range i.Starts {
		names[at] = o.Name()
	}
	return strings.Join(names, ", ")
}

// Binder is what a trigger may use of the host. It is valid as long as the host
// runs.
type Binder struct {
	info   TriggerInfo
	parts  *parts
	logger *slog.Logger
}

// Handle serves pattern, in the syntax of [http.ServeMux], on the public
// listener. A pattern that is malformed, or that matches the same requests as
// another one, keeps the host from starting. In the context of its requests
// [ClientFrom] and [CheckStatus] work.
func (b *Binder) Handle(pattern string, h http.Handler) {
	b.parts.router.handle(b.info, pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), partsKey{}, b.parts)))
	}))
}

// Schedule says when the trigger is due next, for those who want to know when the
// host has started: spec is how its user writes it, next are moments in the zone
// of the schedule. It does nothing by itself.
func (b *Binder) Schedule(spec string, next []time.Time) {
	due := make([]string, len(next))
	for i, t := range next {
		due[i] = t.Format(time.RFC3339)
	}
	b.logger.Info("schedule", "schedule", spec, "next", due)
	b.parts.schedules = append(b.parts.schedules, Schedule{
		Trigger: b.info.Name, Spec: spec, Orchestrator: b.info.starts(), Next: next,
	})
}

// Schedule is when a trigger is due next.
type Schedule struct {
	Trigger      string      `json:"trigger"` // its name
	Spec         string      `json:"spec"`
	Orchestrator string      `json:"orchestrator,omitempty"` // several with commas
	Next         []time.Time `json:"next"`
}

// Go runs a function from the moment the host serves until it stops, when the
// function's context ends: the way for triggers that fetch. A function that
// returns earlier stops the host.
func (b *Binder) Go(name string, run func(context.Context) error) {
	b.parts.pulls = append(b.parts.pulls, pull{name, run})
}

// Share returns a value that triggers have in common in one run of the app: what
// first returned when key was asked for the first time. A key is of a type of its
// own, as for [context.WithValue].
func (b *Binder) Share(key any, first func() any) any {
	if _, made := b.parts.shared[key]; !made {
		b.parts.shared[key] = first()
	}
	return b.parts.shared[key]
}

// App is the name of the app.
func (b *Binder) App() string { return b.parts.name }

// Client is the client of the app's hub.
func (b *Binder) Client() *dts.Client { return b.parts.client }

// Logger is the host's logger, with the trigger's name in it.
func (b *Binder) Logger() *slog.Logger { return b.logger }

type partsKey struct{}

// ClientFrom returns the client of the app's hub in a request that came through
// a trigger and in an activity, and nil elsewhere.
func ClientFrom(ctx context.Context) *dts.Client {
	if p, ok := ctx.Value(partsKey{}).(*parts); ok {
		return p.client
	}
	return nil
}

// CheckStatus answers 202 to a request that has started the instance id, in a
// handler of a trigger. With the management API on, the answer says where to ask
// for the status and how to steer the instance; else it holds the id alone.
func CheckStatus(w http.ResponseWriter, r *http.Request, id string) {
	if p, ok := r.Context().Value(partsKey{}).(*parts); ok && p.managed {
		p.api.CheckStatus(w, r, id)
		return
	}
	httpapi.Accepted(w, id)
}

// Result answers a request that has started the instance id, in a handler of a
// trigger: 200 with the output if it completes within the wait, 500 with its
// status if it ends otherwise. If it takes longer, or the host stops meanwhile,
// the answer is that of [CheckStatus].
func Result(w http.ResponseWriter, r *http.Request, id string, wait time.Duration) {
	if p, ok := r.Context().Value(partsKey{}).(*parts); ok && p.api.Result(w, r, id, wait) {
		return
	}
	CheckStatus(w, r, id)
}

// withClient puts the client at the hand of activities.
func (p *parts) withClient(next durable.Handler) durable.Handler {
	return func(ctx context.Context, call *durable.Call) ([]byte, error) {
		if call.Kind == durable.KindActivity {
			ctx = context.WithValue(ctx, partsKey{}, p)
		}
		return next(ctx, call)
	}
}

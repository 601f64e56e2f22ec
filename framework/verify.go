package framework

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
)

// Replay runs the orchestrator of a history, as [dts.Client.History] gives it,
// against the code of this app, and says where the code takes another way: see
// [worker.Replay]. Nothing of the app is started. The error is a
// [worker.ErrNotRegistered] if the app does not have the orchestrator.
func (a *App) Replay(history []dts.HistoryEvent) (*worker.Replayed, error) {
	r, _, err := a.replayer()
	if err != nil {
		return nil, err
	}
	return worker.Replay(r, history)
}

// replayer returns the functions of the app, and the names of its orchestrators.
func (a *App) replayer() (_ *worker.Registry, known map[string]bool, err error) {
	c := a.client
	if c == nil { // for its converter; it is never used
		if c, err = dts.Dial(dts.ConnectionString{Endpoint: "http://127.0.0.1", Authentication: dts.AuthNone}, a.converterOptions()...); err != nil {
			return nil, nil, err
		}
		defer func() { err = errors.Join(err, c.Close()) }()
	}
	defs, err := a.functions()
	if err != nil {
		return nil, nil, err
	}
	r, err := a.registry(c, defs)
	known = make(map[string]bool)
	for _, d := range defs {
		if d != nil && d.Kind() == durable.KindOrchestrator {
			known[d.Name()] = true
		}
	}
	return r, known, err
}

// verdict is what `funchost verify` is told of a hub.
type verdict struct {
	Checked     int            `json:"checked"` // instances
	Differences []difference   `json:"differences,omitempty"`
	Unknown     map[string]int `json:"unknown,omitempty"` // instances of orchestrators that this program does not have
}

// difference is an unfinished instance that this code would lead another way.
type difference struct {
	Instance     string `json:"instance"`
	Orchestrator string `json:"orchestrator"`
	Event        int    `json:"event"`
	Kind         string `json:"kind,omitempty"`
	History      string `json:"history"`
	Code         string `json:"code"`
	At           string `json:"at,omitempty"`
}

// verify replays the unfinished instances of the hub that text leads to. It reads
// from the hub, and nothing of the app is started.
func (a *App) verify(ctx context.Context, text string) (*verdict, error) {
	cs, err := dts.ParseConnectionString(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", envVerify, err)
	}
	const origin = "FUNCHOST_PAYLOAD_STORE"
	opts, err := a.payloadOptions(os.Getenv(origin), origin)
	if err != nil {
		return nil, err
	}
	c, err := dts.Dial(cs, opts...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	registry, known, err := a.replayer()
	if err != nil {
		return nil, err
	}
	v := &verdict{Unknown: make(map[string]int)}
	unfinished := dts.Query{Status: []dts.Status{dts.StatusPending, dts.StatusRunning, dts.StatusSuspended}}
	for in, err := range c.Instances(ctx, unfinished) {
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(in.ID, "@") {
			continue // an entity, in the list of some schedulers
		}
		if !known[in.Name] {
			v.Unknown[in.Name]++
			continue
		}
		if err := v.check(ctx, c, registry, in); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// check replays one instance. One that was purged meanwhile, or that has not begun,
// has no history.
func (v *verdict) check(ctx context.Context, c *dts.Client, r *worker.Registry, in *dts.Instance) error {
	history, err := collect(ctx, c, in.ID)
	if errors.Is(err, dts.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(history, func(e dts.HistoryEvent) bool { return e.Kind == "ExecutionStarted" }) {
		v.Checked++
		return nil
	}
	got, err := worker.Replay(r, history)
	if errors.Is(err, worker.ErrNotRegistered) {
		v.Unknown[fmt.Sprintf("%s of version %q", in.Name, in.Version)]++
		return nil
	}
	if err != nil {
		return fmt.Errorf("instance %q: %w", in.ID, err)
	}
	v.Checked++
	if d := got.Difference; d != nil {
		v.Differences = append(v.Differences, difference{in.ID, in.Name, d.Event, d.Kind, d.History, d.Code, d.At})
	}
	return nil
}

func collect(ctx context.Context, c *dts.Client, id string) (history []dts.HistoryEvent, _ error) {
	for e, err := range c.History(ctx, id) {
		if err != nil {
			return nil, err
		}
		history = append(history, e)
	}
	return history, nil
}

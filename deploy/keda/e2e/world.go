//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/funchost/funchost/dts"
)

// world is everything that the test talks to.
type world struct {
	*cluster

	api  string
	hub  *dts.Client
	done atomic.Int64 // orchestrations
}

func newWorld(r *rig, scheduler, api string) (*world, error) {
	c, err := openCluster(r.dir + "/pki/kubeconfig")
	if err != nil {
		return nil, err
	}
	hub, err := dts.Dial(dts.ConnectionString{Endpoint: "http://" + scheduler, Authentication: dts.AuthNone})
	if err != nil {
		return nil, err
	}
	return &world{cluster: c, api: "http://" + api, hub: hub}, nil
}

func (w *world) close() { _ = w.hub.Close() }

// patience is how long the test waits for what should take seconds.
const patience = 2 * time.Minute

// until looks again and again until there is something to see. An error is final
// only when time is up: much is not there yet in the beginning.
func until(ctx context.Context, what string, look func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it took more than %s", patience))
	defer cancel()
	every := time.NewTicker(200 * time.Millisecond)
	defer every.Stop()
	for {
		seen, err := look(ctx)
		if err == nil && seen {
			return nil
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w, %w", what, context.Cause(ctx), err)
		}
	}
}

// served waits for the scheduler and the api host.
func (w *world) served(ctx context.Context) error {
	return until(ctx, "scheduler and api host serve", func(ctx context.Context) (bool, error) {
		if _, err := w.hub.Backlog(ctx); err != nil {
			return false, err
		}
		resp, err := w.request(ctx, http.MethodGet, "/", nil)
		if err == nil {
			err = resp.Body.Close()
		}
		return true, err
	})
}

func (w *world) scaled(ctx context.Context) error {
	return until(ctx, "KEDA has taken over", w.scaledObjectReady)
}

// empty waits until there are no workers, and none that still drain.
func (w *world) empty(ctx context.Context) error {
	return until(ctx, "no worker is left", func(ctx context.Context) (bool, error) {
		f, err := w.fleet(ctx)
		return f == fleet{}, err
	})
}

func (w *world) request(ctx context.Context, method, path string, body any) (*http.Response, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, w.api+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	return http.DefaultClient.Do(req)
}

// start starts the orchestrations over HTTP, as a user of them would.
func (w *world) start(ctx context.Context) ([]string, error) {
	ids := make([]string, orchestrations)
	starts, ctx := errgroup.WithContext(ctx)
	starts.SetLimit(16)
	for i := range ids {
		starts.Go(func() error {
			resp, err := w.request(ctx, http.MethodPost, "/api/shift", parts(i))
			if err != nil {
				return err
			}
			defer func() { _ = resp.Body.Close() }()
			if resp.StatusCode != http.StatusAccepted {
				return fmt.Errorf("start an orchestration: %s", resp.Status)
			}
			var answer struct {
				ID string `json:"id"`
			}
			err = json.NewDecoder(resp.Body).Decode(&answer)
			ids[i] = answer.ID
			return err
		})
	}
	return ids, starts.Wait()
}

// await waits until all have ended, however they did.
func (w *world) await(ctx context.Context, ids []string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	waits, ctx := errgroup.WithContext(ctx)
	for _, id := range ids {
		waits.Go(func() error {
			_, err := w.hub.Wait(ctx, id)
			w.done.Add(1)
			return err
		})
	}
	return waits.Wait()
}

// end is how an orchestration ended.
type end struct {
	status dts.Status
	output string
	times  int // ends in its history
}

func (w *world) ends(ctx context.Context, ids []string) (map[string]end, error) {
	ends := make(map[string]end, len(ids))
	for _, id := range ids {
		i, err := w.hub.Instance(ctx, id)
		if err != nil {
			return nil, err
		}
		e := end{status: i.Status, output: string(i.Output)}
		for event, err := range w.hub.History(ctx, id) {
			if err != nil {
				return nil, err
			}
			if event.Kind == "ExecutionCompleted" {
				e.times++
			}
		}
		ends[id] = e
	}
	return ends, nil
}

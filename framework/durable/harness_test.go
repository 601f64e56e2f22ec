package durable_test

import (
	"context"
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
)

// hub is a scheduler in memory with at most one worker on it.
type hub struct {
	t         *testing.T
	scheduler *dtstest.Scheduler
	client    *dts.Client
	registry  *worker.Registry
	stop      func()
}

func newHub(t *testing.T) *hub {
	t.Helper()
	s := dtstest.Start(t)
	h := &hub{t: t, scheduler: s, client: s.Client(), registry: worker.NewRegistry()}
	t.Cleanup(func() { h.stop() })
	return h
}

// serve starts a worker with the definitions. It runs until the test ends.
func (h *hub) serve(defs ...durable.Definition) {
	h.t.Helper()
	h.register(defs)
	h.start()
}

func (h *hub) register(defs []durable.Definition, mw ...durable.Middleware) {
	h.t.Helper()
	if err := durable.Register(h.registry, h.client, defs, mw...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hub) start() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.New(h.client, h.registry).Run(ctx) }()
	h.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("worker: %v", err)
		}
	}
}

// restart replaces the worker with one that has seen nothing yet.
func (h *hub) restart() {
	h.stop()
	h.start()
}

// serve is the common case of a hub: the definitions, and a client.
func serve(t *testing.T, defs []durable.Definition, mw ...durable.Middleware) *dts.Client {
	t.Helper()
	h := newHub(t)
	h.register(defs, mw...)
	h.start()
	return h.client
}

// run starts an orchestration and waits for its end.
func run[I, O any](t *testing.T, c *dts.Client, o durable.Orchestrator[I, O], in I, opts ...durable.StartOption) (O, error) {
	t.Helper()
	i, err := o.StartNew(t.Context(), c, in, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return i.Wait(t.Context())
}

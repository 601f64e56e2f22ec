package durabletest

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/internal/settings"
)

// Env is the world of one test: a task hub of its own, and what serves it. It is the
// test, too: e.Fatal, e.Context. Its methods, and the functions of this package, are
// for the goroutine of the test; what goes wrong in them ends it.
type Env struct {
	*testing.T

	// Patience is how long nothing may happen before a wait fails. Timers that an
	// orchestration waits for do not count. Zero means 24 hours, which pass at once.
	Patience time.Duration

	// Payloads is where the clients and hosts of the test keep large payloads, whatever
	// their apps say. It is set before anything else is done. Without a Store, payloads
	// are as large as a hub takes them.
	Payloads dts.Payloads

	scheduler    *dtstest.Scheduler // nil before it is needed
	client       *dts.Client        // likewise
	apps         []*framework.App
	routes       *listener // of the first app; nil before
	replacements []durable.Definition
	record       record
}

// Run runs a test in a world of its own, in virtual time. A test may call
// t.Parallel before.
func Run(t *testing.T, test func(e *Env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &Env{T: t}
		test(e)
		e.replayAll()
	})
}

// Serve runs functions on the hub of the test, from now to its end.
func (e *Env) Serve(functions ...durable.Definition) {
	e.Helper()
	e.ServeApp(framework.New(e.Name()).Add(functions...))
}

// ServeApp runs a copy of an app on the hub of the test, from now to its end: its
// functions, its schedules and its routes, which are reached by [Env.Post] and the
// like. It listens nowhere. Its settings hold as for any run of it, except those that
// say where to listen and how to reach a scheduler.
//
// Several hosts on one hub are as many calls. Requests go to the first.
func (e *Env) ServeApp(app *framework.App) {
	e.Helper()
	l := newListener()
	ready, ended := make(chan struct{}), make(chan error, 1)
	app = app.With(
		framework.WithClient(e.Client()),
		framework.WithLogger(slog.New(slog.NewTextHandler(e.Output(), nil))),
		framework.WithListener(l),
		framework.OnReady(func(framework.Ready) { close(ready) }),
	).Replace(e.replacements...).Use(e.record.watch)
	ctx := settings.WithArgs(context.Background(), "--listen="+l.Addr().String(), "--admin-listen=none", "--shutdown-grace=0s",
		"--max-warm=0") // each turn shows whether the orchestrator repeats itself
	ctx, stop := context.WithCancel(ctx)
	go func() { ended <- app.Run(ctx) }()
	e.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			e.Errorf("durabletest: the app ended: %v", err)
		}
		_ = l.Close()
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		e.Fatalf("durabletest: the app does not start: %v", err)
	}
	e.apps = append(e.apps, app)
	if e.routes == nil {
		e.routes = l
	}
}

// Client is a client of the hub of the test, for whatever this package has no word
// for.
func (e *Env) Client() *dts.Client {
	e.Helper()
	if e.scheduler != nil {
		return e.client
	}
	e.scheduler = dtstest.Start(e.T)
	e.client = e.scheduler.Client()
	if e.Payloads.Store != nil {
		e.client = e.scheduler.Connect(e.client.Hub(), dts.WithPayloads(e.Payloads))
	}
	return e.client
}

// Sleep lets d pass, and what is due by then happen. Before anything is served even
// decades cost nothing.
func (e *Env) Sleep(d time.Duration) {
	time.Sleep(d)
	e.Settle()
}

// SleepUntil sleeps until the time is t. A t that has passed fails the test.
func (e *Env) SleepUntil(t time.Time) {
	e.Helper()
	d := time.Until(t)
	if d < 0 {
		e.Fatalf("durabletest: it is %s, which is after %s\n  begin with SleepUntil, before anything is served", time.Now().In(t.Location()), t)
	}
	e.Sleep(d)
}

// Settle returns when everything has happened that can happen now: when all that is
// left waits for the time, or for the test.
func (e *Env) Settle() { synctest.Wait() }

func (e *Env) patience() time.Duration {
	if e.Patience == 0 {
		return 24 * time.Hour
	}
	return e.Patience
}

// must ends the test if err is not nil. What was tried is part of err.
func (e *Env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(fmt.Errorf("durabletest: %w", err))
	}
}

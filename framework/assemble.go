package framework

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/httpapi"
	"github.com/funchost/funchost/framework/internal/linked"
	"github.com/funchost/funchost/framework/internal/settings"
	"github.com/funchost/funchost/framework/internal/telemetry"
)

// parts are what a run of an app consists of, before anything is started.
type parts struct {
	name     string
	role     Role
	settings *settings.Values
	logger   *slog.Logger

	scheduler linked.Scheduler // nil if it is elsewhere
	client    *dts.Client
	borrowed  bool // the client is not ours to close
	given     net.Listener

	definitions []durable.Definition
	registry    *worker.Registry // nil if no worker runs here
	router      *router
	pulls       []pull
	schedules   []Schedule
	shared      map[any]any  // between triggers, see Binder.Share
	api         *httpapi.API // nil in the role worker
	managed     bool         // the API is served, not only used
}

// assemble makes the parts of a run and checks them against each other. It
// returns every mistake it finds, not only the first, and starts nothing.
func (a *App) assemble(v *settings.Values, environ []string) (_ *parts, err error) {
	p := &parts{
		name:     a.name,
		role:     Role(v.Text(keyRole)),
		settings: v,
		logger:   a.logger,
		given:    a.listener,
		router:   newRouter(),
		shared:   make(map[any]any),
	}
	if p.logger == nil {
		if p.logger, err = telemetry.NewLogger(os.Stderr, v.Text(keyLogFormat), v.Text(keyLogLevel)); err != nil {
			return nil, err
		}
	}
	if err := p.connect(a, environ); err != nil {
		return nil, err
	}
	if err := errors.Join(p.register(a), p.bind(a.triggers)); err != nil {
		p.closeClient()
		return nil, err
	}
	return p, nil
}

// connect makes the client. It does no I/O.
func (p *parts) connect(a *App, environ []string) error {
	if a.client != nil {
		p.client, p.borrowed = a.client, true
		return nil
	}
	opts, err := a.payloadOptions(p.settings.Text(keyPayloads), string(p.settings.Origin(keyPayloads)))
	if err != nil {
		return err
	}
	chosen, err := chooseScheduler(p.settings, environ, linked.Present())
	if err != nil {
		return err
	}
	opts = append(opts, a.converterOptions()...)
	opts = append(opts, dts.WithLogger(p.logger), dts.WithDefaultVersion(p.settings.Text(keyDefaultVersion)))
	if chosen.embedded {
		p.scheduler = linked.New(linked.Config{Dir: chosen.dir, Retention: p.settings.Text(keyRetention), Logger: p.logger})
		opts = append(opts, dts.WithConn(p.scheduler.Conn()))
		if chosen.dir == "" {
			p.logger.Warn("the scheduler is in memory: nothing is kept when this process ends")
		}
	}
	files, err := dts.CredentialFiles{
		CA: p.settings.Text(keySchedulerCA), Cert: p.settings.Text(keySchedulerCert),
		Key: p.settings.Text(keySchedulerKey), Token: p.settings.Text(keySchedulerToken),
	}.Options(chosen.connection)
	if err != nil {
		return usageError{fmt.Errorf("settings %s, %s, %s and %s: %w", keySchedulerCA, keySchedulerCert, keySchedulerKey, keySchedulerToken, err)}
	}
	opts = append(opts, files...)
	if p.client, err = dts.Dial(chosen.connection, opts...); err != nil {
		return usageError{fmt.Errorf("setting %s (%s): %w", keyScheduler, p.settings.Origin(keyScheduler), err)}
	}
	return nil
}

func (p *parts) closeClient() {
	if p.borrowed {
		return
	}
	if err := p.client.Close(); err != nil {
		p.logger.Warn("the client did not close", "error", err)
	}
}

// register fills the registry of the worker with the functions of the app and of
// its triggers. The role api has no worker, but the mistakes are the same.
func (p *parts) register(a *App) error {
	var replaceErr error
	p.definitions, replaceErr = a.functions()
	registry, err := a.registry(p.client, p.definitions, p.withClient)
	err = errors.Join(replaceErr, err)
	switch {
	case p.role == RoleWorker && len(p.definitions) == 0:
		return errors.Join(err, errors.New("the role worker has nothing to run\n  add functions with app.Add"))
	case p.role != RoleAPI && len(p.definitions) > 0:
		p.registry = registry
	}
	return err
}

// bind checks the triggers and connects them to the router.
func (p *parts) bind(triggers []Trigger) error {
	var errs []error
	known := make(map[string]bool)
	for _, d := range p.definitions {
		if d != nil && d.Kind() == durable.KindOrchestrator {
			known[d.Name()] = true
		}
	}
	if p.role != RoleWorker {
		p.managed = p.settings.Bool(keyManagementAPI)
		p.api = httpapi.New(p.client, httpapi.Config{
			Known:    func(name string) bool { return known[name] },
			Loopback: true, // checkManagement allows nothing else
			Logger:   p.logger,
		})
	}
	for i, t := range triggers {
		if t == nil {
			errs = append(errs, fmt.Errorf("trigger %d of %d is nil", i+1, len(triggers)))
			continue
		}
		info := t.Describe()
		for _, starts := range info.Starts {
			if !known[starts.Name()] && starts.Bound() {
				errs = append(errs, fmt.Errorf("trigger %q: orchestrator %q is not registered\n"+
					"  add it (%s) with app.Add, or use durable.OrchestratorNamed if it runs in another app",
					info.Name, starts.Name(), starts.Source()))
			}
			known[starts.Name()] = true
		}
		if p.role == RoleWorker {
			continue
		}
		b := &Binder{info: info, parts: p, logger: p.logger.With("trigger", info.Name)}
		if err := t.Bind(b); err != nil {
			errs = append(errs, fmt.Errorf("trigger %q: %w", info.Name, err))
		}
	}
	if l := p.given; l != nil && p.managed && !loopback(l.Addr().String()) {
		errs = append(errs, fmt.Errorf("%s is on (%s) and the listener of the app is at %s: whoever reaches it could steer every orchestration\n"+
			"  leave it off", keyManagementAPI, p.settings.Origin(keyManagementAPI), l.Addr()))
	}
	if routes := p.router.routes; len(routes) > 0 && !p.listens() {
		errs = append(errs, fmt.Errorf("setting %s (%s): it is none, and a trigger serves %s\n  give it an address",
			keyListen, p.settings.Origin(keyListen), routes[0].Pattern))
	}
	return errors.Join(append(errs, p.router.errs...)...)
}

// listens reports whether there is a public listener.
func (p *parts) listens() bool {
	return p.role != RoleWorker && (p.given != nil || p.settings.Text(keyListen) != listenNone)
}

// The shares of the shutdown timeout: the worker's items and the requests take
// the time, the rest only closes things.
const (
	workerWeight = 6
	publicWeight = 3
)

// process puts the parts in the order in which they start.
func (p *parts) process(ready func(Ready)) *Process {
	public := newListener(p.settings.Text(keyListen), "--"+keyListen, p.handler(), p.settings.Number(keyMaxRequests), p.logger)
	process := NewProcess(p.name, Config{
		AdminListen:     p.settings.Text(keyAdminListen),
		ShutdownTimeout: p.settings.Duration(keyShutdownTimeout),
		Logger:          p.logger,
		OnReady: func(admin net.Addr) {
			ready(Ready{Listen: addressText(public.address()), Admin: addressText(admin), Routes: p.router.routes, Schedules: p.schedules})
		},
	})
	if p.listens() && p.given == nil {
		process.Add("public address", freeAddress{public, make(chan struct{})})
	}
	if p.scheduler != nil {
		process.Add("scheduler", p.scheduler)
	}
	process.Add("client", untilStop(p.closeClient))
	if p.registry != nil {
		process.add("worker", p.worker(), workerWeight)
	}
	if p.listens() {
		public.onStop = p.api.Drain
		public.given = p.given
		process.add("public listener", public, publicWeight)
		if grace := p.settings.Duration(keyShutdownGrace); grace > 0 {
			process.addPause("load balancers", grace)
		}
	}
	for _, pull := range p.pulls {
		process.Add(pull.name, pull)
	}
	return process
}

// handler is what the public listener serves: the triggers, and beside them the
// management API. The two never share a mux, so no pattern of a user can stand
// in the way of the API.
func (p *parts) handler() http.Handler {
	if !p.managed {
		return p.router.mux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if httpapi.Owns(r.URL.Path) {
			p.api.ServeHTTP(w, r)
			return
		}
		p.router.mux.ServeHTTP(w, r)
	})
}

func addressText(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

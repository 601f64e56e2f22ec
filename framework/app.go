package framework

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/internal/settings"
)

// App is a name, functions, triggers and middleware. It is put together by one
// goroutine and does nothing until [App.Run] or [Main].
type App struct {
	name      string
	settings  map[string]string
	client    *dts.Client
	payloads  *dts.Payloads       // nil without a store
	http      *durable.HTTPPolicy // nil for that of package durable
	converter dts.Converter       // nil for JSON
	logger    *slog.Logger
	listener  net.Listener
	onReady   []func(Ready)

	definitions  []durable.Definition
	replacements []durable.Definition
	middleware   []durable.Middleware
	triggers     []Trigger
}

// Role is what a host runs of its app.
type Role string

// The roles of a host.
const (
	RoleAll    Role = "all"    // triggers and functions
	RoleAPI    Role = "api"    // triggers and the management API
	RoleWorker Role = "worker" // functions, and no public listener
)

// Option changes what [New] makes.
type Option func(*App)

// Set gives a setting another default, as Set("listen", "127.0.0.1:8000"). The
// file, the environment and flags still win over it. A repeated key replaces the
// earlier value; an unknown key keeps the host from starting.
func Set(key, value string) Option {
	return func(a *App) { a.settings[key] = value }
}

// WithClient runs the app over a client that exists, for tests and for programs
// that bring their own transport. The settings scheduler and task-hub are then
// not looked at, and the client stays open after the run.
func WithClient(c *dts.Client) Option {
	return func(a *App) { a.client = c }
}

// WithLogger sends the host's log to l. The settings log-level and log-format
// then have no effect.
func WithLogger(l *slog.Logger) Option {
	return func(a *App) { a.logger = l }
}

// WithListener serves the routes of the app on l, which the host closes, instead of
// the address in the setting listen: for sockets that are handed over, and for tests
// that have none. A listener serves one run.
func WithListener(l net.Listener) Option {
	return func(a *App) { a.listener = l }
}

// OnReady calls f once in each run, when everything is started. It must not
// block. Several are called in turn.
func OnReady(f func(Ready)) Option {
	return func(a *App) { a.onReady = append(slices.Clip(a.onReady), f) }
}

// Ready is where a host can be reached.
type Ready struct {
	Listen    string     // host:port of the public listener, empty in the role worker
	Admin     string     // host:port of the admin listener, empty if there is none
	Routes    []Route    // what triggers serve
	Schedules []Schedule // when triggers are due next
}

// New returns an app without functions. The name stands in its log.
func New(name string, opts ...Option) *App {
	a := &App{name: name, settings: make(map[string]string)}
	for _, o := range opts {
		o(a)
	}
	return a
}

// With returns a copy of the app with more options. The app itself stays as it is,
// whatever becomes of the copy.
func (a *App) With(opts ...Option) *App {
	other := *a
	other.settings = maps.Clone(a.settings)
	other.definitions, other.replacements = slices.Clip(a.definitions), slices.Clip(a.replacements)
	other.middleware, other.triggers = slices.Clip(a.middleware), slices.Clip(a.triggers)
	for _, o := range opts {
		o(&other)
	}
	return &other
}

// Add adds functions. Mistakes, such as a name that is used twice, are returned
// by [App.Run], all of them together.
func (a *App) Add(defs ...durable.Definition) *App {
	a.definitions = append(a.definitions, defs...)
	return a
}

// Replace puts functions in the place of those that have the same kind and name,
// wherever the app has them from: a payment provider that always says yes, for a
// test or an evening at home. One that takes nobody's place is added. Of an entity
// the operations are replaced one by one, see [durable.Replace].
func (a *App) Replace(defs ...durable.Definition) *App {
	a.replacements = append(a.replacements, defs...)
	return a
}

// On adds triggers. Mistakes are returned by [App.Run].
func (a *App) On(ts ...Trigger) *App {
	a.triggers = append(a.triggers, ts...)
	return a
}

// Use wraps every function of the app in middleware. The first one is the
// outermost, over several calls too.
func (a *App) Use(mw ...durable.Middleware) *App {
	a.middleware = append(a.middleware, mw...)
	return a
}

// Run reads the settings from the environment and the file, starts the app, and
// returns when it has stopped: nil after ctx has ended, an error if it could not
// start or a part of it failed. An app can be run again after that.
func (a *App) Run(ctx context.Context) error {
	return a.run(ctx, settings.ArgsFrom(ctx), os.Environ(), nil)
}

// run is Run with everything that comes from outside. The report is called
// before the option OnReady.
func (a *App) run(ctx context.Context, args, environ []string, report func(Ready)) error {
	if _, ok := find(environ, envVerify); ok {
		return errors.New("this program was started by `funchost verify`, and nothing of it may run\n" +
			"  verify needs a program whose main calls framework.Main")
	}
	v, err := loadSettings(args, environ, a.settings)
	if err != nil {
		return err
	}
	p, err := a.assemble(v, environ)
	if err != nil {
		return err
	}
	return p.process(func(r Ready) {
		if report != nil {
			report(r)
		}
		for _, f := range a.onReady {
			f(r)
		}
	}).Run(ctx)
}

// functions are the definitions of the app and of its triggers, replaced.
func (a *App) functions() ([]durable.Definition, error) {
	defs := slices.Clone(a.definitions)
	brought := make(map[string]bool)
	for _, t := range a.triggers {
		if t == nil {
			continue
		}
		for _, d := range t.Definitions() {
			if d != nil { // Register says what is wrong with one that is
				id := d.Kind().String() + " " + d.Name() + " " + d.Source()
				if brought[id] {
					continue
				}
				brought[id] = true
			}
			defs = append(defs, d)
		}
	}
	defs, err := a.addHTTP(defs)
	if err != nil {
		return defs, err
	}
	return durable.Replace(defs, a.replacements)
}

// registry has the functions of the app inside of its middleware and of the host's
// own. The converter is that of the client.
func (a *App) registry(c *dts.Client, defs []durable.Definition, own ...durable.Middleware) (*worker.Registry, error) {
	r := worker.NewRegistry()
	return r, durable.Register(r, c, defs, slices.Concat(own, a.middleware)...)
}

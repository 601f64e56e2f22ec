package dashboard

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/funchost/funchost/dts"
)

// Hubs are the task hubs that a dashboard shows. Its methods are called for each
// request, by several goroutines at once.
type Hubs interface {
	// Names lists the hubs in the order in which a person is to see them.
	Names() []string
	// Client returns a client of one of them. The dashboard does not close it.
	Client(hub string) (*dts.Client, error)
}

// Option changes what [New] and [ForHubs] make.
type Option func(*dashboard)

// WithHosts adds names or addresses under which browsers may ask for the
// dashboard, each without a port. Names of the loopback are always allowed. An
// unspecified address, such as 0.0.0.0, stands for every IP address: no foreign
// name resolves to a page that a browser takes for one of those.
//
// A listener that only this machine can reach needs none. Other names than
// these are refused, since a site could point a name of its own to this machine
// and so read what is shown.
func WithHosts(names ...string) Option {
	return func(d *dashboard) { d.hosts = append(d.hosts, names...) }
}

// WithLogger sets where the dashboard tells what went wrong inside. The default
// drops it.
func WithLogger(l *slog.Logger) Option {
	return func(d *dashboard) { d.log = l }
}

// New returns a dashboard of the hub of c. It is safe for concurrent use and
// holds nothing that must be closed.
func New(c *dts.Client, opts ...Option) http.Handler { return ForHubs(one{c}, opts...) }

// ForHubs returns a dashboard of several hubs, whose number may change while it
// runs.
func ForHubs(hubs Hubs, opts ...Option) http.Handler {
	d := &dashboard{hubs: hubs, log: slog.New(slog.DiscardHandler), pages: parsePages()}
	for _, o := range opts {
		o(d)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", d.home)
	mux.HandleFunc("GET /static/{file}", serveStatic)
	mux.HandleFunc("GET /hubs/{hub}", d.toInstances)
	mux.HandleFunc("GET /hubs/{hub}/{$}", d.toInstances)
	mux.HandleFunc("GET /hubs/{hub}/instances", d.inHub((*visit).instances))
	mux.HandleFunc("GET /hubs/{hub}/instance", d.inHub((*visit).instance))
	mux.HandleFunc("GET /hubs/{hub}/entities", d.inHub((*visit).entities))
	mux.HandleFunc("GET /hubs/{hub}/entity", d.inHub((*visit).entity))
	mux.HandleFunc("GET /hubs/{hub}/payload", d.inHub((*visit).payload))
	mux.HandleFunc("GET /hubs/{hub}/act/{action}", d.inHub((*visit).confirm))
	mux.HandleFunc("POST /hubs/{hub}/act/{action}", d.inHub((*visit).act))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		d.problem(w, r, frame{}, &refusal{http.StatusNotFound, "There is no such page", "Nothing is at " + r.Method + " " + r.URL.Path + "."})
	})
	return newGuard(mux, d.hosts)
}

//go:embed page static
var files embed.FS

type dashboard struct {
	hubs  Hubs
	hosts []string
	log   *slog.Logger
	pages pages
}

// one is the hub of a client.
type one struct{ client *dts.Client }

func (o one) Names() []string                    { return []string{o.client.Hub()} }
func (o one) Client(string) (*dts.Client, error) { return o.client, nil }

// callTimeout bounds what one page asks of the scheduler.
const callTimeout = 10 * time.Second

// visit is one request for a page of a hub.
type visit struct {
	dashboard *dashboard
	w         http.ResponseWriter
	r         *http.Request
	client    *dts.Client
	hub       address
	now       time.Time
}

// inHub makes a handler of a page of a hub. What the page returns as an error is
// shown instead of it.
func (d *dashboard) inHub(page func(*visit, context.Context) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
		defer cancel()
		client, at, err := d.open(r.PathValue("hub"))
		if err != nil {
			d.problem(w, r, frame{}, err)
			return
		}
		v := &visit{dashboard: d, w: w, r: r, client: client, hub: at, now: time.Now()}
		if err := page(v, ctx); err != nil {
			d.problem(w, r, v.frame(""), err)
		}
	}
}

// open returns a client of a hub that there is. To ask a scheduler for another
// one could make it.
func (d *dashboard) open(name string) (*dts.Client, address, error) {
	if !slices.Contains(d.hubs.Names(), name) {
		return nil, "", &refusal{
			http.StatusNotFound, "There is no such task hub",
			fmt.Sprintf("No task hub is called %s. A hub begins with the first program that connects to it.", visible(name)),
		}
	}
	client, err := d.hubs.Client(name)
	return client, address(name), err
}

// home leads to the hub if there is one, and else lists them.
func (d *dashboard) home(w http.ResponseWriter, r *http.Request) {
	names := d.hubs.Names()
	if len(names) == 1 {
		http.Redirect(w, r, address(names[0]).Instances(), http.StatusFound)
		return
	}
	page := hubsPage{frame: frame{Title: "Task hubs"}}
	for _, name := range names {
		page.Hubs = append(page.Hubs, address(name))
	}
	if len(names) == 0 {
		page.Refresh = refreshEvery.Milliseconds() // the first program is about to connect
	}
	d.show(w, r, http.StatusOK, "hubs", page)
}

type hubsPage struct {
	frame

	Hubs []address
}

func (d *dashboard) toInstances(w http.ResponseWriter, r *http.Request) {
	to := address(r.PathValue("hub")).Instances()
	http.Redirect(w, r, to, http.StatusFound) //nolint:gosec // the name is escaped and stands behind /hubs/
}

// refusal is an answer that is not the page that was asked for.
type refusal struct {
	status      int
	title, text string
}

func (e *refusal) Error() string { return e.title + ": " + e.text }

// explain says what a person should know of an error.
func explain(err error) *refusal {
	if known, ok := errors.AsType[*refusal](err); ok {
		return known
	}
	for _, kind := range []struct {
		is     error
		status int
		title  string
	}{
		{dts.ErrNotFound, http.StatusNotFound, "It is not there"},
		{dts.ErrInvalid, http.StatusBadRequest, "That cannot be asked"},
		{dts.ErrConflict, http.StatusConflict, "Not possible in this state"},
		{dts.ErrExists, http.StatusConflict, "It exists already"},
		{dts.ErrUnimplemented, http.StatusNotImplemented, "This scheduler cannot do that"},
		{dts.ErrUnavailable, http.StatusServiceUnavailable, "The scheduler does not answer"},
		{context.DeadlineExceeded, http.StatusGatewayTimeout, "The scheduler took too long"},
	} {
		if errors.Is(err, kind.is) {
			return &refusal{kind.status, kind.title, err.Error()}
		}
	}
	return &refusal{http.StatusBadGateway, "The scheduler answered with an error", err.Error()}
}

// problem shows an error in place of a page.
func (d *dashboard) problem(w http.ResponseWriter, r *http.Request, f frame, err error) {
	if r.Context().Err() != nil {
		return // the browser has left
	}
	known := explain(err)
	f.Title = known.title
	if known.status >= http.StatusServiceUnavailable {
		f.Refresh = refreshEvery.Milliseconds() // it may come back
	}
	d.show(w, r, known.status, "problem", problemPage{frame: f, Status: known.status, Text: known.text})
}

type problemPage struct {
	frame

	Status int
	Text   string
}

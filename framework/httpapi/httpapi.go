// Package httpapi serves the management of orchestrations and entities over
// HTTP: the paths, verbs, codes and bodies that clients of Azure Durable Functions
// know. It stands on a [dts.Client] alone, so it works for every scheduler.
package httpapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/funchost/funchost/dts"
)

// BasePath is where the API lives. It matches in any case.
const BasePath = "/runtime/webhooks/durabletask"

// MaxBody is the largest request body that is read. It is also the largest
// payload that a scheduler takes.
const MaxBody = 1 << 20

// callTimeout bounds what one request may wait for the scheduler, other than a
// wait that the request itself asks for.
const callTimeout = 20 * time.Second

// Config changes what [New] makes. The zero value works.
type Config struct {
	// Known reports whether an orchestrator may be started by this name. Nil
	// allows every name: a name that no worker knows then waits for one.
	Known func(orchestrator string) bool

	// Loopback is set when only this machine can reach the listener. Requests
	// must then be addressed to a name of the loopback interface. Without that a
	// web page could point its own name at 127.0.0.1 and steer the API from the
	// browser of whoever looks at it.
	Loopback bool

	// Logger receives what went wrong inside. Nil discards it.
	Logger *slog.Logger
}

// API is the handler. It is safe for concurrent use.
type API struct {
	client *dts.Client
	config Config
	origin *http.CrossOriginProtection

	drain    sync.Once
	draining chan struct{} // closed by Drain
}

// New returns the API over the hub of c.
func New(c *dts.Client, config Config) *API {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &API{client: c, config: config, origin: http.NewCrossOriginProtection(), draining: make(chan struct{})}
}

// Drain ends what waits for the result of an orchestration, now and from now on:
// such requests are answered with the links instead. It is for servers that stop
// and may be called more than once.
func (a *API) Drain() { a.drain.Do(func() { close(a.draining) }) }

// Owns reports whether a request path belongs to the API.
func Owns(path string) bool {
	return len(path) >= len(BasePath) && strings.EqualFold(path[:len(BasePath)], BasePath) &&
		(len(path) == len(BasePath) || path[len(BasePath)] == '/')
}

// ServeHTTP answers one request. Whatever is not a route of the API, a wrong
// verb too, is 404.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := a.serve(w, r); err != nil {
		WriteError(w, a.config.Logger, err)
	}
}

func (a *API) serve(w http.ResponseWriter, r *http.Request) error {
	if a.config.Loopback && !loopbackName(r.Host) {
		return &Error{http.StatusForbidden, "this host answers on its own machine only: address it as localhost"}
	}
	if a.origin.Check(r) != nil {
		return &Error{http.StatusForbidden, "cross-origin requests are refused"}
	}
	route, err := find(r)
	if err != nil {
		return err
	}
	// The routes that wait get their own time; see startOrchestrator.
	query := &query{r.URL.Query(), nil}
	if err := checkText(route.args, query.values); err != nil {
		return err
	}
	if hub := query.text("taskHub"); hub != "" && !strings.EqualFold(hub, a.client.Hub()) {
		return badRequest("taskHub: this host serves the task hub %q", a.client.Hub())
	}
	return route.handle(a, &call{w: w, r: r, query: query, args: route.args})
}

// checkText refuses an address with bytes that are no text: the protocol cannot
// carry them.
func checkText(args []string, values url.Values) error {
	for _, arg := range args {
		if !utf8.ValidString(arg) {
			return badRequest("path: %q is not UTF-8", arg)
		}
	}
	for name, all := range values {
		for _, value := range all {
			if !utf8.ValidString(value) {
				return badRequest("query %s: %q is not UTF-8", name, value)
			}
		}
	}
	return nil
}

// call is one request on its way through a route.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	query *query
	args  []string // the path segments that the route leaves open
}

func (c *call) context() (context.Context, context.CancelFunc) { return CallContext(c.r) }

// CallContext returns the context for a call to the scheduler on behalf of a
// request: that of the request, with an end. The caller must call cancel.
func CallContext(r *http.Request) (_ context.Context, cancel context.CancelFunc) {
	return context.WithTimeout(r.Context(), callTimeout)
}

// route is a verb and a path of literal segments and open ones, written "*".
type route struct {
	method string
	path   string
	handle func(*API, *call) error
	args   []string
}

// routes is the whole API. Literal segments match in any case.
var routes = []route{
	{method: http.MethodPost, path: "orchestrators/*", handle: (*API).startOrchestrator},
	{method: http.MethodPost, path: "orchestrators/*/*", handle: (*API).startOrchestrator},
	{method: http.MethodGet, path: "instances", handle: (*API).listInstances},
	{method: http.MethodDelete, path: "instances", handle: (*API).purgeInstances},
	{method: http.MethodGet, path: "instances/*", handle: (*API).instanceStatus},
	{method: http.MethodDelete, path: "instances/*", handle: (*API).purgeInstance},
	{method: http.MethodPost, path: "instances/*/raiseEvent/*", handle: (*API).raiseEvent},
	{method: http.MethodPost, path: "instances/*/cancel", handle: (*API).cancel},
	{method: http.MethodPost, path: "instances/*/terminate", handle: (*API).terminate},
	{method: http.MethodPost, path: "instances/*/suspend", handle: (*API).suspend},
	{method: http.MethodPost, path: "instances/*/resume", handle: (*API).resume},
	{method: http.MethodGet, path: "entities", handle: (*API).listEntities},
	{method: http.MethodGet, path: "entities/*", handle: (*API).listEntities},
	{method: http.MethodGet, path: "entities/*/*", handle: (*API).entityState},
	{method: http.MethodPost, path: "entities/*/*", handle: (*API).signalEntity},
	{method: http.MethodDelete, path: "entities/*/*", handle: (*API).deleteEntity},
	{method: http.MethodPost, path: "instances/*/rewind", handle: (*API).rewind},
	{method: http.MethodPost, path: "instances/*/restart", handle: (*API).restart},
}

// find returns the route of a request with its open segments filled in.
func find(r *http.Request) (route, error) {
	unknown := &Error{http.StatusNotFound, "there is nothing at " + r.Method + " " + r.URL.Path}
	if !Owns(r.URL.Path) {
		return route{}, unknown
	}
	// The escaped path keeps %2F inside its segment.
	segments, err := split(r.URL.EscapedPath())
	if err != nil {
		return route{}, badRequest("path: %v", err)
	}
	for _, candidate := range routes {
		if args, ok := match(candidate.path, segments); ok && candidate.method == r.Method {
			candidate.args = args
			return candidate, nil
		}
	}
	return route{}, unknown
}

// split returns the decoded segments that follow the base path.
func split(escaped string) ([]string, error) {
	// The base has as many segments, and a leading empty one, in every spelling.
	segments := strings.Split(strings.TrimSuffix(escaped, "/"), "/")
	segments = segments[min(len(segments), strings.Count(BasePath, "/")+1):]
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err != nil {
			return nil, err
		}
		segments[i] = decoded
	}
	return segments, nil
}

func match(path string, segments []string) (args []string, ok bool) {
	pattern := strings.Split(path, "/")
	if len(pattern) != len(segments) {
		return nil, false
	}
	for i, p := range pattern {
		switch {
		case p == "*" && segments[i] != "":
			args = append(args, segments[i])
		case p == "*" || !strings.EqualFold(p, segments[i]):
			return nil, false
		}
	}
	return args, true
}

func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

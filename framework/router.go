package framework

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/funchost/funchost/framework/httpapi"
)

// Route is a pattern that the public listener serves.
type Route struct {
	Method       string          `json:"method"`                 // empty for any
	Pattern      string          `json:"pattern"`                // without the method
	Orchestrator string          `json:"orchestrator,omitempty"` // several with commas
	Sample       json.RawMessage `json:"sample,omitempty"`       // a body to try it with
	MediaType    string          `json:"mediaType,omitempty"`    // of the body; empty for application/json
}

// router collects the patterns of triggers in one ServeMux. What the mux would
// panic about becomes an error that names the triggers.
type router struct {
	mux    *http.ServeMux
	bound  []binding
	routes []Route
	errs   []error
}

type binding struct{ trigger, pattern string }

func newRouter() *router { return &router{mux: http.NewServeMux()} }

func (r *router) handle(info TriggerInfo, pattern string, h http.Handler) {
	if err := r.check(pattern); err != nil {
		r.errs = append(r.errs, fmt.Errorf("trigger %q: %w", info.Name, err))
		return
	}
	r.mux.Handle(pattern, h)
	r.bound = append(r.bound, binding{info.Name, pattern})
	route := Route{Pattern: pattern, Orchestrator: info.starts(), Sample: info.Sample, MediaType: info.MediaType}
	if method, path, ok := strings.Cut(pattern, " "); ok {
		route.Method, route.Pattern = method, strings.TrimLeft(path, " \t")
	}
	r.routes = append(r.routes, route)
}

// check reports why a pattern cannot be added.
func (r *router) check(pattern string) error {
	if problem := refusal(pattern); problem != "" {
		return errors.New("not a pattern of net/http: " + problem)
	}
	if _, path, ok := strings.Cut(pattern, "/"); ok && httpapi.Owns("/"+path) {
		return fmt.Errorf("paths under %s belong to the management API\n  choose another path", httpapi.BasePath)
	}
	for _, other := range r.bound {
		if refusal(other.pattern, pattern) != "" {
			return fmt.Errorf("its pattern %q and %q of trigger %q match the same requests\n  change one of them, or make it more specific",
				pattern, other.pattern, other.trigger)
		}
	}
	return nil
}

// refusal asks a mux of its own whether it takes the patterns together. It
// answers by panic, with a text for people.
func refusal(patterns ...string) (problem string) {
	defer func() {
		if p := recover(); p != nil {
			problem = fmt.Sprint(p)
		}
	}()
	mux := http.NewServeMux()
	for _, p := range patterns {
		mux.Handle(p, http.NotFoundHandler())
	}
	return ""
}

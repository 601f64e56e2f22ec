package triggers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/httpapi"
)

// HTTPOption changes what a handler of [HTTP] or [HTTPFunc] does.
type HTTPOption func(*httpOptions)

type httpOptions struct {
	id          func(*http.Request) string
	crossOrigin bool
	wait        time.Duration
}

// ID takes the instance id from the request: from a header, or from a part of
// the path with [http.Request.PathValue]. An empty id means a made-up one. While
// an instance with the id is live, a start is refused with 409; a finished one is
// replaced. It has no effect on [HTTPFunc]. The default is a made-up id.
func ID(from func(*http.Request) string) HTTPOption {
	return func(o *httpOptions) { o.id = from }
}

// Wait answers with the result instead of a promise, if it comes within d: 200 with
// the output of an orchestration that completes, 500 with the status of one that
// ends otherwise. What takes longer is answered with 202 as without it. More than
// 230 seconds are 230: load balancers cut idle connections soon after. It has no
// effect on [HTTPFunc], which has [framework.Result]. The default is not to wait.
func Wait(d time.Duration) HTTPOption {
	return func(o *httpOptions) { o.wait = d }
}

// CrossOrigin lets web pages of other origins call the handler in ways that
// change something. The default refuses that with 403; requests that do not come
// from a browser pass either way. Answers to preflight requests are the
// handler's own business.
func CrossOrigin() HTTPOption {
	return func(o *httpOptions) { o.crossOrigin = true }
}

func optionsOf(opts []HTTPOption) httpOptions {
	var o httpOptions
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// guard keeps foreign pages out unless they are welcome.
func (o httpOptions) guard(h http.Handler, logger *slog.Logger) http.Handler {
	if o.crossOrigin {
		return h
	}
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		httpapi.WriteError(w, logger, &httpapi.Error{
			Status:  http.StatusForbidden,
			Message: "web pages of other origins may not call this; triggers.CrossOrigin lets them",
		})
	}))
	return protection.Handler(h)
}

// HTTP starts an orchestration for every request that matches pattern, which is
// in the syntax of [http.ServeMux] and taken literally. It does not wait for the
// result: the answer is 202, see [framework.CheckStatus].
//
// The body is one JSON value that becomes the input, at most 1 MiB. It may be
// left out when the input is [durable.None], a pointer, a map, a slice or an
// interface, types that have a value for nothing; every other type needs a body.
// Fields that the input type does not have are ignored.
//
// A request with the header Idempotency-Key may be repeated: the same key has the
// same answer and starts nothing, for as long as the first instance is kept. A key
// that comes with another input is refused with 422.
//
// Refusals are objects with a message: 400 for a body that is not JSON or does
// not fit the type, 409 for an id in use, 413 and 415 for its size and its media
// type, 503 with Retry-After while the scheduler is away. A wrong method is 405.
func HTTP[I, O any](pattern string, o durable.Orchestrator[I, O], opts ...HTTPOption) framework.Trigger {
	return httpTrigger[I, O]{pattern, o, optionsOf(opts)}
}

type httpTrigger[I, O any] struct {
	pattern      string
	orchestrator durable.Orchestrator[I, O]
	options      httpOptions
}

func (t httpTrigger[I, O]) Describe() framework.TriggerInfo {
	return framework.TriggerInfo{Kind: "http", Name: t.pattern, Starts: []durable.Definition{t.orchestrator}, Sample: sample(reflect.TypeFor[I]())}
}

func (t httpTrigger[I, O]) Definitions() []durable.Definition { return nil }

func (t httpTrigger[I, O]) Bind(b *framework.Binder) error {
	b.Handle(t.pattern, t.options.guard(&starter[I, O]{t, b.Client(), b.Logger()}, b.Logger()))
	return nil
}

// starter is the handler of one trigger in one host.
type starter[I, O any] struct {
	httpTrigger[I, O]
	client *dts.Client
	logger *slog.Logger
}

func (s *starter[I, O]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := s.start(w, r)
	if err != nil {
		httpapi.WriteError(w, s.logger, err)
		return
	}
	if s.options.wait > 0 {
		framework.Result(w, r, id, s.options.wait)
		return
	}
	framework.CheckStatus(w, r, id)
}

func (s *starter[I, O]) start(w http.ResponseWriter, r *http.Request) (string, error) {
	in, err := readInput[I](w, r)
	if err != nil {
		return "", err
	}
	var opts []durable.StartOption
	if s.options.id != nil {
		id := s.options.id(r)
		if err := httpapi.CheckID(id); err != nil {
			return "", err
		}
		opts = append(opts, durable.ID(id))
	}
	request, err := s.orchestrator.Request(s.client, in, opts...)
	if err != nil {
		return "", err
	}
	ctx, cancel := httpapi.CallContext(r)
	defer cancel()
	return httpapi.Start(ctx, s.client, r, request)
}

func readInput[I any](w http.ResponseWriter, r *http.Request) (I, error) {
	var in I
	body, err := httpapi.ReadJSON(w, r)
	switch {
	case err != nil:
		return in, err
	case body != nil:
		err = decodeJSON(body, &in)
		return in, err
	case hasNothing(reflect.TypeFor[I]()):
		return in, nil
	default:
		return in, &httpapi.Error{
			Status:  http.StatusBadRequest,
			Message: fmt.Sprintf("the body is empty: want a JSON value for %v", reflect.TypeFor[I]()),
		}
	}
}

// decodeJSON is [httpapi.DecodeJSON] for an input. To encoding/json a null fits every
// type and changes nothing; here it fits those that have a value for nothing, and
// those that read it themselves.
func decodeJSON(body []byte, target any) error {
	t := reflect.TypeOf(target).Elem()
	_, itself := target.(json.Unmarshaler)
	if string(bytes.TrimSpace(body)) == "null" && !itself && !hasNothing(t) {
		return &httpapi.Error{Status: http.StatusBadRequest, Message: fmt.Sprintf("the body is null: want a JSON value for %v", t)}
	}
	return httpapi.DecodeJSON(body, target)
}

// hasNothing reports whether a type has a value that says "no input".
func hasNothing(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		return true
	default:
		return t == reflect.TypeFor[durable.None]()
	}
}

// HTTPFunc serves pattern with a plain handler, which finds the client of the
// app's hub with [framework.ClientFrom] and may answer a start with
// [framework.CheckStatus]. The pattern is in the syntax of [http.ServeMux] and
// taken literally.
func HTTPFunc(pattern string, fn http.HandlerFunc, opts ...HTTPOption) framework.Trigger {
	return funcTrigger{pattern, fn, optionsOf(opts)}
}

type funcTrigger struct {
	pattern string
	fn      http.HandlerFunc
	options httpOptions
}

func (t funcTrigger) Describe() framework.TriggerInfo {
	return framework.TriggerInfo{Kind: "http", Name: t.pattern}
}

func (t funcTrigger) Definitions() []durable.Definition { return nil }

func (t funcTrigger) Bind(b *framework.Binder) error {
	if t.fn == nil {
		return errors.New("the handler is nil\n  give triggers.HTTPFunc a function")
	}
	b.Handle(t.pattern, t.options.guard(t.fn, b.Logger()))
	return nil
}

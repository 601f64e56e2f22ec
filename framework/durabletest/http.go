package durabletest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Response is the answer to a request.
type Response struct {
	Status int
	Header http.Header
	Body   string

	env *Env
}

// HTTP is a client whose requests go to the app that is served, whatever their host:
// through its listener, its middleware and its router.
func (e *Env) HTTP() *http.Client {
	e.Helper()
	if e.routes == nil {
		e.Fatal("durabletest: nothing serves requests yet\n  call ServeApp before")
	}
	return e.routes.client()
}

// Get makes a request to a path of the app that is served.
func (e *Env) Get(path string) *Response {
	e.Helper()
	return e.ask(http.MethodGet, path, nil, "")
}

// Post sends a value to a path of the app that is served, as JSON; a string or []byte
// is JSON already, and nil is no body.
func (e *Env) Post(path string, body any) *Response {
	e.Helper()
	return e.ask(http.MethodPost, path, body, "application/json")
}

func (e *Env) ask(method, path string, body any, media string) *Response {
	e.Helper()
	var text []byte
	switch b := body.(type) {
	case nil:
	case string:
		text = []byte(b)
	case []byte:
		text = b
	default:
		var err error
		text, err = json.Marshal(b)
		e.must(err)
	}
	r, err := http.NewRequestWithContext(e.Context(), method, path, bytes.NewReader(text))
	e.must(err)
	if body != nil {
		r.Header.Set("Content-Type", media)
	}
	return e.Do(r)
}

// Do makes any request; it needs no more than a path for an address.
func (e *Env) Do(r *http.Request) *Response {
	e.Helper()
	if r.URL.Host == "" {
		r.URL.Scheme, r.URL.Host = "http", "127.0.0.1"
	}
	resp, err := e.HTTP().Do(r)
	e.must(err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	e.must(err)
	return &Response{resp.StatusCode, resp.Header, strings.TrimSuffix(string(text), "\n"), e}
}

// Decode reads the body into v. It must be JSON.
func (r *Response) Decode(v any) {
	r.env.Helper()
	if err := json.Unmarshal([]byte(r.Body), v); err != nil {
		r.env.Fatalf("durabletest: the answer is %s: %v", r, err)
	}
}

// ID is the instance that the request has started: the answer must be 202 with an id.
func (r *Response) ID() string {
	r.env.Helper()
	var started struct{ ID string }
	if r.Status == http.StatusAccepted {
		r.Decode(&started)
	}
	if started.ID == "" {
		r.env.Fatalf("durabletest: the answer is %s, want 202 with an id", r)
	}
	return started.ID
}

// String is the status and the body.
func (r *Response) String() string { return fmt.Sprintf("%d %s", r.Status, r.Body) }

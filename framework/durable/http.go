package durable

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// HTTPRequest is a request that an orchestrator makes with [CallHTTP]. All of it is
// kept in the history: what is secret is added by [HTTPPolicy.Sign].
type HTTPRequest struct {
	Method string     `json:"method,omitempty"` // empty means GET
	URL    string     `json:"url"`              // http or https, without a user
	Header HTTPHeader `json:"header,omitempty"`
	Body   HTTPBody   `json:"body,omitempty"`

	// NoPolling takes an answer of 202 for a result like any other.
	NoPolling bool `json:"-"`
	// PollEvery is the wait before the status is asked for when the answer does not
	// say. Zero means 30 seconds.
	PollEvery time.Duration `json:"-"`
	// PollFor is how long the status is asked for, from the first answer 202. When it is
	// over and the answer is 202 once more, the call fails with [ErrTimeout]. Zero means
	// a day.
	PollFor time.Duration `json:"-"`
}

// HTTPResponse is an answer, whatever its status.
type HTTPResponse struct {
	Status int        `json:"status"`
	Header HTTPHeader `json:"header,omitempty"`
	Body   HTTPBody   `json:"body,omitempty"`
}

// OK reports whether the status is one of 200 to 299.
func (r HTTPResponse) OK() bool { return r.Status >= 200 && r.Status < 300 }

// Decode reads the body as JSON into the value that v points to.
func (r HTTPResponse) Decode(v any) error {
	if err := json.Unmarshal(r.Body, v); err != nil {
		return fmt.Errorf("read the body of an answer %d into %T: %w", r.Status, v, err)
	}
	return nil
}

// HTTPHeader has the values of each header. Names compare without case.
type HTTPHeader map[string][]string

// Get returns the first value of a header, empty if there is none.
func (h HTTPHeader) Get(name string) string {
	if values, ok := h[name]; ok && len(values) > 0 {
		return values[0]
	}
	first, from := "", ""
	for other, values := range h { // of several spellings the same one counts each time
		if strings.EqualFold(other, name) && len(values) > 0 && (from == "" || other < from) {
			first, from = values[0], other
		}
	}
	return first
}

// HTTPBody is the body of a request or an answer. Where it is kept, text is text and
// the rest base64.
type HTTPBody []byte

// MarshalJSON writes a string, or an object with base64 in it.
func (b HTTPBody) MarshalJSON() ([]byte, error) {
	if !utf8.Valid(b) {
		return json.Marshal(binaryBody{base64.StdEncoding.EncodeToString(b)})
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // it would make six bytes of one, and the pages are many
	err := e.Encode(string(b))
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *HTTPBody) UnmarshalJSON(data []byte) (err error) {
	var text string
	if len(data) > 0 && data[0] == '{' {
		var binary binaryBody
		if err = json.Unmarshal(data, &binary); err == nil {
			*b, err = base64.StdEncoding.DecodeString(binary.Base64)
		}
		return err
	}
	if err = json.Unmarshal(data, &text); err == nil {
		*b = HTTPBody(text)
	}
	return err
}

type binaryBody struct {
	Base64 string `json:"base64"`
}

// HTTPActivity makes one request for [CallHTTP], without polling. Every host of this
// framework has it. It is a handle like others, to put another function in its place:
//
//	durabletest.Replace(e, durable.HTTPActivity, func(_ context.Context, r durable.HTTPRequest) (durable.HTTPResponse, error) {
//		return durable.HTTPResponse{Status: 200}, nil
//	})
var HTTPActivity = ActivityNamed[HTTPRequest, HTTPResponse]("funchost.http")

// CallHTTP makes a request as a durable step and returns the answer, whatever its
// status; the error says that there was none. A host makes the request, which may be
// lost and be made again: a request that changes something needs a key that tells the
// server so, from [Context.NewID].
//
// An answer 202 with a Location means that the work goes on: that address is asked
// with GET after the time in Retry-After, which is a durable timer, until it answers
// something else. The headers of the request go along if it is of the same origin, and
// not otherwise. Retry-After is followed between a second and a day.
//
// [Retry] makes the request again when there is no answer and when it is 408, 429 or
// one of 500 and above, not before its Retry-After; the last answer is returned then.
// [Timeout] limits each request, not the polling, which [HTTPRequest] limits; 100 seconds
// hold without it.
//
// Addresses that are not of the internet are refused, see [HTTPPolicy].
func CallHTTP(ctx *Context, r HTTPRequest, opts ...CallOption) (HTTPResponse, error) {
	return StartHTTP(ctx, r, opts...).Get(ctx)
}

// StartHTTP makes a request and does not wait, like [CallHTTP] otherwise. [Future.Cancel]
// ends the polling and the retries; a request that is under way goes on.
func StartHTTP(ctx *Context, r HTTPRequest, opts ...CallOption) Future[HTTPResponse] {
	target, err := r.check()
	if err != nil {
		return failedFuture[HTTPResponse](fmt.Errorf("call %s: %w", r.what(target), err))
	}
	o := callOptionsOf(opts)
	if err := o.refuse(KindActivity); err != nil {
		return failedFuture[HTTPResponse](fmt.Errorf("call %s: %w", r.what(target), err))
	}
	call := &httpCall{ctx: ctx, request: r, target: target, options: o}
	// The first request is asked for here, so that calls are made in the order in which
	// they are written.
	first := call.send()
	var answer HTTPResponse
	polling := ctx.Go(r.what(target), func() (err error) {
		answer, err = call.follow(first)
		return err
	})
	return Future[HTTPResponse]{
		done: func() bool { return call.givenUp || polling.done() },
		result: func() (HTTPResponse, error) {
			if call.givenUp {
				return HTTPResponse{}, ErrCanceled
			}
			if err := polling.err(); err != nil {
				return HTTPResponse{}, err
			}
			return answer, nil
		},
		cancel: call.cancel,
	}
}

// check says what no host would send.
func (r HTTPRequest) check() (*url.URL, error) {
	target, err := url.Parse(r.URL)
	switch {
	case err != nil:
		return nil, errors.New("the URL cannot be read")
	case target.Scheme != "http" && target.Scheme != "https":
		return nil, fmt.Errorf("the URL has the scheme %q, want http or https", target.Scheme)
	case target.Hostname() == "":
		return nil, errors.New("the URL has no host")
	case target.User != nil:
		return nil, errors.New("the URL has a user, which would stay in the history: add an Authorization header in HTTPPolicy.Sign")
	case strings.EqualFold(r.Method, http.MethodConnect):
		return nil, errors.New("the method CONNECT asks for a tunnel, and a request has none")
	case r.PollEvery < 0 || r.PollFor < 0:
		return nil, fmt.Errorf("PollEvery is %v and PollFor %v, want zero or more", r.PollEvery, r.PollFor)
	}
	return target, nil
}

// what names the request in errors, without the query, which may have keys in it.
func (r HTTPRequest) what(target *url.URL) string {
	method := r.Method
	if method == "" {
		method = "GET"
	}
	if target == nil {
		return method
	}
	return fmt.Sprintf("%s %s://%s%s", method, target.Scheme, target.Host, target.EscapedPath())
}

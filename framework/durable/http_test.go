package durable_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
)

// script answers requests in their order and notes them with their time.
type script struct {
	answers []durable.HTTPResponse // one without a status is no answer
	seen    []string
	began   time.Time
}

func (s *script) exchange(_ context.Context, r durable.HTTPRequest) (durable.HTTPResponse, error) {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	line := fmt.Sprintf("%v %s %s", time.Since(s.began).Round(time.Millisecond), r.Method, r.URL)
	for _, name := range []string{"Authorization", "Content-Type"} {
		if v := r.Header.Get(name); v != "" {
			line += " " + v
		}
	}
	s.seen = append(s.seen, line)
	answer := s.answers[0]
	s.answers = s.answers[1:]
	if answer.Status == 0 {
		return answer, errors.New("connection reset")
	}
	return answer, nil
}

func answer(status int, header ...string) durable.HTTPResponse {
	r := durable.HTTPResponse{Status: status, Header: durable.HTTPHeader{}}
	for i := 0; i < len(header); i += 2 {
		r.Header[header[i]] = []string{header[i+1]}
	}
	return r
}

// callOnce makes one call in a bubble, with the script in the place of the network.
func callOnce(t *testing.T, s *script, r durable.HTTPRequest, opts ...durable.CallOption) (result durable.HTTPResponse, err error) {
	t.Helper()
	call := durable.NewOrchestrator("call", func(ctx *durable.Context, _ durable.None) (durable.HTTPResponse, error) {
		return durable.CallHTTP(ctx, r, opts...)
	})
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.serve(call, durable.HTTPActivity.With(s.exchange))
		result, err = run(t, h.client, call, durable.None{})
	})
	return result, err
}

func TestPollingFollowsTheLocation(t *testing.T) {
	t.Parallel()
	s := &script{answers: []durable.HTTPResponse{
		answer(202, "Location", "/status/1", "Retry-After", "5"),
		answer(202, "location", "status/2?key=1#part"),
		answer(202, "Location", "https://other.example/3", "Retry-After", "Sat, 01 Jan 2000 01:00:00 GMT"),
		answer(202, "Location", "http://a.example/4", "Retry-After", "0"),
		answer(201),
	}}
	got, err := callOnce(t, s, durable.HTTPRequest{
		Method: "POST", URL: "https://a.example/start?x=1", PollEvery: time.Minute, Body: durable.HTTPBody("{}"),
		Header: durable.HTTPHeader{"authorization": {"secret"}, "Content-Type": {"application/json"}},
	})
	if err != nil || got.Status != 201 {
		t.Errorf("result = %+v, %v, want 201", got, err)
	}
	want := []string{
		"0s POST https://a.example/start?x=1 secret application/json",
		"5s  https://a.example/status/1 secret",
		"1m5s  https://a.example/status/status/2?key=1 secret",
		"1h0m0s  https://other.example/3",
		"1h0m1s  http://a.example/4",
	}
	if diff := cmp.Diff(want, s.seen); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestPollingCanBeLeft(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		request durable.HTTPRequest
		answer  durable.HTTPResponse
	}{
		"switched off":       {durable.HTTPRequest{URL: "https://a.example", NoPolling: true}, answer(202, "Location", "/1")},
		"without a location": {durable.HTTPRequest{URL: "https://a.example"}, answer(202)},
		"another answer":     {durable.HTTPRequest{URL: "https://a.example"}, answer(500, "Location", "/1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{answers: []durable.HTTPResponse{tt.answer}}
			if got, err := callOnce(t, s, tt.request); err != nil || got.Status != tt.answer.Status || len(s.seen) != 1 {
				t.Errorf("result = %+v, %v after %q, want the answer", got, err, s.seen)
			}
		})
	}
}

func TestPollingEndsWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	pending := answer(202, "Location", "/1", "Retry-After", "25")
	s := &script{answers: []durable.HTTPResponse{pending, pending, pending, pending, pending}}
	_, err := callOnce(t, s, durable.HTTPRequest{URL: "https://a.example/0", PollFor: time.Minute})
	want := "GET https://a.example/1: the answer is still 202 after 1m0s of polling, see HTTPRequest.PollFor"
	if err == nil || !strings.HasSuffix(err.Error(), want) || !errors.Is(err, durable.ErrTimeout) {
		t.Errorf("error = %v, want the time-out %q", err, want)
	}
	seen := []string{"0s  https://a.example/0", "25s  https://a.example/1", "50s  https://a.example/1", "1m0s  https://a.example/1"}
	if diff := cmp.Diff(seen, s.seen); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestPollingAndRetriesCanBeGivenUp(t *testing.T) {
	t.Parallel()
	pending := answer(202, "Location", "/1")
	for name, tt := range map[string]struct {
		answers []durable.HTTPResponse
		opts    []durable.CallOption
		after   time.Duration
		seen    int
	}{
		"between two polls":   {[]durable.HTTPResponse{pending, pending, pending}, nil, 70 * time.Second, 3},
		"between two retries": {[]durable.HTTPResponse{answer(500)}, []durable.CallOption{durable.Retry(durable.RetryPolicy{First: time.Hour})}, time.Minute, 1},
		"before the answer":   {[]durable.HTTPResponse{pending}, nil, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{answers: tt.answers}
			call := durable.NewOrchestrator("call", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
				f := durable.StartHTTP(ctx, durable.HTTPRequest{URL: "https://a.example"}, tt.opts...)
				if tt.after > 0 {
					if i, err := durable.First(ctx, f, ctx.After(tt.after)); i != 1 {
						return durable.None{}, fmt.Errorf("done first: %d, %w", i, err)
					}
				}
				f.Cancel()
				if _, err := f.Get(ctx); !f.Done() || !errors.Is(err, durable.ErrCanceled) {
					return durable.None{}, fmt.Errorf("given up, it is %w", err)
				}
				ctx.Sleep(24 * time.Hour)
				return durable.None{}, nil
			})
			synctest.Test(t, func(t *testing.T) {
				h := newHub(t)
				h.serve(call, durable.HTTPActivity.With(s.exchange))
				if _, err := run(t, h.client, call, durable.None{}); err != nil {
					t.Error(err)
				}
			})
			if len(s.seen) != tt.seen {
				t.Errorf("requests: %q, want %d", s.seen, tt.seen)
			}
		})
	}
}

func TestRequestsAreRetried(t *testing.T) {
	t.Parallel()
	policy := durable.Retry(durable.RetryPolicy{Attempts: 4, First: 10 * time.Second})
	s := &script{answers: []durable.HTTPResponse{{}, answer(503, "Retry-After", "60"), answer(429), answer(202, "Location", "/1"), answer(500), answer(200)}}
	got, err := callOnce(t, s, durable.HTTPRequest{URL: "https://a.example"}, policy)
	if err != nil || got.Status != 200 {
		t.Errorf("result = %+v, %v, want 200", got, err)
	}
	want := []string{
		"0s  https://a.example", "10s  https://a.example", "1m10s  https://a.example", "1m20s  https://a.example",
		"1m50s  https://a.example/1", "2m0s  https://a.example/1",
	}
	if diff := cmp.Diff(want, s.seen); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}

	s = &script{answers: []durable.HTTPResponse{answer(500), answer(500), answer(500), answer(503)}}
	if got, err := callOnce(t, s, durable.HTTPRequest{URL: "https://a.example"}, policy); err != nil || got.Status != 503 {
		t.Errorf("result = %+v, %v, want the last answer", got, err)
	}
	s = &script{answers: []durable.HTTPResponse{{}}}
	_, err = callOnce(t, s, durable.HTTPRequest{URL: "https://a.example/x?key=canary"})
	if err == nil || !strings.Contains(err.Error(), "GET https://a.example/x") || !strings.Contains(err.Error(), "connection reset") || strings.Contains(err.Error(), "canary") {
		t.Errorf("without an answer: %v, want one that says which, without the query", err)
	}
}

func TestSeveralRequestsAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	both := durable.NewOrchestrator("both", func(ctx *durable.Context, _ durable.None) (int, error) {
		slow := durable.StartHTTP(ctx, durable.HTTPRequest{URL: "https://a.example/slow"})
		fast := durable.StartHTTP(ctx, durable.HTTPRequest{URL: "https://a.example/fast"})
		return durable.First(ctx, slow, fast)
	})
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.serve(both, durable.HTTPActivity.With(func(ctx context.Context, r durable.HTTPRequest) (durable.HTTPResponse, error) {
			if strings.HasSuffix(r.URL, "/slow") {
				<-ctx.Done()
			}
			return answer(200), nil
		}))
		if got, err := run(t, h.client, both, durable.None{}); got != 1 || err != nil {
			t.Errorf("first = %d, %v, want 1", got, err)
		}
	})
}

func TestRequestsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"": "scheme", "ftp://a.example": "scheme", "file:///etc/passwd": "scheme", "https://": "no host", "https://user:canary@a.example": "user", "http://%zz": "cannot be read",
	} {
		_, err := callOnce(t, &script{}, durable.HTTPRequest{URL: url})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v, want an error with %q", url, err, want)
		}
	}
	for what, r := range map[string]durable.HTTPRequest{
		"CONNECT": {Method: "connect", URL: "https://a.example"}, "PollFor": {PollFor: -1, URL: "https://a.example"},
	} {
		if _, err := callOnce(t, &script{}, r); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%+v: %v, want an error with %q", r, err, what)
		}
	}
	s := &script{answers: []durable.HTTPResponse{answer(202, "Location", "gopher://a.example")}}
	if _, err := callOnce(t, s, durable.HTTPRequest{URL: "https://a.example"}); err == nil || !strings.Contains(err.Error(), "Location") {
		t.Errorf("a Location that is no address: %v", err)
	}
	if _, err := callOnce(t, &script{}, durable.HTTPRequest{URL: "https://a.example"}, durable.Timeout(-1)); err == nil {
		t.Error("a negative timeout was taken")
	}
	for _, p := range []durable.HTTPPolicy{{Hosts: []string{"http://a"}}, {Networks: []netip.Prefix{{}}}, {MaxResponse: -1}} {
		if _, err := p.Activity(); err == nil {
			t.Errorf("%+v was taken", p)
		}
	}
}

// call makes the request that it is given.
var call = durable.NewOrchestrator("call", func(ctx *durable.Context, r durable.HTTPRequest) (durable.HTTPResponse, error) {
	return durable.CallHTTP(ctx, r)
})

func TestHostReachesTheInternetOnlyUnlessItMay(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the server was reached") }))
	defer server.Close()
	c := serve(t, []durable.Definition{call})
	for _, url := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "http://169.254.169.254/metadata", "http://[fe80::1]/"} {
		_, err := run(t, c, call, durable.HTTPRequest{URL: url})
		f, ok := errors.AsType[*dts.Failure](err)
		if !ok || !f.NonRetriable && (f.Inner == nil || !f.Inner.NonRetriable) || !strings.Contains(err.Error(), "no address of the internet") {
			t.Errorf("%s: %v, want a permanent refusal", url, err)
		}
	}
}

func TestHostMakesRequests(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/echo":
			w.Header().Set("X-Seen", r.Method+" "+r.Header.Get("X-Sent")+" "+r.Header.Get("Authorization"))
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.Copy(w, r.Body)
		case "/binary":
			_, _ = w.Write([]byte{0xff, 0, 1})
		case "/large":
			_, _ = w.Write(make([]byte, 1001))
		case "/jump":
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	activity, err := durable.HTTPPolicy{
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MaxResponse: 1000,
		Sign: func(r *http.Request) error { r.Header.Set("Authorization", "signed"); return nil },
	}.Activity()
	if err != nil {
		t.Fatal(err)
	}
	c := serve(t, []durable.Definition{call, activity})
	got, err := run(t, c, call, durable.HTTPRequest{
		Method: "PUT", URL: server.URL + "/echo", Header: durable.HTTPHeader{"x-sent": {"a"}}, Body: durable.HTTPBody("<ä>"),
	})
	if err != nil || got.Status != http.StatusTeapot || got.OK() || string(got.Body) != "<ä>" || got.Header.Get("x-seen") != "PUT a signed" {
		t.Errorf("echo: %+v, %v", got, err)
	}
	if got, err := run(t, c, call, durable.HTTPRequest{URL: server.URL + "/binary"}); err != nil || !got.OK() || string(got.Body) != "\xff\x00\x01" {
		t.Errorf("binary: %+v, %v", got, err)
	}
	if got, err := run(t, c, call, durable.HTTPRequest{URL: server.URL + "/jump"}); err != nil || got.Status != http.StatusTemporaryRedirect {
		t.Errorf("redirect to another origin: %+v, %v, want the redirect itself", got, err)
	}
	for request, want := range map[*durable.HTTPRequest]string{
		{URL: server.URL + "/large"}:         "more than 1000 bytes",
		{URL: server.URL, Method: "NO GOOD"}: "cannot be sent",
		{URL: server.URL, Header: durable.HTTPHeader{"X": {strings.Repeat("x", 64<<10)}}}:            "headers have",
		{URL: server.URL, Header: durable.HTTPHeader{"host": {"metadata"}}}:                          "Host",
		{URL: "http://127.0.0.1:1/?key=canary", Header: durable.HTTPHeader{"Authorization": {"ca"}}}: "refused",
	} {
		if _, err := run(t, c, call, *request); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v, want an error with %q", request.URL, err, want)
		}
	}
}

func TestBodiesAreTextWhereTheyCanBe(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{"<a>&ä": `"<a>&ä"`, "": `""`, "\xff": `{"base64":"/w=="}`} {
		data, err := durable.HTTPBody(body).MarshalJSON()
		if err != nil || string(data) != want {
			t.Errorf("%q is written %s (%v), want %s", body, data, err, want)
		}
		var back durable.HTTPBody
		if err := json.Unmarshal(data, &back); err != nil || string(back) != body {
			t.Errorf("%s is read %q (%v), want %q", data, back, err, body)
		}
	}
	var b durable.HTTPBody
	for _, wrong := range []string{`7`, `{"base64":"?"}`, `{"base64":7}`} {
		if err := json.Unmarshal([]byte(wrong), &b); err == nil {
			t.Errorf("%s was read", wrong)
		}
	}
	var v struct{ A int }
	if err := (durable.HTTPResponse{Status: 200, Body: durable.HTTPBody(`{"A":7}`)}).Decode(&v); err != nil || v.A != 7 {
		t.Errorf("Decode = %+v, %v", v, err)
	}
	if err := (durable.HTTPResponse{Status: 404, Body: durable.HTTPBody(`<html>`)}).Decode(&v); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("Decode of a page = %v, want an error with the status", err)
	}
}

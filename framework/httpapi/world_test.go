package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/httpapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is the API over a real scheduler and a worker, all in one bubble.
type world struct {
	t      *testing.T
	client *dts.Client
	api    *httpapi.API
}

// inWorld runs f in a bubble. The orchestrators there: echo returns its input,
// fail fails, wait returns the payload of the event go, greet calls an activity
// and waits an hour. The entities there are book and tome.
func inWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		registry := worker.NewRegistry()
		for name, fn := range map[string]worker.Orchestrator{
			"echo": func(_ *worker.Context, in []byte) ([]byte, error) { return in, nil },
			"fail": func(*worker.Context, []byte) ([]byte, error) { return nil, errors.New("no luck") },
			"wait": func(ctx *worker.Context, _ []byte) ([]byte, error) {
				ctx.SetStatus([]byte(`"waiting"`))
				return ctx.Event("go").Await()
			},
			"greet": func(ctx *worker.Context, in []byte) ([]byte, error) {
				if _, err := ctx.Activity("say", in, worker.ActivityOptions{}).Await(); err != nil {
					return nil, err
				}
				_, err := ctx.Timer(ctx.Now().Add(3600e9)).Await()
				return nil, err
			},
		} {
			if err := registry.Orchestrator(name, fn); err != nil {
				t.Fatal(err)
			}
		}
		say := func(_ context.Context, in []byte) ([]byte, error) { return in, nil }
		if err := registry.Activity("say", say); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"book", "tome"} {
			if err := registry.Entity(name, keep); err != nil {
				t.Fatal(err)
			}
		}
		work := worker.New(s.Client(), registry)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- work.Run(ctx) }()
		<-work.Ready()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		f(&world{t, s.Client(), httpapi.New(s.Client(), httpapi.Config{Loopback: true})})
	})
}

// keep is the entity there: its state is the last operation with its input.
func keep(ctx *worker.EntityContext, op string, in []byte) ([]byte, error) {
	if op == "delete" {
		ctx.SetState(nil)
		return nil, nil
	}
	if in == nil {
		in = []byte("null")
	}
	ctx.SetState(fmt.Appendf(nil, `{"op":%q,"in":%s}`, op, in))
	return nil, nil
}

// start starts an instance and waits until it has ended or waits itself.
func (w *world) start(name, id string, input string) {
	w.t.Helper()
	var payload []byte
	if input != "" {
		payload = []byte(input)
	}
	if _, err := w.client.Start(w.t.Context(), dts.StartRequest{Name: name, ID: id, Input: payload}); err != nil {
		w.t.Fatal(err)
	}
	if name != unknownName {
		if _, err := w.client.WaitStarted(w.t.Context(), id); err != nil {
			w.t.Fatal(err)
		}
	}
	synctest.Wait()
}

// unknownName is an orchestrator that no worker has: its instances stay pending.
const unknownName = "nobody"

// request is one call of the API.
type request struct {
	method, path, body string
	header             map[string]string
}

func (w *world) do(r request) *httptest.ResponseRecorder {
	w.t.Helper()
	return do(w.t, w.api, r)
}

func do(t *testing.T, h http.Handler, r request) *httptest.ResponseRecorder {
	t.Helper()
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	req := httptest.NewRequestWithContext(t.Context(), r.method, r.path, body)
	req.Host = "localhost:7071"
	for k, v := range r.header {
		if k == "Host" {
			req.Host = v
			continue
		}
		req.Header.Set(k, v)
	}
	resp := httptest.NewRecorder()
	h.ServeHTTP(resp, req)
	if resp.Code >= 400 {
		var refusal struct{ Message string }
		if err := json.Unmarshal(resp.Body.Bytes(), &refusal); (err != nil || refusal.Message == "") && resp.Code != 500 {
			t.Errorf("%s %s: %d with body %q, want an object with a message", r.method, r.path, resp.Code, resp.Body)
		}
	}
	return resp
}

// object reads a JSON object.
func object(t *testing.T, resp *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(resp.Body.Bytes(), &out); err != nil {
		t.Fatalf("body %q: %v", resp.Body, err)
	}
	return out
}

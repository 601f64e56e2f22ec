package triggers_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

func TestEventFuncIsCalledWithEachEvent(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	h := serve(t, dtstest.Start(t).Client(), triggers.EventFunc("/events", func(ctx context.Context, e durable.CloudEvent[order]) error {
		if framework.ClientFrom(ctx) == nil {
			t.Error("the function does not find the client")
		}
		seen.Store(e.ID, e.Data.Cents)
		if e.Data.Cents < 0 {
			return errors.New("secret")
		}
		return nil
	}, triggers.Origins("*")))
	with := func(id, data string) answer {
		return h.do("POST", "/events", data, binary(id, "t", "Webhook-Request-Origin", "o")...)
	}
	if got := with("1", `{"Cents":7}`); got.code != 204 || got.body != "" {
		t.Errorf("got %d %s, want 204", got.code, got.body)
	}
	if cents, _ := seen.Load("1"); cents != 7 {
		t.Errorf("the function saw %v, want 7", cents)
	}
	if got := with("2", `{"Cents":-1}`); got.code != 503 || got.header.Get("Retry-After") == "" || strings.Contains(got.body, "secret") {
		t.Errorf("got %d %s, want 503 and no detail", got.code, got.body)
	}
	if got := with("3", `[]`); got.code != 400 {
		t.Errorf("got %d, want 400", got.code)
	}
	if got := h.do("OPTIONS", "/events", "", "Webhook-Request-Origin", "o"); got.code != 200 {
		t.Errorf("handshake: %d, want 200", got.code)
	}
}

func TestPanicOfAnEventFuncIsAnsweredAndTheHostLivesOn(t *testing.T) {
	t.Parallel()
	var log lines
	h := serveLogged(t, dtstest.Start(t).Client(), &log, triggers.EventFunc("/events", func(_ context.Context, e durable.CloudEvent[order]) error {
		if e.Data.Cents < 0 {
			panic("a secret of the function")
		}
		return nil
	}))
	batch := "[" + eventText("1", "t", "data", `{"Cents":1}`) + "," + eventText("2", "t", "data", `{"Cents":-1}`) + "]"
	for _, got := range []answer{
		h.do("POST", "/events", `{"Cents":-1}`, binary("1", "t")...),
		h.do("POST", "/events", batch, "Content-Type", batched),
	} {
		if got.code != 503 || got.header.Get("Retry-After") == "" || strings.Contains(got.body, "secret") {
			t.Errorf("got %d %s, want 503 and no detail", got.code, got.body)
		}
	}
	if got := h.do("POST", "/events", `{"Cents":1}`, binary("2", "t")...); got.code != 204 {
		t.Errorf("the next event: %d %s, want 204", got.code, got.body)
	}
	if text := log.String(); strings.Count(text, "a secret of the function") != 2 || !strings.Contains(text, "eventfunc_test.go") {
		t.Errorf("the log has not both panics with their stacks:\n%s", text)
	}
}

func TestEventFuncHasMoreTimeThanACallToTheScheduler(t *testing.T) {
	t.Parallel()
	var left time.Duration
	h := serve(t, dtstest.Start(t).Client(), triggers.EventFunc("/events", func(ctx context.Context, _ durable.CloudEvent[order]) error {
		end, _ := ctx.Deadline()
		left = time.Until(end)
		return nil
	}))
	if got := h.do("POST", "/events", `{}`, binary("1", "t")...); got.code != 204 {
		t.Fatalf("got %d %s, want 204", got.code, got.body)
	}
	if left < 200*time.Second || left > 230*time.Second {
		t.Errorf("the function has %v, want nearly 230 seconds", left)
	}
}

// lines is a log that several goroutines write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

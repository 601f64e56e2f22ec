package triggers_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

func TestSameKeyHasTheSameAnswerAndStartsNothing(t *testing.T) {
	t.Parallel()
	id := triggers.ID(func(r *http.Request) string { return r.PathValue("id") })
	h := serve(t, dtstest.Start(t).Client(),
		triggers.HTTP("POST /orders", orders), triggers.HTTP("POST /same", orders), triggers.HTTP("POST /number", number),
		triggers.HTTP("PUT /orders/{id}", orders, id))
	post := func(method, path, body, key string) answer {
		return h.do(method, path, body, "Content-Type", jsonType, "Idempotency-Key", key)
	}

	first := post("POST", "/orders", `{"ID":"7"}`, "k1")
	in := h.started(first)
	if !strings.HasPrefix(in.ID, "key:") || strings.Contains(in.ID, "k1") {
		t.Errorf("id %q, want a hash", in.ID)
	}
	if again := post("POST", "/orders", ` {"Cents":0, "ID":"7"}`, "k1"); again.code != first.code || again.body != first.body {
		t.Errorf("again: %d %s, want %d %s", again.code, again.body, first.code, first.body)
	}
	if same := post("POST", "/same", `{"ID":"7"}`, "k1"); same.body != first.body {
		t.Errorf("another route to the same orchestrator: %s, want %s", same.body, first.body)
	}
	if other := h.started(post("POST", "/number", `7`, "k1")); other.ID == in.ID {
		t.Error("two orchestrators share a key")
	}
	if other := h.started(post("POST", "/orders", `{"ID":"7"}`, "k2")); other.ID == in.ID {
		t.Error("two keys share an instance")
	}
	if got := post("POST", "/orders", `{"ID":"8"}`, "k1"); got.code != 422 {
		t.Errorf("another input: %d %s, want 422", got.code, got.body)
	}

	// Also when the instance has ended: the memory of a key is the instance.
	if err := h.client.Terminate(t.Context(), in.ID, "done"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.client.Wait(t.Context(), in.ID); err != nil {
		t.Fatal(err)
	}
	if now := h.started(post("POST", "/orders", `{"ID":"7"}`, "k1")); now.Status != dts.StatusTerminated {
		t.Errorf("the finished instance was replaced by one that is %s", now.Status)
	}

	// With an id of its own the request is known by the key all the same.
	if got := h.started(post("PUT", "/orders/o-7", `{}`, "k3")).ID; got != "o-7" {
		t.Errorf("id %q, want o-7", got)
	}
	if got := h.started(post("PUT", "/orders/o-7", `{}`, "k3")).ID; got != "o-7" {
		t.Errorf("id %q, want o-7", got)
	}
	if got := post("PUT", "/orders/o-7", `{}`, "k4"); got.code != 409 {
		t.Errorf("another key for the same id: %d %s, want 409", got.code, got.body)
	}
	if got := count(t, h.client, dts.Query{}); got != 4 {
		t.Errorf("%d instances, want 4", got)
	}
	for _, key := range []string{"", strings.Repeat("k", 256)} {
		if got := post("POST", "/orders", `{}`, key); got.code != 400 {
			t.Errorf("key of %d bytes: %d, want 400", len(key), got.code)
		}
	}
}

func TestKeyIsOneStartForManyWhoAskAtOnce(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(), triggers.HTTP("POST /orders", orders))
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if got := h.do("POST", "/orders", `{"ID":"7"}`, "Content-Type", jsonType, "Idempotency-Key", "k"); got.code != 202 {
				t.Errorf("got %d %s, want 202", got.code, got.body)
			}
		})
	}
	group.Wait()
	if got := count(t, h.client, dts.Query{}); got != 1 {
		t.Errorf("%d instances, want 1", got)
	}
}

func TestWaitAnswersWithTheResult(t *testing.T) {
	t.Parallel()
	c := dtstest.Start(t).Client()
	double := durable.NewOrchestrator("double", func(ctx *durable.Context, n int) (int, error) {
		if n < 0 {
			return 0, context.Canceled
		}
		return 2 * n, nil
	})
	ready := make(chan framework.Ready, 1)
	app := framework.New("test",
		framework.Set("listen", "127.0.0.1:0"), framework.Set("admin-listen", "none"),
		framework.WithClient(c), framework.WithLogger(slog.New(slog.DiscardHandler)),
		framework.OnReady(func(r framework.Ready) { ready <- r }),
	).Add(double).On(
		triggers.HTTP("POST /double", double, triggers.Wait(time.Hour)),
		triggers.HTTP("POST /never", number, triggers.Wait(time.Millisecond)),
	)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	h := &host{t, c, &http.Client{Transport: transport}, "http://" + (<-ready).Listen}
	for _, tc := range []struct {
		path, body string
		code       int
		answer     string
	}{
		{"/double", "21", 200, "42\n"},
		{"/double", "21", 200, "42\n"}, // the key is that of the first
		{"/double", "-1", 500, `"runtimeStatus":"Failed"`},
		{"/never", "1", 202, `{"id":"key:`},
		{"/double", "x", 400, "not JSON"},
	} {
		got := h.do("POST", tc.path, tc.body, "Content-Type", jsonType, "Idempotency-Key", "of "+tc.body)
		if got.code != tc.code || !strings.Contains(got.body, tc.answer) {
			t.Errorf("%s %s: %d %s, want %d with %s", tc.path, tc.body, got.code, got.body, tc.code, tc.answer)
		}
	}
	if got := count(t, c, dts.Query{}); got != 3 {
		t.Errorf("%d instances, want 3", got)
	}
}

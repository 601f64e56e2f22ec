package httpapi_test

import (
	"testing"

	"github.com/funchost/funchost/dts"
)

func TestStartWithAKeyIsRepeatedInVain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		with := func(key, path, body string) (int, string) {
			header := map[string]string{"Content-Type": "application/json", "Idempotency-Key": key}
			resp := w.do(request{"POST", base + path, body, header})
			return resp.Code, resp.Body.String()
		}
		code, first := with("k", "/orchestrators/echo", `1`)
		if code != 202 {
			t.Fatalf("got %d %s, want 202", code, first)
		}
		if code, again := with("k", "/orchestrators/echo", `1`); code != 202 || again != first {
			t.Errorf("again: %d %s, want %s", code, again, first)
		}
		if code, body := with("k", "/orchestrators/echo", `2`); code != 422 {
			t.Errorf("another input: %d %s, want 422", code, body)
		}
		if code, body := with("k", "/orchestrators/echo?timeout=5", `1`); code != 200 || body != "1\n" {
			t.Errorf("with a wait: %d %s, want the result", code, body)
		}
		if code, _ := with("k", "/orchestrators/echo/e-1", `1`); code != 202 {
			t.Errorf("with an id: %d, want 202", code)
		}
		if code, _ := with("other", "/orchestrators/echo/e-1", `1`); code != 409 {
			t.Errorf("the id with another key: %d, want 409", code)
		}
		n := 0
		for range w.client.Instances(w.t.Context(), dts.Query{}) {
			n++
		}
		if n != 2 {
			t.Errorf("%d instances, want 2", n)
		}
	})
}

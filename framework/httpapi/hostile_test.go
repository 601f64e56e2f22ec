package httpapi_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/funchost/funchost/framework/httpapi"
)

func TestWhatIsNoTextIsTheCallersMistake(t *testing.T) {
	t.Parallel()
	token := func(t string) map[string]string { return map[string]string{"X-Ms-Continuation-Token": t} }
	inWorld(t, func(w *world) {
		w.start("wait", "waiting", "")
		for _, r := range []request{
			{method: "GET", path: "/instances", header: token("garbage")},
			{method: "GET", path: "/instances", header: token("Z2FyYmFnZQ")}, // text, and not the scheduler's
			{method: "GET", path: "/entities", header: token("zzz")},
			{method: "GET", path: "/entities", header: token("Z2FyYmFnZQ")},
			{method: "GET", path: "/instances?instanceIdPrefix=%ff"},
			{method: "GET", path: "/instances/%ff"},
			{method: "POST", path: "/instances/waiting/raiseEvent/%ff", body: "1", header: jsonType},
			{method: "POST", path: "/instances/waiting/terminate?reason=%ff"},
			{method: "POST", path: "/entities/book/k?op=%ff"},
			{method: "GET", path: "/entities/%ff"},
			{method: "POST", path: "/orchestrators/%ff"},
			{method: "POST", path: "/orchestrators/echo", body: "\"\xff\"", header: jsonType},
			{method: "POST", path: "/instances/waiting/raiseEvent/go", body: "\"\xff\"", header: jsonType},
			{method: "POST", path: "/entities/book/k?op=add", body: "\"\xff\"", header: jsonType},
			{method: "POST", path: "/entities/book/k?op=add", body: "\xff"},
		} {
			r.path = base + r.path
			if resp := w.do(r); resp.Code != http.StatusBadRequest {
				t.Errorf("%s %s %v: %d %s, want 400", r.method, r.path, r.header, resp.Code, resp.Body)
			}
		}
	})
}

func TestIDThatNoLinkCanHaveIsRefused(t *testing.T) {
	t.Parallel()
	for _, id := range []string{".", ".."} {
		refusal, ok := errors.AsType[*httpapi.Error](httpapi.CheckID(id))
		if !ok || refusal.Status != http.StatusBadRequest {
			t.Errorf("CheckID(%q) says %v, want a refusal with 400", id, refusal)
		}
	}
	for _, id := range []string{"", "...", ".a", "a..b"} {
		if err := httpapi.CheckID(id); err != nil {
			t.Errorf("CheckID(%q) says %v, want no refusal", id, err)
		}
	}
}

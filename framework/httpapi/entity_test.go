package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/httpapi"
)

// The entity "book" of inWorld keeps what it is sent last, with the operation.
func (w *world) signal(name, key, op, payload string) {
	w.t.Helper()
	if err := w.client.Signal(w.t.Context(), dts.EntityID{Name: name, Key: key}, op, []byte(payload)); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

func TestEntityRoutesAnswerWithTheirCodes(t *testing.T) {
	t.Parallel()
	plain := map[string]string{"Content-Type": "text/plain"}
	for _, c := range []struct {
		request
		code int
	}{
		{request{method: "GET", path: "/entities"}, 200},
		{request{method: "GET", path: "/Entities/Book/"}, 200},
		{request{method: "GET", path: "/entities/none"}, 200},
		{request{method: "GET", path: "/entities/a@b"}, 400},
		{request{method: "GET", path: "/entities?top=0"}, 400},
		{request{method: "GET", path: "/entities?fetchState=perhaps"}, 400},
		{request{method: "GET", path: "/entities?lastOperationTimeFrom=soon"}, 400},
		{request{method: "GET", path: "/entities", header: map[string]string{"x-ms-continuation-token": "!"}}, 400},
		{request{method: "GET", path: "/entities/book/Ana"}, 200},
		{request{method: "GET", path: "/entities/BOOK/Ana"}, 200},
		{request{method: "GET", path: "/entities/book/ana"}, 404},
		{request{method: "GET", path: "/entities/book/$"}, 404},
		{request{method: "GET", path: "/entities/book/a%2Fb"}, 400},
		{request{method: "GET", path: "/entities/book/a%23b"}, 400},
		{request{method: "GET", path: "/entities/book/a%01b"}, 400},
		{request{method: "GET", path: "/entities/book/a%FFb"}, 400},
		{request{method: "GET", path: "/entities/book/" + strings.Repeat("k", 95)}, 400},
		{request{method: "GET", path: "/entities/a@b/c"}, 400},
		{request{method: "POST", path: "/entities/book/k?op=set", body: `{"a":1}`, header: jsonType}, 202},
		{request{method: "POST", path: "/entities/book/k?op=set"}, 202},
		{request{method: "POST", path: "/entities/book/k"}, 202},
		{request{method: "POST", path: "/entities/book/k?op=set", body: "{", header: jsonType}, 400},
		{request{method: "POST", path: "/entities/book/k?op=set", body: "{", header: plain}, 202},
		{request{method: "POST", path: "/entities/book/k?op=set", body: "\xff", header: plain}, 400},
		{request{method: "POST", path: "/entities/book/k?op=set", body: strings.Repeat("a", httpapi.MaxBody+1), header: plain}, 413},
		{request{method: "POST", path: "/entities/a@b/k?op=set"}, 400},
		{request{method: "POST", path: "/entities/book"}, 404},
		{request{method: "DELETE", path: "/entities/book/k"}, 202},
		{request{method: "DELETE", path: "/entities/book/a%5Cb"}, 400},
		{request{method: "DELETE", path: "/entities/book"}, 404},
		{request{method: "PUT", path: "/entities/book/k"}, 404},
		{request{method: "POST", path: "/entities/book/k", header: map[string]string{"Origin": "https://evil.example"}}, 403},
	} {
		t.Run(c.method+" "+c.path[:min(len(c.path), 120)], func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				w.signal("book", "Ana", "set", "1")
				c.path = base + c.path
				if resp := w.do(c.request); resp.Code != c.code {
					t.Errorf("got %d %s, want %d", resp.Code, resp.Body, c.code)
				}
			})
		})
	}
}

func TestEntityIsSignaledReadAndDeleted(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for _, step := range []struct {
			request
			want string // the state after it
		}{
			{request{method: "POST", path: "?op=set", body: ` {"a":1} `, header: jsonType}, `{"op":"set","in": {"a":1} }`},
			{request{method: "POST", path: "?OP=Set", body: `{"a":1}`}, `{"op":"Set","in":"{\"a\":1}"}`},
			{request{method: "POST"}, `{"op":"","in":null}`},
			{request{method: "DELETE"}, ""},
		} {
			step.path = base + "/entities/book/$" + step.path
			if resp := w.do(step.request); resp.Code != http.StatusAccepted || resp.Body.Len() > 0 {
				t.Errorf("%s %s: %d %s, want 202 and no body", step.method, step.path, resp.Code, resp.Body)
			}
			synctest.Wait()
			resp := w.do(request{method: "GET", path: base + "/entities/book/$"})
			switch {
			case step.want == "" && resp.Code == http.StatusNotFound:
			case resp.Code != http.StatusOK || compact(t, resp.Body.Bytes()) != compact(t, []byte(step.want)):
				t.Errorf("state after %s %s: %d %s, want %s", step.method, step.path, resp.Code, resp.Body, step.want)
			}
		}
	})
}

func compact(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return fmt.Sprint(v)
}

func TestEntitiesAreListedInPages(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.signal("Book", "b", "set", "1")
		time.Sleep(time.Hour)
		w.signal("book", "", "set", "2")
		w.signal("tome", "B", "set", "3")
		list := func(path, token string) (rows []string, next string) {
			t.Helper()
			resp := w.do(request{method: "GET", path: base + "/entities" + path, header: map[string]string{"x-ms-continuation-token": token}})
			var page []struct {
				ID    struct{ Name, Key string } `json:"entityId"`
				Time  string                     `json:"lastOperationTime"`
				State any
			}
			if err := json.Unmarshal(resp.Body.Bytes(), &page); err != nil {
				t.Fatalf("%s: %d %s", path, resp.Code, resp.Body)
			}
			for _, e := range page {
				rows = append(rows, fmt.Sprintf("%s/%s %s %v", e.ID.Name, e.ID.Key, e.Time, e.State))
			}
			return rows, resp.Header().Get("X-Ms-Continuation-Token")
		}
		const first, later = "2000-01-01T00:00:00Z", "2000-01-01T01:00:00Z"
		for path, want := range map[string][]string{
			"":                      {"book/ " + later + " <nil>", "book/b " + first + " <nil>", "tome/B " + later + " <nil>"},
			"/BOOK":                 {"book/ " + later + " <nil>", "book/b " + first + " <nil>"},
			"/boo":                  nil,
			"/tome?fetchState=true": {"tome/B " + later + " map[in:3 op:set]"},
			"?lastOperationTimeTo=2000-01-01T00:30:00Z":   {"book/b " + first + " <nil>"},
			"?lastOperationTimeFrom=2000-01-01T00:30:00Z": {"book/ " + later + " <nil>", "tome/B " + later + " <nil>"},
		} {
			got, next := list(path, "")
			if diff := cmp.Diff(want, got); diff != "" || next != "" {
				t.Errorf("GET /entities%s, next %q (-want +got):\n%s", path, next, diff)
			}
		}
		var pages []string
		for token, more := "", true; more; more = token != "" {
			var rows []string
			if rows, token = list("?top=2", token); len(rows) > 2 {
				t.Errorf("a page has %d entities, want 2 at most", len(rows))
			}
			pages = append(pages, rows...)
		}
		if len(pages) != 3 {
			t.Errorf("pages have %q, want 3 entities", pages)
		}
	})
}

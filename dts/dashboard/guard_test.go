package dashboard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dashboard"
)

func TestForeignHostIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("echo", "a-1", "1")
		plain := dashboard.New(w.Client)
		named := dashboard.New(w.Client, dashboard.WithHosts("Dash.Example", "10.0.0.7"))
		wide := dashboard.New(w.Client, dashboard.WithHosts("0.0.0.0"))
		for host, want := range map[string][3]bool{ // plain, named, wide
			"127.0.0.1":                 {true, true, true},
			"127.0.0.1:8082":            {true, true, true},
			"127.8.9.1:9":               {true, true, true},
			"[::1]:8082":                {true, true, true},
			"[::1]":                     {true, true, true},
			"[::ffff:127.0.0.1]:8082":   {true, true, true},
			"localhost":                 {true, true, true},
			"LOCALHOST:9000":            {true, true, true},
			"localhost.:8082":           {true, true, true},
			"funchost.localhost:8082":   {true, true, true},
			"dash.example:8082":         {false, true, false},
			"10.0.0.7:8082":             {false, true, true},
			"10.0.0.8:8082":             {false, false, true},
			"[2001:db8::1]:8082":        {false, false, true},
			"evil.example":              {false, false, false},
			"evil.example:8082":         {false, false, false},
			"localhost.evil.example":    {false, false, false},
			"127.0.0.1.evil.example":    {false, false, false},
			"notlocalhost":              {false, false, false},
			"":                          {false, false, false},
			"0x7f000001":                {false, false, false},
			"dash.example.evil.example": {false, false, false},
		} {
			for i, h := range []http.Handler{plain, named, wide} {
				for _, target := range []string{list, "/", "/static/live.js", "/nothing"} {
					r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
					r.Host = host
					a := do(h, r)
					if refused := a.status == http.StatusForbidden; refused == want[i] {
						t.Errorf("%s of host %q, dashboard %d: status %d, refused is %t, want %t", target, host, i, a.status, refused, !want[i])
					}
				}
			}
		}
	})
}

func TestFormOfAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("wait", "a-1", "1")
		form := url.Values{"reason": {"evil"}}
		for name, header := range map[string]map[string]string{
			"another site":                  {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
			"another port of this machine":  {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:3000"},
			"an old browser, another site":  {"Origin": "https://evil.example"},
			"an old browser, a sandbox":     {"Origin": "null"},
			"another site by the same name": {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8082"},
		} {
			r := w.form("/hubs/default/act/terminate?id=a-1", form)
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Del("Origin")
			for key, value := range header {
				r.Header.Set(key, value)
			}
			if a := do(w.dashboard, r); a.status != http.StatusForbidden {
				t.Errorf("%s: status %d, want 403", name, a.status)
			}
			if status := w.status("a-1"); status != dts.StatusRunning {
				t.Fatalf("%s: the orchestration is %s, want it Running", name, status)
			}
		}
		w.post("/hubs/default/act/terminate?id=a-1", form).want(t, http.StatusSeeOther)
		if status := w.status("a-1"); status != dts.StatusTerminated {
			t.Errorf("the orchestration is %s after the form of its own page, want Terminated", status)
		}
	})
}

// actionNames are all that can be done to an orchestration.
var actionNames = []string{"raise", "suspend", "resume", "cancel", "terminate", "rewind", "restart", "purge"}

func TestGETChangesNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("wait", "live", "1")
		w.begin("wait", "held", "1")
		w.begin("echo", "done", "1")
		if err := w.Suspend(t.Context(), "held", ""); err != nil {
			t.Fatal(err)
		}
		if err := w.Signal(t.Context(), dts.EntityID{Name: "cart", Key: "ana"}, "add", []byte("1")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		before := snapshot(w)
		targets := []string{list, list + "?done=purge", "/", "/hubs/default", "/hubs/default/entities", "/hubs/default/entity?id=@cart@ana", "/hubs/default/entity?id=@new@one"}
		for _, id := range []string{"live", "held", "done", "new"} {
			targets = append(targets, page+id, page+id+"&done=terminate", "/hubs/default/payload?of=input&id="+id)
			for _, action := range actionNames {
				targets = append(targets, "/hubs/default/act/"+action+"?id="+id+"&event=go&reason=x&recursive=yes&new-id=yes&confirm=yes")
			}
		}
		for _, target := range targets {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
				r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader("id=live&event=go"))
				r.Host = "127.0.0.1"
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				do(w.dashboard, r)
			}
		}
		time.Sleep(time.Minute)
		if diff := cmp.Diff(before, snapshot(w)); diff != "" {
			t.Errorf("the hub after reading all pages (-before +after):\n%s", diff)
		}
	})
}

// snapshot is all that is in the hub.
func snapshot(w *world) []string {
	w.t.Helper()
	var all []string
	for in, err := range w.Instances(w.t.Context(), dts.Query{Payloads: true}) {
		if err != nil {
			w.t.Fatal(err)
		}
		text := fmt.Sprintf("%+v", *in)
		for e, err := range w.History(w.t.Context(), in.ID) {
			if err != nil {
				w.t.Fatal(err)
			}
			text += fmt.Sprintf("\n%+v", e)
		}
		all = append(all, text)
	}
	for e, err := range w.Entities(w.t.Context(), dts.EntityQuery{State: true, Stateless: true}) {
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%+v", *e))
	}
	return all
}

func TestEveryAnswerForbidsWhatNoPageNeeds(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("wait", "a-1", "1")
		for _, target := range []string{
			"/", list, page + "a-1", page + "nobody", "/hubs/default/entities", "/hubs/default/act/raise?id=a-1", "/hubs/default/payload?id=a-1&of=input",
			"/static/live.js", "/static/style.css", "/static/nothing", "/nothing", "//nothing",
		} {
			a := w.get(target)
			policy := a.header.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: content policy is %q", target, policy)
			}
			for key, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "same-origin",
			} {
				if got := a.header.Get(key); got != want {
					t.Errorf("%s: %s is %q, want %q", target, key, got, want)
				}
			}
			if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && strings.HasPrefix(a.body, "<!doctype") {
				wantTame(t, target, a)
				if a.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: a page may be kept: %q", target, a.header.Get("Cache-Control"))
				}
			}
		}
	})
}

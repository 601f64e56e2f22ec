package dashboard_test

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
)

// hostileIDs are allowed by the protocol and mean something to a path, a page or
// a reader.
var hostileIDs = []string{
	"a/b", "..", ".", "../../etc/passwd", "%2F", "%252F", "a%00b", "a b", "a+b", "a?b=c&id=other", "a#b", "a;b", `a"b'c`, `a\b`, "{{.}}",
	"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "javascript:alert(1)", "//evil.example", "Ωμέγα ☃ 🚀", "e\u0301", "\u202egnp.exe", "a\nb",
	"\u200b", "\ufeff", strings.Repeat("ä", 100),
}

func TestHostileIDsAreOrdinaryIDs(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for _, id := range hostileIDs {
			w.begin("wait", id, "1")
			time.Sleep(time.Second) // the list is in the order of creation
		}
		all := w.get(list)
		all.want(t, http.StatusOK)
		links := regexp.MustCompile(`<th scope="row"><a href="([^"]*)">`).FindAllStringSubmatch(all.body, -1)
		if len(links) != len(hostileIDs) {
			t.Fatalf("the list links %d orchestrations, want %d", len(links), len(hostileIDs))
		}
		for i, id := range hostileIDs {
			link := unescape(links[i][1])
			target, err := url.Parse(link)
			if err != nil || target.Host != "" || target.Path != "/hubs/default/instance" || target.Query().Get("id") != id {
				t.Errorf("%q: the list links %s, %v", id, link, err)
			}
			a := w.get(link)
			a.want(t, http.StatusOK, "Running", "Terminate")
			confirm := w.follow(a, "Terminate")
			confirm.want(t, http.StatusOK, "ends without being asked")
			sent := w.post(formOf(t, confirm), nil)
			sent.want(t, http.StatusSeeOther)
			if status := w.status(id); status != dts.StatusTerminated {
				t.Errorf("%q is %s after the form of its page, want Terminated", id, status)
			}
			w.get(sent.header.Get("Location")).want(t, http.StatusOK, "was asked to end")
			for _, page := range []answer{all, a, confirm} {
				wantTame(t, id, page)
			}
		}
	})
}

// formOf is where the form of a page goes.
func formOf(t *testing.T, a answer) string {
	t.Helper()
	m := regexp.MustCompile(`<form class="sheet" action="([^"]*)" method="post">`).FindStringSubmatch(a.body)
	if m == nil {
		t.Fatalf("the page has no form:\n%s", a.body)
	}
	return unescape(m[1])
}

// wantTame fails the test if a page has a tag that no template of ours writes, or
// a character that turns text around or hides.
func wantTame(t *testing.T, what string, a answer) {
	t.Helper()
	ours := regexp.MustCompile(`^</?(!doctype|html|head|meta|title|link|script|body|a|header|img|nav|p|b|i|div|main|h1|h2|span|small|dl|dt|dd|section|form|` +
		`fieldset|legend|label|input|textarea|button|code|pre|table|caption|thead|tbody|tr|th|td|time|svg|text|line|rect|details|summary|ul|li)[ >]`)
	for _, tag := range regexp.MustCompile(`<[^ \n][^>]*>`).FindAllString(a.body, -1) {
		bare := regexp.MustCompile(`="[^"]*"`).ReplaceAllString(tag, "=")
		if !ours.MatchString(tag) || regexp.MustCompile(`(?i)\s(on\w+|style)\s*=`).MatchString(bare) {
			t.Errorf("%s: the page has the tag %s", what, tag)
		}
	}
	for script := range strings.SplitSeq(a.body, "<script") {
		if strings.HasPrefix(script, "<!doctype") {
			continue
		}
		if !strings.HasPrefix(script, ` type="module" src="/static/live.js"></script>`) {
			t.Errorf("%s: the page has a script that begins %.80q", what, script)
		}
	}
	visible := regexp.MustCompile(`value="[^"]*"`).ReplaceAllString(a.body, "") // fields have the text itself
	if strings.ContainsAny(visible, "\u202e\u200b\ufeff\x00") {
		t.Errorf("%s: the page has a character that turns text around or hides", what)
	}
	for _, link := range regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
		if !strings.HasPrefix(link[1], "/") && link[1] != "#main" || strings.HasPrefix(link[1], "//") {
			t.Errorf("%s: the page leads to %q", what, link[1])
		}
	}
}

func TestHostileTextIsShownAsText(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		const evil = `</pre></code></title><script>alert(1)</script><img src=x onerror=alert(1)>` + "\u202e"
		payload := `"` + strings.ReplaceAll(evil, `"`, `'`) + `"`
		w.start(dts.StartRequest{Name: "wait", ID: "a-1", Version: evil, Input: []byte(payload), Tags: map[string]string{evil: evil}})
		w.begin("fail", "a-2", evil)
		w.begin("echo", "a-3", evil+strings.Repeat("x", 10_000)) // no JSON, and cut
		w.start(dts.StartRequest{Name: evil, ID: "a-4"})
		cart := dts.EntityID{Name: "cart", Key: evil}
		err := errors.Join(
			w.Raise(t.Context(), "a-1", evil, []byte(payload)),
			w.Suspend(t.Context(), "a-1", evil),
			w.Signal(t.Context(), cart, "add", []byte(payload)),
		)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, target := range []string{
			list, list + "?prefix=" + url.QueryEscape(evil) + "&since=" + url.QueryEscape(evil) + "&status=" + url.QueryEscape(evil),
			page + "a-1", page + "a-2", page + "a-3", page + "a-4", page + url.QueryEscape(evil),
			page + "a-1&from=" + url.QueryEscape(evil), page + "a-1&done=" + url.QueryEscape(evil),
			"/hubs/default/entities", "/hubs/default/entities?name=" + url.QueryEscape("@"+evil) + "&prefix=" + url.QueryEscape(evil),
			"/hubs/default/entity?id=" + url.QueryEscape(cart.String()), "/hubs/default/entity?id=" + url.QueryEscape(evil),
			"/hubs/" + url.PathEscape(evil) + "/instances", "/" + url.PathEscape(evil),
			"/hubs/default/act/" + url.PathEscape(evil) + "?id=a-1", "/hubs/default/act/raise?id=a-1",
		} {
			wantTame(t, target, w.get(target))
		}
		mistaken := w.post("/hubs/default/act/raise?id=a-1", url.Values{"event": {""}, "input": {evil}})
		mistaken.want(t, http.StatusBadRequest, "the event needs a name", "this is not JSON")
		wantTame(t, "the form with mistakes", answer{mistaken.status, mistaken.header, strings.ReplaceAll(mistaken.body, "\u202e", "")})
		w.get(page+"a-1").want(t, http.StatusOK, strings.TrimSuffix(evil, "\u202e")+`\u202e`)
		w.get(page+"a-2").want(t, http.StatusOK, strings.TrimSuffix(evil, "\u202e")+`\u202e`)
	})
}

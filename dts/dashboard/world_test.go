package dashboard_test

import (
	"context"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dashboard"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
)

// world is a dashboard of a real scheduler with a worker.
type world struct {
	t *testing.T
	*dts.Client

	dashboard http.Handler
}

// inWorld runs a test in virtual time. The worker knows these orchestrators:
// "wait" ends with the payload of its event "go", "echo" with its input; "fail"
// fails with its input as the message; "parent" starts an "echo" under the id
// "child" and calls a cart; "work" sleeps a second and calls an activity of three;
// "lock" holds the cart "locked" until its event "go". Entities are called "cart"
// and have what was last sent to them as their state.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		r := worker.NewRegistry()
		err := errors.Join(
			r.Orchestrator("wait", func(ctx *worker.Context, in []byte) ([]byte, error) {
				ctx.SetStatus(in)
				return ctx.Event("go").Await()
			}),
			r.Orchestrator("echo", func(_ *worker.Context, in []byte) ([]byte, error) { return in, nil }),
			r.Orchestrator("fail", func(_ *worker.Context, in []byte) ([]byte, error) { return nil, errors.New(string(in)) }),
			r.Orchestrator("break", func(*worker.Context, []byte) ([]byte, error) { panic("<u>broken</u>") }),
			r.Orchestrator("parent", func(ctx *worker.Context, in []byte) ([]byte, error) {
				if _, err := ctx.CallEntity(dts.EntityID{Name: "cart", Key: "ana"}, "add", in).Await(); err != nil {
					return nil, err
				}
				return ctx.Orchestration("echo", in, worker.OrchestrationOptions{ID: "child"}).Await()
			}),
			r.Orchestrator("work", func(ctx *worker.Context, in []byte) ([]byte, error) {
				if _, err := ctx.Timer(ctx.Now().Add(time.Second)).Await(); err != nil {
					return nil, err
				}
				return ctx.Activity("slow", in, worker.ActivityOptions{}).Await()
			}),
			r.Orchestrator("lock", func(ctx *worker.Context, _ []byte) ([]byte, error) {
				lock, release := ctx.Lock(dts.EntityID{Name: "cart", Key: "locked"})
				defer release()
				if _, err := lock.Await(); err != nil {
					return nil, err
				}
				return ctx.Event("go").Await()
			}),
			r.Activity("slow", func(_ context.Context, in []byte) ([]byte, error) {
				time.Sleep(3 * time.Second)
				return in, nil
			}),
			r.Entity("cart", func(ctx *worker.EntityContext, _ string, in []byte) ([]byte, error) {
				ctx.SetState(in)
				return in, nil
			}),
		)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		works, ended := worker.New(c, r), make(chan error, 1)
		go func() { ended <- works.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("worker: %v", err)
			}
		}()
		<-works.Ready()
		test(t, &world{t, c, dashboard.New(c)})
	})
}

// begin starts an orchestration and lets it come as far as it can at this moment.
func (w *world) begin(name, id, input string) {
	w.t.Helper()
	w.start(dts.StartRequest{Name: name, ID: id, Input: []byte(input)})
}

func (w *world) start(r dts.StartRequest) {
	w.t.Helper()
	if _, err := w.Start(w.t.Context(), r); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

func (w *world) status(id string) dts.Status {
	w.t.Helper()
	synctest.Wait()
	in, err := w.Instance(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return in.Status
}

// answer is what a browser gets.
type answer struct {
	status int
	header http.Header
	body   string
}

func do(h http.Handler, r *http.Request) answer {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	return answer{recorder.Code, recorder.Header(), recorder.Body.String()}
}

// get asks as a browser on this machine does.
func (w *world) get(target string) answer {
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, target, http.NoBody)
	r.Host = "127.0.0.1:8082"
	return do(w.dashboard, r)
}

// post sends a form as a page of the dashboard does.
func (w *world) post(target string, form url.Values) answer {
	return do(w.dashboard, w.form(target, form))
}

func (w *world) form(target string, form url.Values) *http.Request {
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Host = "127.0.0.1:8082"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", "http://127.0.0.1:8082")
	return r
}

// want fails the test unless the answer has the status and all the texts.
func (a answer) want(t *testing.T, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status is %d, want %d; the answer:\n%.600s", a.status, status, a.text())
	}
	for _, text := range texts {
		if !strings.Contains(a.text(), text) {
			t.Errorf("the answer has no %q:\n%.3000s", text, a.text())
		}
	}
}

// wantNo fails the test if the answer has one of the texts.
func (a answer) wantNo(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.text(), text) {
			t.Errorf("the answer has %q:\n%.3000s", text, a.text())
		}
	}
}

var blanks = regexp.MustCompile(`\s+`)

// text is the content of the page as a person reads it: without tags, each run of
// blanks as one. Of a text that is no page it is the text.
func (a answer) text() string {
	_, content, isPage := strings.Cut(a.body, "<main")
	if !isPage {
		return a.body
	}
	content = "<main" + content
	return html.UnescapeString(blanks.ReplaceAllString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(content, " "), " "))
}

// links are where the links of the page lead that have the text.
func (a answer) links(text string) []string {
	var found []string
	for _, m := range regexp.MustCompile(`<a [^>]*href="([^"]*)"[^>]*>([^<]*)</a>`).FindAllStringSubmatch(a.body, -1) {
		if html.UnescapeString(m[2]) == text {
			found = append(found, html.UnescapeString(m[1]))
		}
	}
	return found
}

// follow asks for the page that the first link with the text leads to.
func (w *world) follow(a answer, text string) answer {
	w.t.Helper()
	links := a.links(text)
	if len(links) == 0 {
		w.t.Fatalf("there is no link %q in:\n%.3000s", text, a.body)
	}
	return w.get(links[0])
}

func unescape(text string) string { return html.UnescapeString(text) }

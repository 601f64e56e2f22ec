package triggers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/httpapi"
	"github.com/funchost/funchost/triggers"
)

// cronHostVariable makes this binary a host instead of a test.
const cronHostVariable = "CRON_TEST_HOST"

func TestMain(m *testing.M) {
	if os.Getenv(cronHostVariable) != "" {
		os.Exit(cronHostProcess())
	}
	goleak.VerifyTestMain(m)
}

type order struct {
	ID    string
	Cents int
}

// Orchestrators of all kinds of inputs. They run nowhere: what is tested is the
// start.
var (
	orders  = durable.OrchestratorNamed[order, string]("orders")
	cities  = durable.OrchestratorNamed[[]string, string]("cities")
	pointer = durable.OrchestratorNamed[*order, string]("pointer")
	lookup  = durable.OrchestratorNamed[map[string]int, string]("lookup")
	raw     = durable.OrchestratorNamed[any, string]("raw")
	none    = durable.OrchestratorNamed[durable.None, string]("none")
	number  = durable.OrchestratorNamed[int, string]("number")
)

// host is an app with triggers in the role api, on a real listener.
type host struct {
	t      *testing.T
	client *dts.Client
	http   *http.Client
	url    string
}

func serve(t *testing.T, c *dts.Client, ts ...framework.Trigger) *host {
	t.Helper()
	return serveLogged(t, c, io.Discard, ts...)
}

func serveLogged(t *testing.T, c *dts.Client, log io.Writer, ts ...framework.Trigger) *host {
	t.Helper()
	ready := make(chan framework.Ready, 1)
	app := framework.New("test",
		framework.Set("role", "api"),
		framework.Set("listen", "127.0.0.1:0"),
		framework.Set("admin-listen", "none"),
		framework.Set("management-api", "true"),
		framework.WithClient(c),
		framework.WithLogger(slog.New(slog.NewTextHandler(log, nil))),
		framework.OnReady(func(r framework.Ready) { ready <- r }),
	).On(ts...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	transport := &http.Transport{}
	h := &host{t: t, client: c, http: &http.Client{Transport: transport}}
	select {
	case r := <-ready:
		h.url = "http://" + r.Listen
	case err := <-ended:
		cancel()
		t.Fatalf("the app ended: %v", err)
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return h
}

type answer struct {
	code   int
	header http.Header
	body   string
}

// message is the text of a refusal.
func (a answer) message() string {
	var refusal struct{ Message string }
	_ = json.Unmarshal([]byte(a.body), &refusal)
	return refusal.Message
}

// do sends a request. Header is name and value in turn.
func (h *host) do(method, path, body string, header ...string) answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := h.http.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// started is the instance that an answer speaks of.
func (h *host) started(a answer) *dts.Instance {
	h.t.Helper()
	var links struct{ ID string }
	if err := json.Unmarshal([]byte(a.body), &links); err != nil || a.code != 202 {
		h.t.Fatalf("answer %d %s", a.code, a.body)
	}
	in, err := h.client.Instance(h.t.Context(), links.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return in
}

const jsonType = "application/json"

func TestBodyBecomesTheInput(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(),
		triggers.HTTP("POST /orders", orders), triggers.HTTP("POST /cities", cities), triggers.HTTP("POST /pointer", pointer),
		triggers.HTTP("POST /lookup", lookup), triggers.HTTP("POST /raw", raw), triggers.HTTP("POST /none", none),
		triggers.HTTP("POST /number", number))
	for _, tc := range []struct {
		path, body string
		input      string // empty for none
	}{
		{"/orders", `{"ID":"7","Cents":500,"extra":[1]}`, `{"ID":"7","Cents":500}`},
		{"/orders", `{"id":"7"}`, `{"ID":"7","Cents":0}`},
		{"/cities", `["Tokyo","Faro & co"]`, `["Tokyo","Faro & co"]`},
		{"/cities", ``, `null`},
		{"/pointer", `{"ID":"7"}`, `{"ID":"7","Cents":0}`},
		{"/pointer", ``, `null`},
		{"/pointer", `null`, `null`},
		{"/cities", ` null`, `null`},
		{"/raw", `null`, `null`},
		{"/lookup", ` `, `null`},
		{"/raw", `{"deep":[1,null]}`, `{"deep":[1,null]}`},
		{"/raw", ``, `null`},
		{"/none", ``, ``},
		{"/none", `{}`, ``},
		{"/number", `0`, `0`},
	} {
		in := h.started(h.do("POST", tc.path, tc.body, "Content-Type", jsonType))
		if got := string(in.Input); got != tc.input {
			t.Errorf("%s %s: input %s, want %s", tc.path, tc.body, got, tc.input)
		}
		if (in.Input == nil) != (tc.input == "") {
			t.Errorf("%s %s: input is %v, want none only where there is none", tc.path, tc.body, in.Input)
		}
	}
}

func TestBodiesThatCannotBeTheInputAreRefused(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(), triggers.HTTP("POST /orders", orders), triggers.HTTP("POST /number", number), triggers.HTTP("POST /none", none))
	large := `{"ID":"` + strings.Repeat("a", httpapi.MaxBody) + `"}`
	for _, tc := range []struct {
		name, path, body, kind string
		code                   int
		says                   string
	}{
		{"no body", "/orders", "", jsonType, 400, "the body is empty"},
		{"no body for a number", "/number", "", "", 400, "the body is empty"},
		{"not JSON", "/orders", "{\n\"ID\": seven}", jsonType, 400, "line 2, column 7"},
		{"trailing data", "/orders", `{"ID":"7"} {}`, jsonType, 400, "line 1, column 12"},
		{"wrong type", "/orders", `{"ID":"7","Cents":"a lot"}`, jsonType, 400, `field "Cents"`},
		{"wrong shape", "/orders", `[]`, jsonType, 400, "want an object"},
		{"fraction", "/number", `1.5`, jsonType, 400, "a whole number"},
		{"null", "/orders", ` null `, jsonType, 400, "the body is null: want a JSON value for triggers_test.order"},
		{"null for a number", "/number", `null`, jsonType, 400, "the body is null"},
		{"not UTF-8", "/orders", "{\"ID\":\"\xff\xfe\"}", jsonType, 400, "not UTF-8: line 1, column 8"},
		{"half a character", "/orders", `{"ID":"\ud800"}`, jsonType, 400, `\ud800 stands alone`},
		{"array for none", "/none", `[1]`, jsonType, 400, "want an object"},
		{"wrong media type", "/orders", `{"ID":"7"}`, "text/plain", 415, "application/json"},
		{"form", "/orders", `ID=7`, "application/x-www-form-urlencoded", 415, "application/json"},
		{"too large", "/orders", large, jsonType, 413, "1048576 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := &host{t, h.client, h.http, h.url}
			got := h.do("POST", tc.path, tc.body, "Content-Type", tc.kind)
			if got.code != tc.code || !strings.Contains(got.message(), tc.says) {
				t.Errorf("got %d %s, want %d with %q", got.code, got.body, tc.code, tc.says)
			}
		})
	}
}

func TestStartIsAnsweredWithItsLinks(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(), triggers.HTTP("POST /orders", orders))
	got := h.do("POST", "/orders", `{"ID":"7"}`, "Content-Type", jsonType)
	var links map[string]string
	if err := json.Unmarshal([]byte(got.body), &links); err != nil {
		t.Fatal(err)
	}
	if got.code != 202 || got.header.Get("Retry-After") != "10" || got.header.Get("Location") != links["statusQueryGetUri"] {
		t.Errorf("got %d, Retry-After %q, Location %q", got.code, got.header.Get("Retry-After"), got.header.Get("Location"))
	}
	want := h.url + httpapi.BasePath + "/instances/" + links["id"] + "?"
	if !strings.HasPrefix(links["statusQueryGetUri"], want) || len(links) != 8 {
		t.Errorf("links %v, want eight, the status at %s", links, want)
	}
}

func TestWrongMethodIsToldTheRightOne(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(), triggers.HTTP("POST /orders", orders))
	if got := h.do("DELETE", "/orders", ""); got.code != 405 || got.header.Get("Allow") != "POST" {
		t.Errorf("got %d, Allow %q, want 405 and POST", got.code, got.header.Get("Allow"))
	}
	if got := h.do("POST", "/nowhere", ""); got.code != 404 {
		t.Errorf("got %d, want 404", got.code)
	}
}

func TestInstanceIDComesFromTheRequest(t *testing.T) {
	t.Parallel()
	id := triggers.ID(func(r *http.Request) string { return r.PathValue("id") })
	h := serve(t, dtstest.Start(t).Client(), triggers.HTTP("PUT /orders/{id}", orders, id), triggers.HTTP("PUT /orders/", orders, id))
	put := func(path string) answer { return h.do("PUT", path, `{}`, "Content-Type", jsonType) }
	if got := h.started(put("/orders/o-7")).ID; got != "o-7" {
		t.Errorf("id %q, want o-7", got)
	}
	if got := put("/orders/o-7"); got.code != 409 || !strings.Contains(got.message(), "o-7") {
		t.Errorf("again: %d %s, want 409", got.code, got.body)
	}
	if got := h.started(put("/orders/")).ID; len(got) != 32 {
		t.Errorf("id %q, want a made-up one", got)
	}
	for _, bad := range []string{"@o", "a%2Fb", "a%5Cb", "a%23b", "a%3Fb", "a%00b", "%FF", strings.Repeat("a", 101)} {
		if got := put("/orders/" + bad); got.code != 400 {
			t.Errorf("%s: %d %s, want 400", bad, got.code, got.body)
		}
	}
}

func TestPagesOfOtherOriginsStartNothing(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(),
		triggers.HTTP("POST /orders", none),
		triggers.HTTP("POST /open", none, triggers.CrossOrigin()),
		triggers.HTTPFunc("POST /plain", func(http.ResponseWriter, *http.Request) {}))
	for _, tc := range []struct {
		path, header, value string
		code                int
	}{
		{"/orders", "Origin", "https://evil.example", 403},
		{"/orders", "Sec-Fetch-Site", "cross-site", 403},
		{"/orders", "Sec-Fetch-Site", "same-origin", 202},
		{"/orders", "Origin", h.url, 202},
		{"/orders", "User-Agent", "curl", 202},
		{"/open", "Sec-Fetch-Site", "cross-site", 202},
		{"/plain", "Sec-Fetch-Site", "cross-site", 403},
		{"/plain", "User-Agent", "curl", 200},
	} {
		if got := h.do("POST", tc.path, "", tc.header, tc.value); got.code != tc.code {
			t.Errorf("%s with %s: %s: %d, want %d", tc.path, tc.header, tc.value, got.code, tc.code)
		} else if tc.code == 403 && !strings.HasPrefix(got.body, `{"message":"web pages of other origins`) {
			t.Errorf("%s is refused with %q, want an object with a message", tc.path, got.body)
		}
	}
}

func TestPlainHandlerFindsTheClient(t *testing.T) {
	t.Parallel()
	c := dtstest.Start(t).Client()
	h := serve(t, c,
		triggers.HTTPFunc("POST /start/{city}", func(w http.ResponseWriter, r *http.Request) {
			instance, err := cities.StartNew(r.Context(), framework.ClientFrom(r.Context()), []string{r.PathValue("city")})
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			framework.CheckStatus(w, r, instance.ID)
		}),
		triggers.HTTPFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("no") }),
	)
	got := h.do("POST", "/start/Faro", "")
	if in := h.started(got); string(in.Input) != `["Faro"]` || got.header.Get("Location") == "" {
		t.Errorf("input %s, Location %q", in.Input, got.header.Get("Location"))
	}
	if got := h.do("GET", "/panic", ""); got.code != 500 {
		t.Errorf("panic: %d, want 500", got.code)
	}
	if framework.ClientFrom(t.Context()) != nil {
		t.Error("a client in a context that came through no trigger")
	}
}

func TestStartsAreKeptOverAPowerCut(t *testing.T) {
	t.Parallel()
	s := dtstest.Start(t)
	h := serve(t, s.Client(), triggers.HTTP("POST /number", number))
	const callers = 8
	var (
		mu       sync.Mutex
		accepted = make(map[string]string)
		group    sync.WaitGroup
	)
	for caller := range callers {
		group.Go(func() {
			for i := range 10 {
				input := fmt.Sprint(100*caller + i)
				var links struct{ ID string }
				got := h.do("POST", "/number", input, "Content-Type", jsonType)
				if got.code != 202 || json.Unmarshal([]byte(got.body), &links) != nil {
					t.Errorf("got %d %s", got.code, got.body)
					continue
				}
				mu.Lock()
				accepted[links.ID] = input
				mu.Unlock()
			}
		})
	}
	group.Wait()
	s.Crash()
	for id, input := range accepted {
		if in, err := h.client.Instance(t.Context(), id); err != nil || string(in.Input) != input {
			t.Errorf("instance %s after the cut: %v, %v, want input %s", id, in, err, input)
		}
	}
	if len(accepted) != callers*10 {
		t.Errorf("%d starts were accepted, want %d", len(accepted), callers*10)
	}
}

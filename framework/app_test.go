package framework_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

var (
	shout = durable.NewActivity("shout", func(_ context.Context, s string) (string, error) { return strings.ToUpper(s), nil })
	greet = durable.NewOrchestrator("greet", func(ctx *durable.Context, name string) (string, error) { return shout.Call(ctx, name) })
	other = durable.NewOrchestrator("other", func(*durable.Context, durable.None) (durable.None, error) { return durable.None{}, nil })
)

// newApp returns an app that listens on free ports and says when it is ready.
func newApp(c *dts.Client, ready chan<- framework.Ready, opts ...framework.Option) *framework.App {
	opts = append([]framework.Option{
		framework.Set("listen", "127.0.0.1:0"),
		framework.Set("admin-listen", "127.0.0.1:0"),
		framework.WithClient(c),
		framework.WithLogger(slog.New(slog.DiscardHandler)),
		framework.OnReady(func(r framework.Ready) { ready <- r }),
	}, opts...)
	return framework.New("test", opts...)
}

func TestHostWhosePortIsTakenTakesNoWork(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var log bytes.Buffer
	err = newApp(dtstest.Start(t).Client(), make(chan framework.Ready, 1),
		framework.Set("listen", other.Addr().String()), framework.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
	).Add(shout).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("error %v, want one about the port", err)
	}
	if strings.Contains(log.String(), "worker connected") {
		t.Errorf("the worker was connected before the port was looked at:\n%s", &log)
	}
}

// run runs an app until the test ends or stop is called.
func run(t *testing.T, app *framework.App, ready <-chan framework.Ready) (r framework.Ready, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	select {
	case r = <-ready:
	case err := <-ended:
		ended <- err
		t.Fatalf("the app ended: %v", err)
	}
	return r, stop
}

// browser is an HTTP client whose connections end with the test.
func browser(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func call(t *testing.T, c *http.Client, method, url, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestRequestBecomesAnOrchestrationWithAResult(t *testing.T) {
	t.Parallel()
	c := dtstest.Start(t).Client()
	ready := make(chan framework.Ready, 1)
	app := newApp(c, ready, framework.Set("management-api", "true")).Add(shout, greet).On(triggers.HTTP("POST /api/greet", greet))
	at, _ := run(t, app, ready)

	want := []framework.Route{{Method: "POST", Pattern: "/api/greet", Orchestrator: "greet", Sample: json.RawMessage(`"text"`)}}
	if diff := cmp.Diff(want, at.Routes); diff != "" {
		t.Error(diff)
	}
	b := browser(t)
	if resp, _ := call(t, b, "GET", "http://"+at.Admin+"/readyz", ""); resp.StatusCode != 200 {
		t.Errorf("/readyz: %d", resp.StatusCode)
	}
	resp, body := call(t, b, "POST", "http://"+at.Listen+"/api/greet", `"ana"`)
	if resp.StatusCode != 202 {
		t.Fatalf("start: %d %s", resp.StatusCode, body)
	}
	var links struct{ ID, StatusQueryGetURI string }
	if err := json.Unmarshal([]byte(body), &links); err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("Location") != links.StatusQueryGetURI {
		t.Errorf("Location %q, want %q", resp.Header.Get("Location"), links.StatusQueryGetURI)
	}
	if _, err := c.Wait(t.Context(), links.ID); err != nil {
		t.Fatal(err)
	}
	resp, body = call(t, b, "GET", links.StatusQueryGetURI, "")
	if resp.StatusCode != 200 || !strings.Contains(body, `"output":"ANA"`) {
		t.Errorf("status: %d %s, want the result", resp.StatusCode, body)
	}
}

func TestManagementAPIIsOffUnlessItIsSet(t *testing.T) {
	t.Parallel()
	ready := make(chan framework.Ready, 1)
	app := newApp(dtstest.Start(t).Client(), ready).Add(shout, greet).On(triggers.HTTP("POST /api/greet", greet))
	at, _ := run(t, app, ready)
	b := browser(t)
	resp, body := call(t, b, "POST", "http://"+at.Listen+"/api/greet", `"ana"`)
	var fields map[string]string
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 202 || len(fields) != 1 || fields["id"] == "" || resp.Header.Get("Location") != "" {
		t.Errorf("got %d %s, Location %q, want the id alone", resp.StatusCode, body, resp.Header.Get("Location"))
	}
	if resp, _ := call(t, b, "GET", "http://"+at.Listen+"/runtime/webhooks/durabletask/instances", ""); resp.StatusCode != 404 {
		t.Errorf("management: %d, want 404", resp.StatusCode)
	}
}

func TestRolesShareTheWork(t *testing.T) {
	t.Parallel()
	c := dtstest.Start(t).Client()
	apiReady, workerReady := make(chan framework.Ready, 1), make(chan framework.Ready, 1)
	build := func(role string, ready chan framework.Ready) *framework.App {
		return newApp(c, ready, framework.Set("role", role)).Add(shout, greet).On(triggers.HTTP("POST /api/greet", greet))
	}
	api, _ := run(t, build("api", apiReady), apiReady)
	_, body := call(t, browser(t), "POST", "http://"+api.Listen+"/api/greet", `"ana"`)
	var started struct{ ID string }
	if err := json.Unmarshal([]byte(body), &started); err != nil {
		t.Fatal(err)
	}
	if in, err := c.Instance(t.Context(), started.ID); err != nil || in.Status != dts.StatusPending {
		t.Errorf("without a worker: %v, %v, want it pending", in, err)
	}
	worker, _ := run(t, build("worker", workerReady), workerReady)
	if worker.Listen != "" || worker.Admin == "" {
		t.Errorf("worker listens on %q and %q, want the admin listener alone", worker.Listen, worker.Admin)
	}
	if in, err := c.Wait(t.Context(), started.ID); err != nil || in.Status != dts.StatusCompleted {
		t.Errorf("with a worker: %v, %v", in, err)
	}
}

func TestAppRunsAgainAfterAStop(t *testing.T) {
	t.Parallel()
	ready := make(chan framework.Ready, 1)
	app := newApp(dtstest.Start(t).Client(), ready).Add(shout, greet).On(triggers.HTTP("POST /api/greet", greet))
	for range 2 {
		at, stop := run(t, app, ready)
		if resp, _ := call(t, browser(t), "POST", "http://"+at.Listen+"/api/greet", `"ana"`); resp.StatusCode != 202 {
			t.Errorf("start: %d", resp.StatusCode)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestStopDuringStartIsAnOrderlyEnd(t *testing.T) {
	t.Parallel()
	// The scheduler is away, so the worker never becomes ready.
	app := newApp(away(t), nil).Add(shout, greet).On(triggers.HTTP("POST /api/greet", greet))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := app.Run(ctx); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

func TestSchedulerThatIsAwayIs503(t *testing.T) {
	t.Parallel()
	ready := make(chan framework.Ready, 1)
	app := newApp(away(t), ready, framework.Set("role", "api")).Add(shout, greet).On(triggers.HTTP("POST /api/greet", greet))
	at, _ := run(t, app, ready)
	resp, body := call(t, browser(t), "POST", "http://"+at.Listen+"/api/greet", `"ana"`)
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "message") {
		t.Errorf("got %d, Retry-After %q, %s", resp.StatusCode, resp.Header.Get("Retry-After"), body)
	}
}

func TestEveryMistakeOfRegistrationIsReturnedAtOnce(t *testing.T) {
	t.Parallel()
	app := newApp(away(t), nil, framework.Set("management-api", "true")).
		Add(shout, shout, nil, durable.ActivityNamed[int, int]("elsewhere")).
		On(
			nil,
			triggers.HTTP("POST /api/greet", greet),
			triggers.HTTP("POST /api/{any}", other),
			triggers.HTTPFunc("GET /api/{id}", http.NotFound),
			triggers.HTTPFunc("GET /api/{name}", http.NotFound),
			triggers.HTTPFunc("POST orders", http.NotFound),
			triggers.HTTPFunc("GET /Runtime/Webhooks/durabletask/mine", http.NotFound),
			triggers.HTTPFunc("GET /nil", nil),
		)
	err := app.Run(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`activity "shout" is added twice`,
		"definition 3 of 4 is nil",
		`activity "elsewhere" has no function`,
		"trigger 1 of 8 is nil",
		`trigger "POST /api/greet": orchestrator "greet" is not registered`,
		`trigger "POST /api/{any}": orchestrator "other" is not registered`,
		"with app.Add, or use durable.OrchestratorNamed if it runs in another app",
		"app_test.go:",
		`trigger "GET /api/{name}": its pattern "GET /api/{name}" and "GET /api/{id}" of trigger "GET /api/{id}" match the same requests`,
		`trigger "POST orders": not a pattern of net/http`,
		`trigger "GET /Runtime/Webhooks/durabletask/mine": paths under /runtime/webhooks/durabletask belong to the management API`,
		`trigger "GET /nil": the handler is nil`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not contain %q:\n%v", want, err)
		}
	}
}

func TestOrchestratorOfAnotherAppNeedNotBeAdded(t *testing.T) {
	t.Parallel()
	c := dtstest.Start(t).Client()
	ready := make(chan framework.Ready, 1)
	elsewhere := durable.OrchestratorNamed[string, string]("elsewhere")
	at, _ := run(t, newApp(c, ready).On(triggers.HTTP("POST /", elsewhere)), ready)
	if resp, body := call(t, browser(t), "POST", "http://"+at.Listen+"/", `"x"`); resp.StatusCode != 202 {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
}

func TestWorkerWithoutFunctionsIsRefused(t *testing.T) {
	t.Parallel()
	err := newApp(away(t), nil, framework.Set("role", "worker")).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "app.Add") {
		t.Errorf("got %v, want the way out", err)
	}
}

func TestMiddlewareSeesEveryFunction(t *testing.T) {
	t.Parallel()
	c := dtstest.Start(t).Client()
	ready := make(chan framework.Ready, 1)
	var (
		mu   sync.Mutex
		seen = make(map[string]bool)
	)
	app := newApp(c, ready).Add(shout, greet).Use(func(next durable.Handler) durable.Handler {
		return func(ctx context.Context, call *durable.Call) ([]byte, error) {
			mu.Lock()
			seen[fmt.Sprint(call.Kind, " ", call.Name)] = true
			mu.Unlock()
			return next(ctx, call)
		}
	})
	run(t, app, ready)
	instance, err := greet.StartNew(t.Context(), c, "ana")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := instance.Wait(t.Context()); err != nil || got != "ANA" {
		t.Errorf("got %q, %v", got, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := map[string]bool{"orchestrator greet": true, "activity shout": true}; !cmp.Equal(want, seen) {
		t.Errorf("saw %v, want %v", seen, want)
	}
}

// fetcher is a trigger that fetches.
type fetcher struct {
	fetch       func(context.Context) error
	definitions []durable.Definition
	bindErr     error
}

func (f fetcher) Describe() framework.TriggerInfo {
	return framework.TriggerInfo{Kind: "fetch", Name: "fetcher"}
}
func (f fetcher) Definitions() []durable.Definition { return f.definitions }
func (f fetcher) Bind(b *framework.Binder) error {
	b.Go("fetcher", f.fetch)
	return f.bindErr
}

func TestTriggerThatFetchesRunsUntilTheStop(t *testing.T) {
	t.Parallel()
	c := dtstest.Start(t).Client()
	ready := make(chan framework.Ready, 1)
	running, stopped := make(chan struct{}), make(chan struct{})
	app := newApp(c, ready).On(fetcher{
		definitions: []durable.Definition{shout, greet},
		fetch: func(ctx context.Context) error {
			close(running)
			<-ctx.Done()
			// Everything that the trigger may need is still there.
			_, err := greet.StartNew(context.WithoutCancel(ctx), c, "last")
			close(stopped)
			return err
		},
	})
	_, stop := run(t, app, ready)
	<-running
	if err := stop(); err != nil {
		t.Error(err)
	}
	select {
	case <-stopped:
	default:
		t.Error("Run returned before the trigger")
	}
}

func TestTriggerThatFailsStopsTheHost(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	ready := make(chan framework.Ready, 1)
	app := newApp(dtstest.Start(t).Client(), ready).On(fetcher{fetch: func(context.Context) error { return boom }})
	if err := app.Run(t.Context()); !errors.Is(err, boom) {
		t.Errorf("Run = %v, want boom", err)
	}
	app = newApp(away(t), ready).On(fetcher{bindErr: boom})
	if err := app.Run(t.Context()); !errors.Is(err, boom) || !strings.Contains(err.Error(), `trigger "fetcher"`) {
		t.Errorf("Run = %v, want boom with the trigger's name", err)
	}
}

func TestStopUnderLoadLosesNoStart(t *testing.T) {
	t.Parallel()
	c := dtstest.Start(t).Client()
	ready := make(chan framework.Ready, 1)
	app := newApp(c, ready).Add(shout, greet).On(triggers.HTTP("POST /api/greet", greet))
	at, stop := run(t, app, ready)
	b := browser(t)
	var (
		mu       sync.Mutex
		accepted []string
		callers  sync.WaitGroup
	)
	warm := make(chan struct{}, 100)
	for range 8 {
		callers.Go(func() {
			for {
				resp, err := b.Post("http://"+at.Listen+"/api/greet", "application/json", strings.NewReader(`"ana"`))
				if err != nil {
					return // the host is gone
				}
				var started struct{ ID string }
				err = json.NewDecoder(resp.Body).Decode(&started)
				resp.Body.Close()
				if err == nil && resp.StatusCode == 202 {
					mu.Lock()
					accepted = append(accepted, started.ID)
					mu.Unlock()
				}
				select {
				case warm <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 40 {
		<-warm
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	callers.Wait()
	if len(accepted) == 0 {
		t.Fatal("no start was accepted")
	}
	// Another host finishes what the first one left.
	run(t, app, ready)
	for _, id := range accepted {
		if in, err := c.Wait(t.Context(), id); err != nil || in.Status != dts.StatusCompleted {
			t.Errorf("instance %s: %+v, %v", id, in, err)
		}
	}
}

// away returns a client of a scheduler that nobody can reach.
func away(t *testing.T) *dts.Client {
	t.Helper()
	c, err := dts.Dial(dts.ConnectionString{Authentication: dts.AuthNone}, dts.WithConn(nowhere{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

type nowhere struct{}

var errAway = status.Error(codes.Unavailable, "away")

func (nowhere) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return errAway }

func (nowhere) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errAway
}

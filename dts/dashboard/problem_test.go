package dashboard_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dashboard"
)

// broken is a connection on which every call fails.
type broken struct{ fail func(context.Context) error }

func (b broken) Invoke(ctx context.Context, _ string, _, _ any, _ ...grpc.CallOption) error {
	return b.fail(ctx)
}

func (b broken) NewStream(ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, b.fail(ctx)
}

// over makes the world's dashboard one over a connection that fails.
func (w *world) over(fail func(context.Context) error) {
	w.t.Helper()
	c, err := dts.Dial(dts.ConnectionString{TaskHub: "default", Endpoint: "http://127.0.0.1:1"}, dts.WithConn(broken{fail}))
	if err != nil {
		w.t.Fatal(err)
	}
	w.dashboard = dashboard.New(c)
}

func TestErrorsOfTheSchedulerAreExplained(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for _, tc := range []struct {
			code   codes.Code
			status int
			text   string
		}{
			{codes.Unavailable, http.StatusServiceUnavailable, "The scheduler does not answer"},
			{codes.Unimplemented, http.StatusNotImplemented, "This scheduler cannot do that"},
			{codes.FailedPrecondition, http.StatusConflict, "Not possible in this state"},
			{codes.InvalidArgument, http.StatusBadRequest, "that cannot be asked"},
			{codes.PermissionDenied, http.StatusBadGateway, "answered with an error"},
			{codes.Internal, http.StatusBadGateway, "answered with an error"},
		} {
			w.over(func(context.Context) error { return status.Error(tc.code, "<i>why</i>") })
			for _, target := range []string{list, page + "a-1", "/hubs/default/act/purge?id=a-1", "/hubs/default/payload?id=a-1&of=input", "/hubs/default/entity?id=@a@b"} {
				a := w.get(target)
				a.want(t, tc.status, "<i>why</i>")
				if !strings.Contains(strings.ToLower(a.text()), strings.ToLower(tc.text)) {
					t.Errorf("%s: the answer has no %q:\n%s", target, tc.text, a.text())
				}
				wantTame(t, target, a)
				if away := tc.status >= http.StatusServiceUnavailable; away != strings.Contains(a.body, "data-refresh") {
					t.Errorf("%s: a page with status %d refreshes: %t, want %t", target, tc.status, !away, away)
				}
			}
		}
	})
}

func TestSchedulerThatHangsIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.over(func(ctx context.Context) error {
			<-ctx.Done()
			return status.FromContextError(ctx.Err()).Err()
		})
		began := time.Now()
		w.get(list).want(t, http.StatusGatewayTimeout, "The scheduler took too long")
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the page took %v, want at most 10 s", took)
		}
	})
}

func TestSchedulerWithoutCountsOrHistoriesHasPagesAllTheSame(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("wait", "a-1", "1")
		c, err := dts.Dial(dts.ConnectionString{TaskHub: "default"}, dts.WithConn(partly{w.Conn()}))
		if err != nil {
			t.Fatal(err)
		}
		w.dashboard = dashboard.New(c)
		a := w.get(list)
		a.want(t, http.StatusOK, "a-1")
		a.wantNo(t, "waiting")
		w.get(page+"a-1").want(t, http.StatusOK, "a-1 Running", "This scheduler does not give histories.")
	})
}

// partly is a scheduler that counts nothing and gives no histories.
type partly struct{ grpc.ClientConnInterface }

func (p partly) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if strings.HasSuffix(method, "/GetMetrics") {
		return status.Error(codes.Unimplemented, "no")
	}
	return p.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

func (partly) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no")
}

func TestAddressesThatLeadNowhereSaySo(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for target, want := range map[string]string{
			"/nothing":                              "There is no such page",
			"/hubs/default/nothing":                 "There is no such page",
			"/hubs/other/instances":                 "There is no such task hub",
			page + "gone":                           "There is no such orchestration",
			"/hubs/default/entity?id=@cart@gone":    "There is no such entity",
			"/hubs/default/act/terminate?id=gone":   "There is no such orchestration",
			"/hubs/default/act/explode?id=anything": "There is no such action",
			"/static/nothing":                       "there is no such file",
			"/static/..%2Fpage%2Flayout.html":       "there is no such file",
		} {
			w.get(target).want(t, http.StatusNotFound, want)
		}
		w.get("/hubs/default/entity?id=cart").want(t, http.StatusBadRequest, "That is no id of an entity")
		w.get(page).want(t, http.StatusBadRequest, "instance id is empty")
	})
}

// several are hubs of one scheduler.
type several struct {
	names []string
	open  func(string) (*dts.Client, error)
}

func (s *several) Names() []string                        { return s.names }
func (s *several) Client(hub string) (*dts.Client, error) { return s.open(hub) }

func TestHubsAreListedAndKeptApart(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		hubs := &several{open: func(hub string) (*dts.Client, error) {
			if hub == "broken" {
				return nil, errors.New("no way in")
			}
			return dts.Dial(dts.ConnectionString{TaskHub: hub}, dts.WithConn(w.Conn()))
		}}
		w.dashboard = dashboard.ForHubs(hubs)
		w.get("/").want(t, http.StatusOK, "This scheduler has no task hub yet.")

		w.begin("echo", "a-1", "1")
		hubs.names = []string{"default"}
		for _, target := range []string{"/", "/hubs/default", "/hubs/default/"} {
			if a := w.get(target); a.status != http.StatusFound || a.header.Get("Location") != list {
				t.Errorf("%s: status %d to %q, want 302 to the list", target, a.status, a.header.Get("Location"))
			}
		}
		hubs.names = []string{"broken", "default"}
		home := w.get("/")
		home.want(t, http.StatusOK, "broken", "default")
		w.follow(home, "default").want(t, http.StatusOK, "a-1")
		w.follow(home, "broken").want(t, http.StatusBadGateway, "no way in")
		w.get("/hubs/made-up/instances").want(t, http.StatusNotFound, "No task hub is called made-up.")
	})
}

func TestStaticFilesAreAskedForOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		for name, kind := range map[string]string{"live.js": "text/javascript", "style.css": "text/css", "icon.svg": "image/svg+xml"} {
			a := w.get("/static/" + name)
			a.want(t, http.StatusOK)
			if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, kind) {
				t.Errorf("%s has the type %q, want %q", name, got, kind)
			}
			if strings.Contains(strings.ReplaceAll(a.body, "http://www.w3.org/2000/svg", ""), "://") {
				t.Errorf("%s asks another site for something", name)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/static/"+name, http.NoBody)
			r.Host = "localhost"
			r.Header.Set("If-None-Match", a.header.Get("ETag"))
			if again := do(w.dashboard, r); again.status != http.StatusNotModified || again.body != "" {
				t.Errorf("%s asked for again: status %d with %d bytes, want 304", name, again.status, len(again.body))
			}
		}
	})
}

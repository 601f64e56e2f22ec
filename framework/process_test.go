package framework

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slowPart is a runner that is ready after a while and takes a while to stop.
type slowPart struct {
	starts, stops time.Duration
	ready         chan struct{}
}

func newSlowPart(starts, stops time.Duration) *slowPart {
	return &slowPart{starts, stops, make(chan struct{})}
}

func (s *slowPart) Ready() <-chan struct{} { return s.ready }

func (s *slowPart) Run(ctx context.Context) error {
	time.Sleep(s.starts)
	close(s.ready)
	<-ctx.Done()
	time.Sleep(s.stops)
	return nil
}

func TestProbesTellTheStateOfTheProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewProcess("test", Config{AdminListen: listenNone, Logger: quiet})
		p.Add("slow", newSlowPart(10*time.Second, 10*time.Second))
		probe := func(path string, status int, body string) {
			t.Helper()
			w := httptest.NewRecorder()
			p.adminHandler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if got := strings.TrimSpace(w.Body.String()); w.Code != status || got != body {
				t.Errorf("%s: %d %q, want %d %q", path, w.Code, got, status, body)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()

		time.Sleep(5 * time.Second)
		probe("/readyz", 503, "starting")
		probe("/healthz", 200, "live")
		time.Sleep(10 * time.Second)
		probe("/readyz", 200, "ready")
		cancel()
		time.Sleep(5 * time.Second)
		probe("/readyz", 503, "draining")
		probe("/healthz", 200, "live")
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestPauseKeepsServingForLoadBalancers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewProcess("test", Config{AdminListen: listenNone, Logger: quiet})
		served := newSlowPart(0, 0)
		p.Add("listener", served)
		p.addPause("load balancers", 12*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != time.Minute+12*time.Second {
			t.Errorf("ended after %v, want the minute and the pause", took)
		}
	})
}

func TestAdminListenerServesOnLoopback(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	ready := make(chan string, 1)
	p := NewProcess("test", Config{Logger: quiet, OnReady: func(admin net.Addr) { ready <- admin.String() }})
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	address := <-ready
	if !strings.HasPrefix(address, "127.0.0.1:") {
		t.Errorf("admin listener on %s, want loopback", address)
	}
	c := client(t)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/debug": 404} {
		if status, _ := get(t, c, "http://"+address+path); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTakenAdminPortNamesItsFlag(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, nil, quiet, time.Minute)
	p := NewProcess("test", Config{AdminListen: strings.TrimPrefix(url, "http://"), AdminFlag: "--admin-port", Logger: quiet})
	if err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--admin-port") {
		t.Errorf("error %v, want one with the flag", err)
	}
}

func TestAdminListenerShowsMetricsAndFurtherRoutes(t *testing.T) {
	t.Parallel()
	p := NewProcess("test", Config{Logger: quiet, AdminRoutes: map[string]http.Handler{
		"POST /more": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answerProbe(w, http.StatusOK, "more") }),
	}})
	started, err := p.MeterProvider().Meter("test").Int64Counter("starts")
	if err != nil {
		t.Fatal(err)
	}
	started.Add(t.Context(), 2)
	for path, want := range map[string]string{"GET /metrics": "\nstarts_total 2\n", "POST /more": "more"} {
		method, path, _ := strings.Cut(path, " ")
		w := httptest.NewRecorder()
		p.adminHandler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %q, want %q in it", path, w.Code, w.Body, want)
		}
	}
}

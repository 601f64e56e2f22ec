package framework

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/framework/internal/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// serve runs a listener until the test ends or stop is called, which returns
// what Run returned.
func serve(t *testing.T, h http.Handler, logger *slog.Logger, budget time.Duration) (url string, stop func() error) {
	t.Helper()
	l := newListener("127.0.0.1:0", "--listen", h, 100, logger)
	group := &lifecycle.Group{
		Steps:  []lifecycle.Step{{Name: "public listener", Runner: l}},
		Budget: budget,
		Logger: logger,
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- group.Run(ctx) }()
	select {
	case <-l.Ready():
	case err := <-ended:
		t.Fatalf("the listener ended: %v", err)
	}
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	return "http://" + l.address().String(), stop
}

// client is one per test, so that each can close its idle connections.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func get(t *testing.T, c *http.Client, url string) (status int, body string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestPanicOfAHandlerIsAnsweredAndLogged(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	mux := http.NewServeMux()
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("canary in the code") })
	mux.HandleFunc("/fine", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") })
	url, _ := serve(t, mux, slog.New(slog.NewJSONHandler(&log, nil)), time.Minute)
	c := client(t)
	if status, body := get(t, c, url+"/panic"); status != 500 || strings.Contains(body, "canary") {
		t.Errorf("panic: %d %q, want 500 without the detail", status, body)
	}
	if status, body := get(t, c, url+"/fine"); status != 200 || body != "fine" {
		t.Errorf("afterwards: %d %q, want the host alive", status, body)
	}
	if got := log.String(); !strings.Contains(got, "canary in the code") || !strings.Contains(got, "listener_test.go") {
		t.Errorf("log %q, want the panic and its stack", got)
	}
}

func TestPanicInHalfAnAnswerCutsTheConnection(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic("no more")
	}), quiet, time.Minute)
	resp, err := client(t).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("read %q as a whole answer", body)
	}
}

func TestTooManyRequestsAtOnceAreRefused(t *testing.T) {
	t.Parallel()
	inside, release := make(chan struct{}), make(chan struct{})
	g := &guard{logger: quiet, slots: make(chan struct{}, 1), next: http.HandlerFunc(
		func(http.ResponseWriter, *http.Request) {
			inside <- struct{}{}
			<-release
		})}
	url, _ := serve(t, g, quiet, time.Minute)
	c := client(t)
	first := make(chan struct{})
	go func() {
		defer close(first)
		if resp, err := c.Get(url); err == nil {
			resp.Body.Close()
		}
	}()
	<-inside
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, Retry-After %q, want 429 with a hint", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	close(release)
	<-first
}

func TestStopUnderLoadFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	const requests = 20
	inside, release := make(chan struct{}, requests), make(chan struct{})
	url, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		inside <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "done")
	}), quiet, time.Minute)
	c := client(t)
	answers := make(chan string, requests)
	for range requests {
		go func() {
			resp, err := c.Get(url)
			if err != nil {
				answers <- err.Error()
				return
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			answers <- string(body)
		}()
	}
	for range requests {
		<-inside
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	close(release)
	for range requests {
		if got := <-answers; got != "done" {
			t.Errorf("a running request got %q", got)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := c.Get(url); err == nil {
		t.Error("a request after the stop was answered")
	}
}

func TestStopCutsRequestsThatOutstayTheBudget(t *testing.T) {
	t.Parallel()
	inside := make(chan struct{})
	ended := make(chan error, 1)
	url, stop := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(inside)
		<-r.Context().Done()
		ended <- r.Context().Err()
	}), quiet, 20*time.Millisecond)
	c := client(t)
	answered := make(chan error, 1)
	go func() {
		resp, err := c.Get(url)
		if err == nil {
			resp.Body.Close()
		}
		answered <- err
	}()
	<-inside
	if err := stop(); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	default:
		t.Error("Run returned before the handler")
	}
	if err := <-answered; err == nil {
		t.Error("the request was answered")
	}
}

func TestTakenPortIsExplained(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	l := newListener(other.Addr().String(), "--listen", http.NotFoundHandler(), 1, quiet)
	err = l.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "in use by another process") || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("error %v, want a sentence and the flag", err)
	}
}

func TestAddressThatDoesNotExistIsExplained(t *testing.T) {
	t.Parallel()
	err := newListener("127.0.0.1:99999", "--listen", http.NotFoundHandler(), 1, quiet).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "--listen=127.0.0.1:8000") {
		t.Errorf("error %v, want an example", err)
	}
}

func TestHeadersAreLimited(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, http.NotFoundHandler(), quiet, time.Minute)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Large", strings.Repeat("a", 2*maxHeaderBytes))
	resp, err := client(t).Do(req)
	if err != nil {
		if errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "pipe") {
			return // refused while we were still writing
		}
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d, want 431", resp.StatusCode)
	}
}

// lockedBuffer takes a log that goroutines of a server write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

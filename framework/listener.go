package framework

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/funchost/funchost/framework/httpapi"
	"github.com/funchost/funchost/framework/internal/lifecycle"
)

// The bounds of every HTTP listener of a host.
const (
	maxHeaderBytes    = 64 << 10
	readHeaderTimeout = 10 * time.Second
	readTimeout       = time.Minute // headers and body together
	writeTimeout      = 5 * time.Minute
	idleTimeout       = 2 * time.Minute
	maxProbes         = 64 // at once, on the admin listener
)

// listener is a [Runner] that serves a handler on one address.
type listener struct {
	listen  string
	flag    string       // what to change when the address is taken
	given   net.Listener // nil to open one
	handler http.Handler
	atOnce  int    // requests; more are answered 429
	onStop  func() // called when the listener begins to stop; may be nil
	logger  *slog.Logger
	ready   chan struct{}
	addr    net.Addr // set before ready is closed
}

func newListener(listen, flag string, h http.Handler, atOnce int, logger *slog.Logger) *listener {
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	return &listener{listen: listen, flag: flag, handler: h, atOnce: atOnce, logger: logger, ready: make(chan struct{})}
}

// Ready is closed when connections are accepted.
func (l *listener) Ready() <-chan struct{} { return l.ready }

// address returns where the listener serves. It is nil for a nil listener and
// before ready.
func (l *listener) address() net.Addr {
	if l == nil {
		return nil
	}
	return l.addr
}

// Run serves until ctx ends. Requests that are running may then finish within
// the grace of the stop; after it their connections are closed and their
// contexts end.
func (l *listener) Run(ctx context.Context) error {
	socket := l.given
	if socket == nil {
		var err error
		if socket, err = l.open(ctx); err != nil {
			return err
		}
	}
	base, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	guard := &guard{next: l.handler, logger: l.logger, slots: make(chan struct{}, l.atOnce)}
	server := &http.Server{
		Handler:           guard,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(l.logger.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(socket) }()
	l.addr = socket.Addr()
	close(l.ready)

	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", l.listen, err)
	case <-ctx.Done():
	}
	if l.onStop != nil {
		l.onStop()
	}
	if err := server.Shutdown(lifecycle.Grace(ctx)); err != nil {
		l.logger.Warn("requests were cut off by the stop", "error", err)
		_ = server.Close()
	}
	abandon()
	err := <-served
	guard.close()
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", l.listen, err)
	}
	return nil
}

// open takes the address.
func (l *listener) open(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	socket, err := config.Listen(ctx, "tcp", l.listen)
	if err != nil {
		return nil, l.explain(err)
	}
	return socket, nil
}

// freeAddress is a runner that fails if a listener that is started later would. So a
// host whose port is taken ends before its worker has taken work, which it would only
// drop again. It gives the address back: nobody is to wait for a host that is not
// ready.
type freeAddress struct {
	l     *listener
	ready chan struct{}
}

func (f freeAddress) Ready() <-chan struct{} { return f.ready }

func (f freeAddress) Run(ctx context.Context) error {
	socket, err := f.l.open(ctx)
	if err != nil {
		return err
	}
	_ = socket.Close()
	close(f.ready)
	<-ctx.Done()
	return nil
}

func (l *listener) explain(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen on %s: the port is in use by another process\n  choose another with %s, port 0 takes a free one", l.listen, l.flag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listen on %s: permission denied\n  choose a port above 1023 with %s", l.listen, l.flag)
	default:
		return fmt.Errorf("listen on %s: %w\n  set the address with %s, as in %s=127.0.0.1:8000", l.listen, err, l.flag, l.flag)
	}
}

// guard stands before every handler of a listener: it bounds how many requests
// run at once and turns a panic into an answer and a log line.
type guard struct {
	next   http.Handler
	logger *slog.Logger
	slots  chan struct{}

	mu      sync.Mutex
	closed  bool // a connection may still bring a request after the server's Close
	running sync.WaitGroup
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case g.slots <- struct{}{}:
	default:
		w.Header().Set("Retry-After", "1")
		httpapi.WriteError(w, g.logger, &httpapi.Error{Status: http.StatusTooManyRequests, Message: "too many requests at once, try again"})
		return
	}
	defer func() { <-g.slots }()
	if !g.enter() {
		panic(http.ErrAbortHandler)
	}
	defer g.running.Done()
	answer := &answer{ResponseWriter: w}
	defer g.recover(answer, r)
	g.next.ServeHTTP(answer, r)
}

func (g *guard) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.running.Add(1)
	}
	return !g.closed
}

// close refuses further requests and waits for those that run.
func (g *guard) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
}

// recover must be deferred itself, or the panic would pass it by.
func (g *guard) recover(w *answer, r *http.Request) {
	what := recover()
	if what == nil {
		return
	}
	if err, ok := what.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(what)
	}
	g.logger.Error("a request handler panicked", "method", r.Method, "pattern", r.Pattern,
		"error", fmt.Sprint(what), "stack", string(debug.Stack()))
	if w.started {
		// The client must not take half an answer for a whole one.
		panic(http.ErrAbortHandler)
	}
	// The log has it already.
	httpapi.WriteError(w, slog.New(slog.DiscardHandler), &httpapi.Error{Status: http.StatusInternalServerError, Message: "internal error"})
}

// answer remembers whether anything of it was sent.
type answer struct {
	http.ResponseWriter
	started bool
}

func (a *answer) WriteHeader(status int) {
	// An informational answer is followed by the real one.
	a.started = a.started || status >= http.StatusOK
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	a.started = true
	return a.ResponseWriter.Write(p)
}

// Flush is there for handlers that ask for an [http.Flusher].
func (a *answer) Flush() {
	a.started = true
	_ = http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap is how [http.ResponseController] reaches the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

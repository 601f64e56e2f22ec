package framework

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/funchost/funchost/framework/internal/lifecycle"
	"github.com/funchost/funchost/framework/internal/telemetry"
)

// Runner is a long-lived part of a [Process]. Run works until its context ends
// and returns only after everything that it started has ended; nil is an
// orderly end. A Run that returns earlier stops the whole process. Ready is
// closed once, when the runner serves: the next one is started then.
type Runner interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
}

// Config is how a [Process] runs. The zero value works.
type Config struct {
	// AdminListen is the address of the admin listener, which answers /healthz,
	// /readyz and /metrics. Empty means a free port on 127.0.0.1, "none" means no
	// admin listener.
	AdminListen string

	// AdminRoutes are further routes of the admin listener, by the pattern that
	// [http.ServeMux] knows them by.
	AdminRoutes map[string]http.Handler

	// AdminFlag is the flag that the error about a taken admin port names.
	// Empty means "--admin-listen".
	AdminFlag string

	// ShutdownTimeout bounds the whole stop; every runner has a share of it.
	// Zero means 30 seconds.
	ShutdownTimeout time.Duration

	// Logger receives what the process has to say. Nil means standard error:
	// lines for people on a terminal, JSON otherwise.
	Logger *slog.Logger

	// OnReady is called once, when every runner is ready, with the address of
	// the admin listener (nil if there is none). It must not block.
	OnReady func(admin net.Addr)
}

// Process runs named runners: it starts them in the order they were added, each
// when the one before is ready, and stops them in reverse. Its admin listener
// is the first to open and the last to close. A Process is used by one
// goroutine and runs once.
type Process struct {
	name   string
	config Config
	steps  []lifecycle.Step
	state  atomic.Value // of string: what /readyz answers; "" before Run

	metrics    *telemetry.Metrics
	metricsErr error
}

// NewProcess returns a process without runners. The name stands in its log.
func NewProcess(name string, c Config) *Process {
	if c.ShutdownTimeout <= 0 {
		c.ShutdownTimeout = 30 * time.Second
	}
	if c.AdminFlag == "" {
		c.AdminFlag = "--admin-listen"
	}
	p := &Process{name: name, config: c}
	p.metrics, p.metricsErr = telemetry.NewMetrics()
	return p
}

// MeterProvider is where the runners of the process get their meters. What they
// measure is shown at /metrics of the admin listener, in the form of Prometheus.
func (p *Process) MeterProvider() metric.MeterProvider {
	if p.metricsErr != nil {
		return noop.NewMeterProvider() // Run says why
	}
	return p.metrics.Provider()
}

// Add appends a runner. The name stands in logs and errors.
func (p *Process) Add(name string, r Runner) { p.add(name, r, 1) }

// add appends a runner whose share of the shutdown timeout is weight times that
// of an ordinary one.
func (p *Process) add(name string, r Runner, weight int) {
	p.steps = append(p.steps, lifecycle.Step{Name: name, Runner: r, Weight: weight})
}

// Run starts the runners and returns after all of them have stopped: when ctx
// ends (nil, unless a runner failed to stop), or when a runner ends on its own
// (an error). Under a context of [SignalContext] the second signal cuts the
// waiting short.
func (p *Process) Run(ctx context.Context) error {
	if p.metricsErr != nil {
		return fmt.Errorf("collect metrics: %w", p.metricsErr)
	}
	defer func() { _ = p.metrics.Close(context.WithoutCancel(ctx)) }()
	logger := p.config.Logger
	if logger == nil {
		var err error
		if logger, err = telemetry.NewLogger(os.Stderr, telemetry.FormatAuto, "info"); err != nil {
			return err
		}
	}
	logger = logger.With("host", p.name)

	p.state.Store(stateStarting)
	began := time.Now()
	steps := p.steps
	var admin *listener
	if p.config.AdminListen != listenNone {
		admin = newListener(p.config.AdminListen, p.config.AdminFlag, p.adminHandler(), maxProbes, logger)
		steps = append([]lifecycle.Step{{Name: "admin listener", Runner: admin}}, steps...)
	}
	group := &lifecycle.Group{
		Steps:  steps,
		Budget: p.config.ShutdownTimeout,
		Logger: logger,
		OnReady: func() {
			p.state.Store(stateReady)
			logger.Info("ready", "duration", time.Since(began))
			if p.config.OnReady != nil {
				p.config.OnReady(admin.address())
			}
		},
		OnStop: func() {
			p.state.Store(stateDraining)
			began = time.Now()
			logger.Info("draining", "reason", reason(ctx))
		},
	}
	err := group.Run(ctx)
	logger.Info("stopped", "duration", time.Since(began))
	return err
}

// listenNone is the address of a listener that there is not.
const listenNone = "none"

const (
	stateStarting = "starting"
	stateReady    = "ready"
	stateDraining = "draining"
)

func reason(ctx context.Context) string {
	if err := context.Cause(ctx); err != nil {
		return err.Error()
	}
	return "a part of the process has ended"
}

// adminHandler answers the probes of a platform: /healthz is true as long as
// the process can answer at all, /readyz only while it takes work. Metrics and
// the routes of the configuration are beside them.
func (p *Process) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answerProbe(w, http.StatusOK, "live")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		state, _ := p.state.Load().(string)
		status := http.StatusServiceUnavailable
		if state == stateReady {
			status = http.StatusOK
		}
		answerProbe(w, status, state)
	})
	mux.Handle("GET /metrics", p.metrics.Handler())
	for pattern, h := range p.config.AdminRoutes {
		mux.Handle(pattern, h)
	}
	return mux
}

func answerProbe(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// SignalContext returns a context that ends with the first SIGINT or SIGTERM.
// The second one makes a [Process] that runs under the context stop at once
// instead of waiting for its runners, and the third kills as if nobody listened.
// The caller must call stop, which gives the signals back.
func SignalContext(parent context.Context) (ctx context.Context, stop func()) {
	// Room for two: the second may come before the first was looked at.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancelCause(parent)
	var (
		cut    = make(chan struct{})
		over   = make(chan struct{})
		ended  = make(chan struct{})
		stopFn = func() {
			signal.Stop(signals)
			close(over)
			<-ended
			cancel(context.Canceled)
		}
	)
	go func() {
		defer close(ended)
		select {
		case s := <-signals:
			cancel(fmt.Errorf("signal %s", s))
		case <-over:
			return
		}
		select {
		case <-signals:
			signal.Stop(signals)
			close(cut)
		case <-over:
		}
	}()
	return lifecycle.WithCut(ctx, cut), stopFn
}

//go:build unix

package framework

import (
	"context"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/funchost/funchost/framework/internal/lifecycle"
)

func TestSecondSignalCutsTheStop(t *testing.T) { //nolint:paralleltest // the signals go to the whole test process
	kill := func() {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := SignalContext(t.Context())
	defer stop()
	p := NewProcess("test", Config{AdminListen: listenNone, Logger: quiet, ShutdownTimeout: time.Hour, OnReady: func(net.Addr) { kill() }})
	draining := make(chan struct{})
	p.Add("patient", patient{draining})
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	<-draining
	kill()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := context.Cause(ctx).Error(); got != "signal terminated" {
		t.Errorf("cause %q, want the signal", got)
	}
}

func TestStopOfSignalContextEndsIt(t *testing.T) { //nolint:paralleltest // as above
	ctx, stop := SignalContext(t.Context())
	stop()
	if ctx.Err() == nil {
		t.Error("the context lives")
	}
}

// patient drains for as long as it may.
type patient struct{ draining chan struct{} }

func (p patient) Ready() <-chan struct{} { return closed() }

func (p patient) Run(ctx context.Context) error {
	<-ctx.Done()
	close(p.draining)
	<-lifecycle.Grace(ctx).Done()
	return nil
}

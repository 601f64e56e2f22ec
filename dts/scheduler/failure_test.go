package scheduler_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/disk"
	"github.com/funchost/funchost/dts/scheduler"
)

// brokenListener cannot accept anybody.
type brokenListener struct{ net.Listener }

var errNoMore = errors.New("no more connections")

func (brokenListener) Accept() (net.Conn, error) { return nil, errNoMore }

func TestServerWithoutItsListenerStops(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s, err := scheduler.New(scheduler.Config{Listener: brokenListener{l}})
	must(t, err)
	if err := s.Run(t.Context()); !errors.Is(err, errNoMore) {
		t.Errorf("got %v, want %v", err, errNoMore)
	}
}

// TestServerThatCannotOpenAHubLeavesNothingBehind: the hubs before it run already.
func TestServerThatCannotOpenAHubLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	cfg := scheduler.Config{Dir: "data", Disk: disk.On(fs), Listen: "none"}
	s, err := scheduler.New(cfg)
	must(t, err)
	run(t, s, func() {
		for _, hub := range []string{"one", "two", "three"} {
			_, err := dial(t, s, hub).Start(t.Context(), dts.StartRequest{Name: "orc"})
			must(t, err)
		}
	})
	db, err := pebble.Open("data", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
	must(t, err)
	must(t, db.Set([]byte("\x00\x00\x00\x02rx"), []byte{0xff}, pebble.Sync)) // work of the second hub
	must(t, db.Close())
	_, err = scheduler.New(cfg)
	if err == nil || !strings.Contains(err.Error(), `open task hub "two"`) || !strings.Contains(err.Error(), "backup") {
		t.Errorf("got %v", err)
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}

// TestServerStopsWhenItsDiskFails, and whoever waits hears of it.
func TestServerStopsWhenItsDiskFails(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind == errorfs.OpFileWrite {
			return errors.New("disk on fire")
		}
		return nil
	}))
	s, err := scheduler.New(scheduler.Config{Dir: "data", Disk: disk.On(fs), Listen: "none"})
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.Background()) }()
	<-s.Ready()
	c := dial(t, s, "default")
	id, err := c.Start(t.Context(), dts.StartRequest{Name: "orc"})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	go func() {
		_, err := c.Wait(ctx, id)
		waited <- err
	}()
	broken.Store(true)
	if _, err := c.Start(t.Context(), dts.StartRequest{Name: "orc"}); !errors.Is(err, dts.ErrUnavailable) {
		t.Errorf("start: got %v, want ErrUnavailable", err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("run: got %v", err)
	}
	cancel() // the client tries again until then
	if err := <-waited; err == nil {
		t.Error("the wait ended without an error")
	}
}

// run runs a server around f.
func run(t *testing.T, s *scheduler.Server, f func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	f()
	cancel()
	must(t, <-ended)
}

func dial(t *testing.T, s *scheduler.Server, hub string) *dts.Client {
	t.Helper()
	c, err := dts.Dial(dts.ConnectionString{Endpoint: "http://127.0.0.1", TaskHub: hub, Authentication: dts.AuthNone}, dts.WithConn(s.Conn()))
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

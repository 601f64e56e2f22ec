package embedded_test

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	_ "github.com/funchost/funchost/framework/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	approved = durable.NewEvent[string]("approved")
	wait     = durable.NewOrchestrator("wait", func(ctx *durable.Context, _ durable.None) (string, error) {
		return approved.Wait(ctx, 0)
	})
)

// starter hands out the client of a host.
type starter struct{ clients chan *dts.Client }

func (s starter) Describe() framework.TriggerInfo {
	return framework.TriggerInfo{Kind: "test", Name: "starter"}
}
func (s starter) Definitions() []durable.Definition { return nil }
func (s starter) Bind(b *framework.Binder) error {
	b.Go("starter", func(ctx context.Context) error {
		s.clients <- b.Client()
		<-ctx.Done()
		return nil
	})
	return nil
}

// run runs a host on a scheduler and calls f with its client.
func run(t *testing.T, scheduler string, f func(*dts.Client), opts ...framework.Option) {
	t.Helper()
	s := starter{make(chan *dts.Client)}
	app := app(scheduler).With(opts...).On(s)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	select {
	case c := <-s.clients:
		f(c)
	case err := <-ended:
		cancel()
		t.Fatalf("the host ended: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func app(scheduler string) *framework.App {
	return framework.New("test",
		framework.Set("scheduler", scheduler),
		framework.Set("listen", "127.0.0.1:0"),
		framework.Set("admin-listen", "none"),
		framework.WithLogger(slog.New(slog.DiscardHandler)),
	).Add(wait)
}

func TestOrchestrationOutlivesTheHost(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	run(t, "embedded:"+dir, func(c *dts.Client) {
		if _, err := wait.StartNew(t.Context(), c, durable.None{}, durable.ID("one")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.WaitStarted(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
	})
	run(t, "embedded:"+dir, func(c *dts.Client) {
		if err := approved.Raise(t.Context(), c, "one", "ana"); err != nil {
			t.Fatal(err)
		}
		if got, err := wait.Instance(c, "one").Wait(t.Context()); err != nil || got != "ana" {
			t.Errorf("got %q, %v, want ana", got, err)
		}
	})
}

func TestMemoryKeepsNothing(t *testing.T) {
	t.Chdir(t.TempDir()) // so not parallel
	run(t, "memory", func(c *dts.Client) {
		if _, err := wait.StartNew(t.Context(), c, durable.None{}, durable.ID("one")); err != nil {
			t.Fatal(err)
		}
	})
	entries, err := fs.ReadDir(os.DirFS("."), ".")
	if err != nil || len(entries) > 0 {
		t.Errorf("found %v, %v, want an empty folder", entries, err)
	}
}

func TestFolderThatAnotherHostHoldsIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	run(t, "embedded:"+dir, func(*dts.Client) {
		err := app("embedded:" + dir).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("Run = %v, want an error that names %s", err, dir)
		}
	})
}

func TestStopBeforeTheSchedulerIsOpen(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if err := app("embedded:" + filepath.Join(t.TempDir(), "state")).Run(ctx); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

func TestRetentionThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	app := framework.New("app", framework.Set("scheduler", "memory"), framework.Set("retention", "30d,failed=soon"),
		framework.Set("listen", "127.0.0.1:0"), framework.Set("admin-listen", "none")).Add(wait)
	err := app.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), `retention failed=soon: "soon" is no age`) || !strings.Contains(err.Error(), "write an age such as 30d") {
		t.Errorf("error = %v, want what is wrong with it and what to write", err)
	}
}

// TestHostHasAVersion: what it starts has that, and what has another is left alone.
func TestHostHasAVersion(t *testing.T) {
	t.Parallel()
	run(t, "memory", func(c *dts.Client) {
		ours, err := wait.StartNew(t.Context(), c, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		others, err := wait.StartNew(t.Context(), c, durable.None{}, durable.Version("1.9"))
		if err != nil {
			t.Fatal(err)
		}
		if err := approved.Raise(t.Context(), c, ours.ID, "ana"); err != nil {
			t.Fatal(err)
		}
		if _, err := ours.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]dts.Instance{
			ours.ID:   {Version: "2.1", Status: dts.StatusCompleted},
			others.ID: {Version: "1.9", Status: dts.StatusPending},
		} {
			got, err := c.Instance(t.Context(), id)
			if err != nil || got.Version != want.Version || got.Status != want.Status {
				t.Errorf("got %+v, %v, want version %s and status %s", got, err, want.Version, want.Status)
			}
		}
	}, framework.Set("default-version", "2.1"), framework.Set("worker-version", "2.1"), framework.Set("worker-version-match", "strict"))
}

package lifecycle_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/framework/internal/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary is what happened, in order.
type diary struct {
	mu      sync.Mutex
	entries []string
}

func (d *diary) add(entry string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, entry)
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.entries)
}

// part is a runner that takes its time.
type part struct {
	name    string
	diary   *diary
	starts  time.Duration // until ready; negative never gets there
	stops   time.Duration // after the end of its context
	fails   time.Duration // when Run ends by itself; zero does not
	err     error
	stopErr error
	deaf    bool // does not look at its grace
	ready   chan struct{}
	share   time.Duration
}

func (p *part) Ready() <-chan struct{} { return p.ready }

func (p *part) Run(ctx context.Context) error {
	p.share = lifecycle.Share(ctx)
	p.diary.add("start " + p.name)
	var failed <-chan time.Time
	if p.fails > 0 {
		failed = time.After(p.fails)
	}
	if p.starts >= 0 {
		select {
		case <-time.After(p.starts):
			p.diary.add("ready " + p.name)
			close(p.ready)
		case <-ctx.Done():
			p.diary.add("stop " + p.name)
			return ctx.Err()
		case <-failed:
			return p.err
		}
	}
	select {
	case <-ctx.Done():
	case <-failed:
		return p.err
	}
	grace := lifecycle.Grace(ctx).Done()
	if p.deaf {
		grace = nil
	}
	select {
	case <-time.After(p.stops):
		p.diary.add("stop " + p.name)
	case <-grace:
		p.diary.add("cut " + p.name)
	}
	return p.stopErr
}

func group(d *diary, parts ...*part) *lifecycle.Group {
	g := &lifecycle.Group{
		Budget:  30 * time.Second,
		Logger:  slog.New(slog.DiscardHandler),
		OnReady: func() { d.add("all ready") },
		OnStop:  func() { d.add("stopping") },
	}
	for _, p := range parts {
		p.diary, p.ready = d, make(chan struct{})
		g.Steps = append(g.Steps, lifecycle.Step{Name: p.name, Runner: p})
	}
	return g
}

func TestStepsStartInOrderAndStopInReverse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		g := group(d, &part{name: "a", starts: time.Second}, &part{name: "b"}, &part{name: "c", stops: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := g.Run(ctx); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		want := []string{
			"start a", "ready a", "start b", "ready b", "start c", "ready c", "all ready",
			"stopping", "stop c", "stop b", "stop a",
		}
		if diff := cmp.Diff(want, d.read()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStopDuringStartStopsWhatWasStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		g := group(d, &part{name: "a"}, &part{name: "b", starts: time.Hour}, &part{name: "c"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := g.Run(ctx); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		want := []string{"start a", "ready a", "start b", "stopping", "stop b", "stop a"}
		if diff := cmp.Diff(want, d.read()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStopBeforeStartIsAnOrderlyEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := group(d, &part{name: "a", starts: time.Hour}, &part{name: "b"}).Run(ctx); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if got := d.read(); slices.Contains(got, "start b") {
			t.Errorf("diary %v, want b not started", got)
		}
	})
}

func TestStepThatEndsStopsTheOthers(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, tc := range map[string]struct {
		part *part
		want string
	}{
		"with its error":                 {&part{name: "b", fails: time.Minute, err: boom}, "boom"},
		"and is named if it has none":    {&part{name: "b", fails: time.Minute}, "b ended on its own"},
		"also while it is being started": {&part{name: "b", starts: -1, fails: time.Minute, err: boom}, "boom"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := &diary{}
				err := group(d, &part{name: "a"}, tc.part, &part{name: "c"}).Run(t.Context())
				if err == nil || err.Error() != tc.want {
					t.Errorf("Run = %v, want %q once", err, tc.want)
				}
				if got := d.read(); got[len(got)-1] != "stop a" {
					t.Errorf("diary %v, want a stopped last", got)
				}
			})
		})
	}
}

func TestEarlierStepThatEndsDuringAStartEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		boom := errors.New("boom")
		err := group(d, &part{name: "a", fails: time.Minute, err: boom}, &part{name: "b", starts: time.Hour}).Run(t.Context())
		if !errors.Is(err, boom) {
			t.Errorf("Run = %v, want boom", err)
		}
	})
}

func TestErrorOfAStopIsReturned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := group(&diary{}, &part{name: "a", stopErr: boom}, &part{name: "b", stopErr: context.Canceled}).Run(ctx)
		if err == nil || err.Error() != "boom" {
			t.Errorf("Run = %v, want boom alone", err)
		}
	})
}

func TestStepIsToldWhenItsShareIsUsedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		slow := &part{name: "slow", stops: time.Hour}
		g := group(d, &part{name: "a"}, &part{name: "b"}, slow)
		ctx, cancel := context.WithCancel(t.Context())
		g.OnReady = cancel
		began := time.Now()
		if err := g.Run(ctx); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if slow.share != 10*time.Second {
			t.Errorf("share = %v, want a third of 30s", slow.share)
		}
		if took := time.Since(began); took != slow.share {
			t.Errorf("the stop took %v, want the share %v", took, slow.share)
		}
		if got := d.read(); !slices.Contains(got, "cut slow") {
			t.Errorf("diary %v, want slow cut", got)
		}
	})
}

func TestTimeThatAStepLeavesOverFallsToTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		// b has a share of 15 s, and c does not use its own.
		g := group(d, &part{name: "b", stops: 29 * time.Second}, &part{name: "c"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := g.Run(ctx); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if got := d.read(); !slices.Contains(got, "stop b") {
			t.Errorf("diary %v, want b to end in its own time", got)
		}
	})
}

func TestNeedsComeBeforeWeights(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pause, heavy, light := &part{name: "pause"}, &part{name: "heavy"}, &part{name: "light"}
		g := group(&diary{}, pause, heavy, light)
		g.Steps[0].Needs = 10 * time.Second
		g.Steps[1].Weight = 3
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := g.Run(ctx); err != nil {
			t.Fatal(err)
		}
		got := []time.Duration{pause.share, heavy.share, light.share}
		want := []time.Duration{14 * time.Second, 12 * time.Second, 4 * time.Second}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStepThatDoesNotStopIsNamedAndLeftBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		g := group(d, &part{name: "a"}, &part{name: "stuck", stops: time.Hour, deaf: true})
		ctx, cancel := context.WithCancel(t.Context())
		g.OnReady = cancel
		err := g.Run(ctx)
		if err == nil || !strings.HasPrefix(err.Error(), "stop stuck: still running") {
			t.Errorf("Run = %v, want an error that names stuck", err)
		}
		if got := d.read(); got[len(got)-1] != "stop a" {
			t.Errorf("diary %v, want a stopped all the same", got)
		}
		time.Sleep(2 * time.Hour) // let it go, or the bubble would not end
	})
}

func TestCutEndsAllWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		g := group(d, &part{name: "a", stops: time.Hour}, &part{name: "b", stops: time.Hour})
		cut := make(chan struct{})
		ctx, cancel := context.WithCancel(lifecycle.WithCut(t.Context(), cut))
		g.OnReady = cancel
		time.AfterFunc(2*time.Second, func() { close(cut) })
		began := time.Now()
		if err := g.Run(ctx); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("the stop took %v, want the 2s until the cut", took)
		}
		want := []string{"cut b", "cut a"}
		if got := d.read(); !cmp.Equal(want, got[len(got)-2:]) {
			t.Errorf("diary %v, want it to end with %v", got, want)
		}
	})
}

func TestHurryShortensTheStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := group(&diary{}, &part{name: "a", stops: time.Hour}, &part{name: "b", stops: time.Hour})
		ctx, cancel := context.WithCancelCause(t.Context())
		g.OnReady = func() { cancel(&lifecycle.HurryError{Budget: 4 * time.Second, Reason: "gone"}) }
		began := time.Now()
		if err := g.Run(ctx); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("the stop took %v, want 4s", took)
		}
	})
}

func TestLateRunnerIsMadeAtItsStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		inner := &part{name: "inner", diary: d, starts: time.Second, ready: make(chan struct{})}
		late := lifecycle.Late(func(context.Context) (lifecycle.Runner, error) { return inner, nil })
		select {
		case <-late.Ready():
			t.Error("ready before it was run")
		default:
		}
		g := group(d)
		g.Steps = []lifecycle.Step{{Name: "late", Runner: late}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := g.Run(ctx); err != nil {
			t.Error(err)
		}
		want := []string{"start inner", "ready inner", "all ready", "stopping", "stop inner"}
		if diff := cmp.Diff(want, d.read()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLateRunnerThatCannotBeMadeFailsTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		g := group(&diary{})
		g.Steps = []lifecycle.Step{{Name: "late", Runner: lifecycle.Late(
			func(context.Context) (lifecycle.Runner, error) { return nil, boom })}}
		if err := g.Run(t.Context()); !errors.Is(err, boom) {
			t.Errorf("Run = %v, want boom", err)
		}
	})
}

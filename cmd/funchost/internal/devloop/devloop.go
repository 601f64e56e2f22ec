// Package devloop builds a Go program, runs it as a child, and builds and
// restarts it when its sources change.
//
// The child is a host of the framework package. The loop tells it by
// environment variables where to listen and which scheduler to use, learns
// from a pipe when it is ready, and holds a second pipe whose closing ends it.
//
//	          a save           refused: the old child runs on
//	waiting ----------> build --------------------------------> waiting
//	                      |
//	                      | passed: stop the old child, start the new
//	                      +-----------------------------------> waiting
//
// A child that ends by itself is started again if its build has served, a few times and
// later each time: an activity that takes the process with it is then tried until
// the scheduler gives up on it. One that never served, and one that ends too often,
// waits for the next save.
package devloop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/funchost/funchost/dts"
)

// Config says how to run a program. Program, Connection, Listen, Admin and
// Notify are required.
type Config struct {
	Program    *Program
	Connection dts.ConnectionString // of the scheduler
	Listen     string               // host:port of the child's public listener; port 0 is a free one, kept once known
	Admin      string               // the same for its admin listener

	// Stdout and Stderr get the child's output. Default none.
	Stdout, Stderr io.Writer

	// Notify is called for each event, one at a time, from the goroutine of Run.
	Notify func(Event)

	// Quiet is how long no file may change before a build begins: editors and
	// version control write several files for one intention. Default 100 ms.
	Quiet time.Duration

	// Grace is how long the child may take to stop before it is killed. The
	// child is told a little less. Default 10 s.
	Grace time.Duration

	// Pause is how long a child that ended by itself is left alone before it is
	// started again; each time in a row takes twice as long. Default 500 ms.
	Pause time.Duration

	// Patience is after how long a child that reports nothing is an event. Default 5 s.
	Patience time.Duration
}

// restarts is how often in a row a child that ends by itself is started again. The
// scheduler gives up on what takes its worker along ten times (scheduler.Config),
// so the last start is one that can stay.
const restarts = 10

// longPause is the longest pause between restarts. A child that lived for a while
// before it ended is no part of the row.
const (
	longPause = 2 * time.Second
	while     = 10 * time.Second
)

// Loop runs one program until it is told to stop.
type Loop struct {
	cfg   Config
	ready chan struct{}

	killOnce sync.Once
	kill     chan struct{} // closed by Kill
	started  atomic.Bool
	done     chan struct{} // closed when Run returns

	// The rest belongs to the goroutine of Run.
	tmp    string // one folder in it for each build
	builds int
	child  *child      // nil when none runs
	last   result      // the build of child, kept while it may be started again
	began  time.Time   // when the build of child, or its restart, began
	served bool        // a child was ready
	serves bool        // one of this build was, and none has given up since
	silent *time.Timer // fires when child has reported nothing for too long
	ends   int         // how often in a row a child has ended by itself
}

// New prepares a loop. Nothing runs before [Loop.Run].
func New(cfg Config) *Loop {
	if cfg.Quiet == 0 {
		cfg.Quiet = 100 * time.Millisecond
	}
	if cfg.Grace == 0 {
		cfg.Grace = 10 * time.Second
	}
	if cfg.Patience == 0 {
		cfg.Patience = 5 * time.Second
	}
	if cfg.Pause == 0 {
		cfg.Pause = 500 * time.Millisecond
	}
	l := &Loop{cfg: cfg, ready: make(chan struct{}), kill: make(chan struct{}), done: make(chan struct{})}
	l.silent = time.NewTimer(cfg.Patience)
	l.silent.Stop()
	return l
}

// Ready is closed when the loop watches the sources. That the program serves
// is an event, since a developer may need some saves to get there.
func (l *Loop) Ready() <-chan struct{} { return l.ready }

// Run builds and runs the program until ctx ends; then it stops the child and
// returns nil. A first build that is refused ends it with that error, usually
// a [*CompileError]. Call it once.
func (l *Loop) Run(ctx context.Context) (err error) {
	l.started.Store(true)
	defer close(l.done)
	l.tmp, err = makeFolder(os.TempDir())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(l.tmp)) }()

	// Watch before the first build, so that a save during it is not missed.
	src, err := l.cfg.Program.sources(ctx)
	if err != nil {
		return unlessEnded(ctx, err)
	}
	w, err := watch(src)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	close(l.ready)

	l.cfg.Notify(Event{Kind: Building})
	b := l.build(ctx, l.nextFolder())
	if b.err != nil {
		return unlessEnded(ctx, b.err)
	}
	defer func() { err = errors.Join(err, l.stopChild()) }()
	if err := l.startChild(b); err != nil {
		return err
	}
	l.react(ctx, w)
	return nil
}

// Kill ends the child without waiting for it to stop in order, and returns
// when Run has. It is for a command that is to end at once, after the context
// of Run has ended; it does nothing when Run has returned or was never called.
func (l *Loop) Kill() {
	l.killOnce.Do(func() { close(l.kill) })
	if l.started.Load() {
		<-l.done
	}
}

// unlessEnded drops an error that the end of ctx explains.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// react deals with saves, builds and the child's fate until ctx ends.
func (l *Loop) react(ctx context.Context, w *watcher) {
	quiet := time.NewTimer(l.cfg.Quiet)
	quiet.Stop()
	again := time.NewTimer(l.cfg.Pause)
	again.Stop()
	results := make(chan result, 1)
	var saved, building bool
	defer func() {
		if building {
			<-results
		}
	}()
	for {
		if saved && !building {
			saved, building = false, true
			l.cfg.Notify(Event{Kind: Building})
			folder := l.nextFolder()
			go func() { results <- l.build(ctx, folder) }()
		}
		reports, exited := l.news()
		select {
		case <-ctx.Done():
			return
		case event := <-w.Events:
			changed, err := w.changed(event)
			l.trouble(err)
			if changed {
				quiet.Reset(l.cfg.Quiet)
			}
		case err := <-w.Errors:
			l.trouble(fmt.Errorf("watch the sources: %w", err))
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				quiet.Reset(l.cfg.Quiet) // nobody knows what was missed
			}
		case <-quiet.C:
			saved = true
		case b := <-results:
			building = false
			if b.err == nil {
				again.Stop()
			}
			if ctx.Err() == nil {
				l.built(b, w)
			}
		case r := <-reports:
			l.reported(r)
		case <-exited:
			if pause := l.exited(); pause > 0 {
				again.Reset(pause)
			}
		case <-l.silent.C:
			l.stillSilent()
		case <-again.C:
			l.last.began = time.Now()
			l.trouble(l.startChild(l.last))
		}
	}
}

// news are where the child, if there is one, tells of itself and of its end.
func (l *Loop) news() (reports <-chan Report, exited <-chan struct{}) {
	if l.child == nil {
		return nil, nil
	}
	return l.child.reports, l.child.exited
}

// stillSilent tells of a child that has reported nothing for a while.
func (l *Loop) stillSilent() {
	if l.child != nil {
		l.cfg.Notify(Event{Kind: Silent})
	}
}

// built takes up the outcome of a build.
func (l *Loop) built(b result, w *watcher) {
	if b.err == nil {
		l.serves, l.ends = false, 0
	}
	l.swap(b, w)
}

// result is how a build ended.
type result struct {
	folder, binary string
	began          time.Time
	err            error

	src    sources // what the program is made of now
	srcErr error
}

// build compiles the program and, beside it, finds its sources anew: a save
// may have added an import. It touches nothing of the loop that changes.
func (l *Loop) build(ctx context.Context, folder string) result {
	r := result{folder: folder, began: time.Now()}
	found := make(chan struct{})
	go func() {
		defer close(found)
		r.src, r.srcErr = l.cfg.Program.sources(ctx)
	}()
	binary, err := l.cfg.Program.build(ctx, folder)
	<-found
	r.binary, r.err = binary, err
	return r
}

// nextFolder names a folder for a build. Each has its own, because the last
// binary may still be running; the go command makes it.
func (l *Loop) nextFolder() string {
	l.builds++
	return filepath.Join(l.tmp, strconv.Itoa(l.builds))
}

// swap puts a good build in the place of the running child.
func (l *Loop) swap(b result, w *watcher) {
	if b.srcErr == nil {
		b.srcErr = w.follow(b.src)
	}
	l.trouble(b.srcErr)
	if b.err != nil {
		l.cfg.Notify(Event{Kind: NotBuilt, Running: l.child != nil, Err: b.err})
		return
	}
	l.trouble(l.stopChild())
	l.trouble(l.startChild(b))
}

func (l *Loop) startChild(b result) error {
	env := childEnv(os.Environ(), l.cfg)
	child, err := start(b.binary, l.cfg.Program.Dir(), env, l.cfg.Stdout, l.cfg.Stderr)
	if err != nil {
		return err
	}
	l.child, l.last, l.began = child, b, b.began
	l.silent.Reset(l.cfg.Patience)
	l.cfg.Notify(Event{Kind: Started})
	return noteChild(l.tmp, child.cmd.Process.Pid)
}

// stopChild stops the child, if there is one, and forgets its binary.
func (l *Loop) stopChild() (err error) {
	if l.child != nil {
		err = l.child.stop(l.cfg.Grace, l.kill)
		l.child = nil
	}
	if l.last.folder != "" {
		err = errors.Join(err, os.RemoveAll(l.last.folder))
		l.last = result{}
	}
	return err
}

func (l *Loop) reported(r Report) {
	l.silent.Stop()
	if r.State != "ready" {
		l.serves = false
		l.cfg.Notify(Event{Kind: Refused, Report: r})
		return
	}
	// Free ports were chosen; whoever has noted them finds them again.
	l.cfg.Listen, l.cfg.Admin = r.Listen, r.Admin
	l.cfg.Notify(Event{Kind: Ready, Took: time.Since(l.began), Again: l.served, Report: r})
	l.served, l.serves = true, true
}

// exited deals with a child that ended by itself. It is to be started again after
// the pause, unless that is zero.
func (l *Loop) exited() (pause time.Duration) {
	// A last word may have come together with the end.
	select {
	case r := <-l.child.reports:
		l.reported(r)
	default:
	}
	if time.Since(l.began) > while {
		l.ends = 0
	}
	if l.ends++; l.serves && l.ends <= restarts {
		pause = min(l.cfg.Pause<<(l.ends-1), longPause)
	}
	l.cfg.Notify(Event{Kind: Exited, Exit: l.child.end(), Again: pause > 0, Took: pause})
	l.child = nil
	if pause == 0 {
		l.trouble(l.stopChild())
	}
	return pause
}

func (l *Loop) trouble(err error) {
	if err != nil {
		l.cfg.Notify(Event{Kind: Trouble, Err: err})
	}
}

// childEnv is the environment of the child: ours, except for what this command
// decides. Other spellings of those settings are dropped, or the child would
// refuse to choose between two values; what only production needs is off. Each turn
// is replayed, so that an orchestrator which does not repeat itself fails here and
// not after the next deployment.
func childEnv(ours []string, cfg Config) []string {
	decided := []string{
		"DTS_CONNECTION_STRING", "DURABLE_TASK_SCHEDULER_CONNECTION_STRING", "FUNCHOST_SCHEDULER",
		"TASKHUB_NAME", "FUNCHOST_TASK_HUB",
		"FUNCHOST_LISTEN", "FUNCHOST_ADMIN_LISTEN", "FUNCHOST_MANAGEMENT_API",
		"FUNCHOST_MAX_WARM", "FUNCHOST_SHUTDOWN_TIMEOUT", "FUNCHOST_SHUTDOWN_GRACE",
		"FUNCHOST_LIFELINE_FD", "FUNCHOST_REPORT_FD",
	}
	env := slices.DeleteFunc(slices.Clone(ours), func(entry string) bool {
		key, _, _ := strings.Cut(entry, "=")
		return slices.Contains(decided, key)
	})
	return append(env,
		"DTS_CONNECTION_STRING="+cfg.Connection.String(),
		"FUNCHOST_TASK_HUB="+cfg.Connection.TaskHub,
		"FUNCHOST_LISTEN="+cfg.Listen,
		"FUNCHOST_ADMIN_LISTEN="+cfg.Admin,
		"FUNCHOST_MANAGEMENT_API=true",
		"FUNCHOST_MAX_WARM=0",
		"FUNCHOST_SHUTDOWN_TIMEOUT="+(cfg.Grace*4/5).String(),
		"FUNCHOST_SHUTDOWN_GRACE=0s")
}

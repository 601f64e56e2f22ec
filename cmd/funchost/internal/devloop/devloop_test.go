package devloop

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSaveReplacesTheChildInOrder(t *testing.T) {
	t.Parallel()
	app := writeApp(t, host("one"))
	run := startLoop(t, app)

	first := run.next(t, Ready)
	if got := first.Report.Routes[0].Pattern; got != "one" || first.Again {
		t.Errorf("first child is %q, again %v, want %q, false", got, first.Again, "one")
	}
	save(t, app, "main.go", host("two"))
	second := run.next(t, Ready)
	if got := second.Report.Routes[0].Pattern; got != "two" || !second.Again {
		t.Errorf("second child is %q, again %v, want %q, true", got, second.Again, "two")
	}
	if first.Report.Listen != "127.0.0.1:4711" || second.Report.Listen != first.Report.Listen {
		t.Errorf("the children listen on %s, then %s, want the port that the first one chose", first.Report.Listen, second.Report.Listen)
	}
	run.stop(t)
	if got, want := run.stdout.String(), "one stopped in order\ntwo stopped in order\n"; got != want {
		t.Errorf("stdout is %q, want %q", got, want)
	}
	if _, err := os.Stat(run.loop.tmp); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the builds is still there: %v", err)
	}
}

func TestBrokenSaveKeepsTheLastGoodBuild(t *testing.T) {
	t.Parallel()
	app := writeApp(t, host("one"))
	run := startLoop(t, app)
	run.next(t, Ready)

	save(t, app, "main.go", "package main\n\nfunc main() { undefined() }\n")
	refused, ok := errors.AsType[*CompileError](run.next(t, NotBuilt).Err)
	if !ok || len(refused.Lines) != 1 || !strings.HasSuffix(refused.Lines[0], "main.go:3:15: undefined: undefined") {
		t.Fatalf("compile error is %+v, want the compiler's line", refused)
	}
	if got := run.stdout.String(); got != "" {
		t.Errorf("after the broken save stdout is %q, want nothing: the child runs on", got)
	}
	save(t, app, "main.go", host("two"))
	_, before := run.after(t, Ready)
	if got, want := kinds(before), []Kind{Building, Started}; !slices.Equal(got, want) {
		t.Errorf("between the refusal and the new child: events %v, want %v", got, want)
	}
	run.stop(t)
}

func TestFirstBuildThatIsRefusedEndsTheLoop(t *testing.T) {
	t.Parallel()
	app := writeApp(t, "package main\n\nfunc main() { undefined() }\n")
	run := startLoop(t, app)
	err := <-run.done
	if _, ok := errors.AsType[*CompileError](err); !ok {
		t.Errorf("Run returned %v, want a CompileError", err)
	}
}

func TestImportOfAPackageThatComesLaterIsFollowed(t *testing.T) {
	t.Parallel()
	app := writeApp(t, host("one"))
	run := startLoop(t, app)
	run.next(t, Ready)

	imported := strings.Replace(host("one"), `"one"`, `name.Name`, 1)
	imported = strings.Replace(imported, `import (`, `import ("example.com/app/inner/name"; `, 1)
	save(t, app, "main.go", imported)
	run.next(t, NotBuilt)
	save(t, app, "inner/name/name.go", "package name\n\nconst Name = \"two\"\n")
	if got := run.next(t, Ready).Report.Routes[0].Pattern; got != "two" {
		t.Errorf("child is %q, want %q", got, "two")
	}
	save(t, app, "inner/name/name.go", "package name\n\nconst Name = \"three\"\n")
	if got := run.next(t, Ready).Report.Routes[0].Pattern; got != "three" {
		t.Errorf("child is %q, want %q", got, "three")
	}
	run.stop(t)
}

func TestChildThatEndsByItselfWaitsForTheNextSave(t *testing.T) {
	t.Parallel()
	app := writeApp(t, "package main\n\nimport \"os\"\n\nfunc main() { os.Exit(3) }\n")
	run := startLoop(t, app)
	if got := run.next(t, Exited).Exit; got != "exit code 3" {
		t.Errorf("exit is %q, want %q", got, "exit code 3")
	}
	save(t, app, "main.go", host("two"))
	_, before := run.after(t, Ready)
	if got, want := kinds(before), []Kind{Building, Started}; !slices.Equal(got, want) {
		t.Errorf("between the end and the new child: events %v, want %v", got, want)
	}
	run.stop(t)
}

func TestChildThatHasServedIsStartedAgain(t *testing.T) {
	t.Parallel()
	app := writeApp(t, strings.Replace(host("one"), "<-stop\n", "os.Exit(3)\n", 1))
	run := startLoop(t, app, func(c *Config) { c.Pause = time.Millisecond })
	for n := 1; n <= restarts+1; n++ {
		run.next(t, Ready)
		exited := run.next(t, Exited)
		if want := n <= restarts; exited.Again != want || exited.Exit != "exit code 3" {
			t.Fatalf("end %d: exit is %q, started again: %t, want exit code 3, %t", n, exited.Exit, exited.Again, want)
		}
	}
	save(t, app, "main.go", host("two"))
	if got := run.next(t, Ready).Report.Routes[0].Pattern; got != "two" {
		t.Errorf("child is %q, want %q", got, "two")
	}
	run.stop(t)
}

func TestProgramThatReportsNothingIsAnEvent(t *testing.T) {
	t.Parallel()
	app := writeApp(t, "package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(time.Hour) }\n")
	run := startLoop(t, app, func(c *Config) { c.Patience = time.Millisecond })
	run.next(t, Started)
	run.next(t, Silent)
	run.stop(t)
}

func TestHostThatGivesUpIsHeard(t *testing.T) {
	t.Parallel()
	app := writeApp(t, `package main

import "os"

func main() {
	os.NewFile(4, "report").WriteString("{\"state\":\"failed\",\"error\":\"no such hub\"}\n")
	os.Exit(1)
}
`)
	run := startLoop(t, app)
	if got := run.next(t, Refused).Report.Error; got != "no such hub" {
		t.Errorf("report says %q, want %q", got, "no such hub")
	}
	run.next(t, Exited)
	run.stop(t)
}

func TestChildThatIgnoresTheRequestIsKilled(t *testing.T) {
	t.Parallel()
	app := writeApp(t, strings.Replace(host("one"), "<-stop", "<-stop; select {}", 1))
	run := startLoop(t, app)
	run.next(t, Ready)
	run.cancel()
	if err := <-run.done; err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("Run returned %v, want that the child was killed", err)
	}
}

func TestKillDoesNotWaitForTheChild(t *testing.T) {
	t.Parallel()
	app := writeApp(t, strings.Replace(host("one"), "<-stop", `<-stop; fmt.Println("asked"); select {}`, 1))
	run := startLoop(t, app, func(c *Config) { c.Grace = time.Hour })
	run.next(t, Ready)
	run.cancel()
	run.loop.Kill()
	if err := <-run.done; err != nil {
		t.Errorf("Run returned %v, want nil after Kill", err)
	}
	if _, err := os.Stat(run.loop.tmp); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the builds is still there: %v", err)
	}
}

// host is a program that speaks the protocol of a host: it reports its name as
// a route, and stops in order when asked or when its parent is gone.
func host(name string) string {
	return `package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	name := "` + name + `"
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		io.Copy(io.Discard, os.NewFile(3, "lifeline"))
		stop <- syscall.SIGTERM
	}()
	listen := strings.Replace(os.Getenv("FUNCHOST_LISTEN"), ":0", ":4711", 1)
	fmt.Fprintf(os.NewFile(4, "report"), ` + "`" + `{"state":"ready","listen":%q,"admin":%q,"routes":[{"method":"POST","pattern":%q}]}` + "`" + `+"\n",
		listen, os.Getenv("FUNCHOST_ADMIN_LISTEN"), name)
	<-stop
	fmt.Println(name, "stopped in order")
}
`
}

func writeApp(t *testing.T, main string) string {
	t.Helper()
	// The go command reports real paths, so the test uses them too.
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	save(t, dir, "go.mod", "module example.com/app\n\ngo 1.26\n")
	save(t, dir, "main.go", main)
	return dir
}

// save writes a file as careful editors do: a new one, renamed over the old.
func save(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"~", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
}

func kinds(events []Event) []Kind {
	var kinds []Kind
	for _, event := range events {
		kinds = append(kinds, event.Kind)
	}
	return kinds
}

// looping is a loop under test.
type looping struct {
	loop   *Loop
	events chan Event
	done   chan error
	cancel func()
	stdout output
}

func startLoop(t *testing.T, app string, change ...func(*Config)) *looping {
	t.Helper()
	program, err := Find(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	run := &looping{events: make(chan Event, 100), done: make(chan error, 1), cancel: cancel}
	cfg := Config{
		Program: program,
		Listen:  "127.0.0.1:0",
		Admin:   "127.0.0.1:0",
		Stdout:  &run.stdout,
		Notify:  func(e Event) { run.events <- e },
		Quiet:   20 * time.Millisecond,
		Grace:   time.Second,
	}
	for _, c := range change {
		c(&cfg)
	}
	run.loop = New(cfg)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run.done <- run.loop.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return run
}

// next waits for an event of kind and drops those before it.
func (r *looping) next(t *testing.T, kind Kind) Event {
	t.Helper()
	event, _ := r.after(t, kind)
	return event
}

// after is next, with the events that came before.
func (r *looping) after(t *testing.T, kind Kind) (event Event, before []Event) {
	t.Helper()
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	for {
		select {
		case event := <-r.events:
			if event.Kind == kind {
				return event, before
			}
			before = append(before, event)
		case err := <-r.done:
			t.Fatalf("the loop ended with %v before an event of kind %d; seen %+v", err, kind, before)
		case <-patience.C:
			t.Fatalf("no event of kind %d; seen %+v", kind, before)
		}
	}
}

func (r *looping) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	if err := <-r.done; err != nil {
		t.Errorf("Run returned %v, want nil after a stop", err)
	}
}

// output collects what children print.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

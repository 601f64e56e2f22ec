package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait of a script. It is long because a build on a slow
// machine is; nothing waits longer than for what it wants.
const patience = 3 * time.Minute

// session is what one script has running.
type session struct {
	running map[string]*process
	sockets []net.Listener
	body    string // of the last answer
}

type sessionKey struct{}

func sessionOf(ts *testscript.TestScript) *session {
	return ts.Value(sessionKey{}).(*session)
}

func (s *session) end() {
	for _, p := range s.running {
		p.cmd.Process.Kill()
		<-p.ended
	}
	for _, socket := range s.sockets {
		socket.Close()
	}
}

// process is a program that runs beside the script.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it and all that write to its output are gone

	mu    sync.Mutex
	out   bytes.Buffer
	seen  int           // how much of out the script has dealt with
	wrote chan struct{} // closed, and made anew, at each write
}

func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.wrote)
	p.wrote = make(chan struct{})
	return p.out.Write(text)
}

// match looks for re in what the script has not seen, and moves past it.
func (p *process) match(re *regexp.Regexp) (found []string, more <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rest := p.out.String()[p.seen:]
	at := re.FindStringSubmatchIndex(rest)
	if at == nil {
		return nil, p.wrote
	}
	p.seen += at[1]
	return re.FindStringSubmatch(rest), nil
}

func (p *process) log(ts *testscript.TestScript, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ts.Logf("[output of %s]\n%s", name, p.out.String())
}

// module DIR makes DIR a Go module that uses this checkout.
func module(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) == 1, "module DIR")
	checkout, dir := ts.Getenv("CHECKOUT"), ts.MkAbs(args[0])
	_, requirements, _ := strings.Cut(ts.ReadFile(filepath.Join(checkout, "go.mod")), "\n")
	text := "module example.com/app\n" + requirements +
		"\nrequire github.com/funchost/funchost v0.0.0\nreplace github.com/funchost/funchost => " + checkout + "\n"
	ts.Check(os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o644))
	sums := ts.ReadFile(filepath.Join(checkout, "go.sum"))
	ts.Check(os.WriteFile(filepath.Join(dir, "go.sum"), []byte(sums), 0o644))
}

// occupy VAR takes a free port and puts its number into VAR.
func occupy(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) == 1, "occupy VAR")
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	s := sessionOf(ts)
	s.sockets = append(s.sockets, socket)
	_, port, err := net.SplitHostPort(socket.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// free-port VAR puts the number of a port that nobody has into VAR.
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) == 1, "free-port VAR")
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(socket.Addr().String())
	ts.Check(err)
	ts.Check(socket.Close())
	ts.Setenv(args[0], port)
}

// free HOST:PORT... fails unless nobody listens there.
func free(ts *testscript.TestScript, _ bool, args []string) {
	for _, address := range args {
		socket, err := net.Listen("tcp", address)
		ts.Check(err)
		socket.Close()
	}
}

// edit FILE OLD NEW replaces a text, which must be there.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) == 3, "edit FILE OLD NEW")
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o644))
}

// exits CODE PROGRAM ARGS... runs a program, which must end with that exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) >= 2, "exits CODE PROGRAM ARGS...")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := command(ctx, ts, args[1:])
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	if err := cmd.Run(); cmd.ProcessState == nil {
		ts.Fatalf("%v", err)
	}
	if ctx.Err() != nil {
		ts.Fatalf("%s does not end", args[1])
	}
	code := cmd.ProcessState.ExitCode()
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// start NAME PROGRAM ARGS... starts a program that runs beside the script.
func start(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) >= 2, "start NAME PROGRAM ARGS...")
	name := args[0]
	cmd := command(context.Background(), ts, args[1:])
	p := &process{cmd: cmd, ended: make(chan struct{}), wrote: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p
	ts.Check(cmd.Start())
	go func() {
		defer close(p.ended)
		cmd.Wait()
	}()
	sessionOf(ts).running[name] = p
	ts.Defer(func() { p.log(ts, name) })
}

// command prepares a program that sees the script's folder and environment.
func command(ctx context.Context, ts *testscript.TestScript, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, key := range []string{"PATH", "HOME", "TMPDIR", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOTOOLCHAIN", "GOFLAGS", "CGO_ENABLED"} {
		cmd.Env = append(cmd.Env, key+"="+ts.Getenv(key))
	}
	return cmd
}

// until NAME REGEXP waits until NAME prints something new that matches. Named
// groups of the expression become variables.
func until(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) == 2, "until NAME REGEXP")
	p, re := named(ts, args[0]), regexp.MustCompile("(?m)"+args[1])
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		found, more := p.match(re)
		if more == nil {
			setGroups(ts, re, found)
			return
		}
		select {
		case <-more:
		case <-p.ended:
			if found, more := p.match(re); more == nil {
				setGroups(ts, re, found)
				return
			}
			ts.Fatalf("%s ended (%v) and never printed %q", args[0], p.cmd.ProcessState, re)
		case <-deadline.C:
			ts.Fatalf("%s never printed %q", args[0], re)
		}
	}
}

// ctrl-c NAME presses Ctrl-C. The program must end with exit code 0.
func ctrlC(ts *testscript.TestScript, neg bool, args []string) {
	expect(ts, len(args) == 1, "ctrl-c NAME")
	p := named(ts, args[0])
	ts.Check(p.cmd.Process.Signal(os.Interrupt))
	awaitEnd(ts, args[0], p)
	if ok := p.cmd.ProcessState.Success(); ok == neg {
		ts.Fatalf("%s ended with %v", args[0], p.cmd.ProcessState)
	}
}

// kill-9 NAME kills. It returns when all that the program started, and that
// shares its output, is gone too.
func kill9(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) == 1, "kill-9 NAME")
	p := named(ts, args[0])
	ts.Check(p.cmd.Process.Signal(syscall.SIGKILL))
	awaitEnd(ts, args[0], p)
}

// orphan NAME kills, and waits for nobody else.
func orphan(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) == 1, "orphan NAME")
	p := named(ts, args[0])
	ts.Check(p.cmd.Process.Kill())
	for p.cmd.Process.Signal(syscall.Signal(0)) == nil { // until it is reaped
		runtime.Gosched()
	}
}

func awaitEnd(ts *testscript.TestScript, name string, p *process) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	select {
	case <-p.ended:
		delete(sessionOf(ts).running, name)
	case <-deadline.C:
		ts.Fatalf("%s does not end", name)
	}
}

// http METHOD URL [BODY [TYPE [HEADER...]]] makes a request, with a body of JSON
// unless TYPE is another media type, and prints the status, the headers and the
// body. A BODY of @N is N bytes long. With "!" the status must be an error.
func request(ts *testscript.TestScript, neg bool, args []string) {
	expect(ts, len(args) >= 2, "http METHOD URL [BODY [TYPE [HEADER...]]]")
	body, media := "", "application/json"
	var headers []string
	if len(args) >= 3 {
		body = args[2]
	}
	if len(args) >= 4 {
		media, headers = args[3], args[4:]
	}
	var size int
	if n, _ := fmt.Sscanf(body, "@%d", &size); n == 1 {
		body = `"` + strings.Repeat("x", size-2) + `"`
	}
	status, text, err := ask(args[0], args[1], body, media, headers...)
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), text)
	ts.Logf("%s", text)
	sessionOf(ts).body = text
	if (status >= 400) != neg {
		ts.Fatalf("unexpected status %d", status)
	}
}

// poll URL REGEXP asks until the answer matches.
func poll(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) == 2, "poll URL REGEXP")
	re := regexp.MustCompile(args[1])
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, text, err := ask("GET", args[0], "", "")
		if err == nil && re.MatchString(text) {
			fmt.Fprint(ts.Stdout(), text)
			sessionOf(ts).body = text
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no answer matches %q; the last was %v\n%s", re, err, text)
		}
		<-tick.C
	}
}

// pick REGEXP sets variables from named groups that match the last answer.
func pick(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) == 1, "pick REGEXP")
	re := regexp.MustCompile(args[0])
	found := re.FindStringSubmatch(sessionOf(ts).body)
	if found == nil {
		ts.Fatalf("%q does not match %s", re, sessionOf(ts).body)
	}
	setGroups(ts, re, found)
}

func ask(method, url, body, media string, headers ...string) (status int, text string, err error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if body != "" {
		req.Header.Set("Content-Type", media)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	// One connection for each: a kept one would outlive the script.
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	var out strings.Builder
	fmt.Fprintln(&out, res.Status)
	res.Header.Write(&out)
	fmt.Fprintln(&out)
	_, err = io.Copy(&out, res.Body)
	fmt.Fprintln(&out)
	return res.StatusCode, out.String(), err
}

func named(ts *testscript.TestScript, name string) *process {
	p := sessionOf(ts).running[name]
	if p == nil {
		ts.Fatalf("nothing with the name %s is running", name)
	}
	return p
}

func setGroups(ts *testscript.TestScript, re *regexp.Regexp, found []string) {
	for i, group := range re.SubexpNames() {
		if group != "" {
			ts.Setenv(group, found[i])
		}
	}
}

func expect(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

package framework

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/funchost/funchost/framework/internal/lifecycle"
	"github.com/funchost/funchost/framework/internal/settings"
)

// Exit codes of [Main].
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// orphanBudget is how long a stop may take when the command that started the
// host is gone. The scheduler went with it, so there is nobody to drain to, and
// the developer who starts the command again wants the ports.
const orphanBudget = time.Duration(0)

// Main runs the app as a program and does not return. Settings come from flags,
// the environment and funchost.yaml; --help lists them. SIGINT and SIGTERM stop
// the app in order, a second one at once.
//
// The exit code is 0 after a stop that was asked for, 1 when something failed
// and 2 when the program was called wrongly. Errors go to standard error, one
// line each and a second one with the way out.
func Main(a *App) {
	ctx, stop := SignalContext(context.Background())
	environ := os.Environ()
	for _, name := range []string{envLifeline, envReport} {
		_ = os.Unsetenv(name) // what the program starts has no part in this
	}
	code := a.main(ctx, os.Args[1:], environ, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func (a *App) main(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	parent, err := openParent(environ)
	if err != nil {
		printError(stderr, err)
		return exitUsage
	}
	defer parent.close()
	ctx, unwatch := parent.watch(ctx)
	defer unwatch()

	hub, verifying := find(environ, envVerify)
	if verifying {
		var v *verdict
		if v, err = a.verify(ctx, hub); err == nil {
			parent.say(state{State: "verified", Verdict: v})
		}
	} else {
		err = a.run(ctx, args, environ, parent.ready)
	}
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, settings.ErrHelp):
		fmt.Fprintf(stdout, "Runs the app %s until it is stopped.\n\nSettings:\n", a.name)
		settings.WriteUsage(stdout, keys)
		return exitDone
	}
	if told := parent.failed(err); !told || !verifying { // the command that verifies says it itself
		printError(stderr, err)
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

// printError puts the name before the first line of each of several joined
// errors; the lines with the way out are indented.
func printError(w io.Writer, err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !strings.HasPrefix(line, " ") {
			line = "funchost: " + line
		}
		fmt.Fprintln(w, line)
	}
}

// parent is the command that started this host, if one did: `funchost run`. It
// holds the other ends of two pipes.
type parent struct {
	lifeline *os.File // nil, or read until the parent is gone
	report   *os.File // nil, or takes one line
}

// state is the line that goes to the parent.
type state struct {
	State     string     `json:"state"` // ready, failed or verified
	Error     string     `json:"error,omitempty"`
	Listen    string     `json:"listen,omitempty"`
	Admin     string     `json:"admin,omitempty"`
	Routes    []Route    `json:"routes,omitempty"`
	Schedules []Schedule `json:"schedules,omitempty"`
	Verdict   *verdict   `json:"verdict,omitempty"`
}

func openParent(environ []string) (*parent, error) {
	lifeline, err := openPipe(environ, envLifeline)
	if err != nil {
		return nil, err
	}
	report, err := openPipe(environ, envReport)
	if err != nil {
		if lifeline != nil {
			_ = lifeline.Close()
		}
		return nil, err
	}
	return &parent{lifeline, report}, nil
}

func openPipe(environ []string, name string) (*os.File, error) {
	text, ok := find(environ, name)
	if !ok {
		return nil, nil
	}
	fd, err := strconv.Atoi(text)
	if err == nil && fd < 3 {
		err = errors.New("it is one of the standard streams")
	}
	var pipe *os.File
	if err == nil {
		pipe, err = adopt(fd, name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s=%q is not a pipe of `funchost run`: %w\n  unset it", name, text, err)
	}
	return pipe, nil
}

// find looks for a variable.
func find(environ []string, name string) (text string, ok bool) {
	i := slices.IndexFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, name+"=") })
	if i < 0 {
		return "", false
	}
	return environ[i][len(name)+1:], true
}

// watch returns a context that ends when the parent is gone.
func (p *parent) watch(ctx context.Context) (_ context.Context, stop func()) {
	if p.lifeline == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, p.lifeline)
		cancel(&lifecycle.HurryError{Budget: orphanBudget, Reason: "the command that started this host is gone"})
	}()
	return ctx, func() {
		_ = p.lifeline.Close() // ends the copy
		<-ended
	}
}

func (p *parent) ready(r Ready) {
	p.say(state{State: "ready", Listen: r.Listen, Admin: r.Admin, Routes: r.Routes, Schedules: r.Schedules})
}

// failed reports whether there was somebody to tell.
func (p *parent) failed(err error) bool {
	told := p.report != nil
	p.say(state{State: "failed", Error: err.Error()})
	return told
}

// say writes the one line. A parent that is not there to read it is noticed by
// the lifeline.
func (p *parent) say(s state) {
	if p.report == nil {
		return
	}
	line, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("BUG: encode report: %v", err))
	}
	_, _ = p.report.Write(append(line, '\n'))
	p.close()
}

func (p *parent) close() {
	if p.report != nil {
		_ = p.report.Close()
		p.report = nil
	}
}

package interop

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"github.com/funchost/funchost/dts/dtstest"
)

// program is a running program of an SDK.
type program struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan []byte // of its stdout; closed when it ends
	stderr bytes.Buffer
	end    sync.Once
}

// start runs a program that connects to a hub of the scheduler, "" for what the
// SDK does by itself, and kills it when the test ends.
func (s sdk) start(t *testing.T, sched *dtstest.Scheduler, hub, script string, flags ...string) *program {
	t.Helper()
	endpoint, err := url.Parse(sched.ConnectionString().Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.command(t.Context(), t, script, slices.Concat([]string{endpoint.Host, hub}, flags)...)
	p := &program{t: t, name: s.name + " " + script, cmd: cmd, lines: make(chan []byte, 16)}
	cmd.Stderr = &p.stderr
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(stdout)
	t.Cleanup(p.kill)
	return p
}

func (p *program) read(stdout io.Reader) {
	defer close(p.lines)
	scan := bufio.NewScanner(stdout)
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		p.lines <- bytes.Clone(scan.Bytes())
	}
}

// kill ends the program at once, with no chance to say good-bye to the scheduler.
func (p *program) kill() {
	p.end.Do(func() {
		_ = p.cmd.Process.Kill()
		for range p.lines { // Wait must not close the pipe under the reader
		}
		_ = p.cmd.Wait()
		if p.t.Failed() {
			text := p.stderr.Bytes()
			p.t.Logf("%s wrote to stderr: %s", p.name, text[max(0, len(text)-4000):])
		}
	})
}

// next reads the next line that the program reports.
func (p *program) next(ctx context.Context, value any) error {
	select {
	case line, ok := <-p.lines:
		if !ok {
			return fmt.Errorf("%s has ended", p.name)
		}
		return json.Unmarshal(line, value)
	case <-ctx.Done():
		return fmt.Errorf("%s says nothing: %w", p.name, ctx.Err())
	}
}

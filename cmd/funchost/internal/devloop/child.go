package devloop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Report is what a host says about itself, once, when it is ready or has given
// up: one line of JSON on a pipe that it inherits.
type Report struct {
	State     string     `json:"state"` // "ready", "failed" or "verified"
	Error     string     `json:"error"`
	Listen    string     `json:"listen"` // host:port
	Admin     string     `json:"admin"`
	Routes    []Route    `json:"routes"`
	Schedules []Schedule `json:"schedules"`
	Verdict   *Verdict   `json:"verdict"` // in state "verified"
}

// Route is one HTTP pattern of a host.
type Route struct {
	Method       string          `json:"method"`
	Pattern      string          `json:"pattern"`
	Orchestrator string          `json:"orchestrator"`
	Sample       json.RawMessage `json:"sample"`    // a body that the route takes, if the host knows one
	MediaType    string          `json:"mediaType"` // of the body; empty for application/json
}

// Schedule is a trigger of a host that waits for the time.
type Schedule struct {
	Trigger      string      `json:"trigger"`
	Spec         string      `json:"spec"`
	Orchestrator string      `json:"orchestrator"`
	Next         []time.Time `json:"next"` // due times
}

// The pipes of a child, as it sees them: the first two of exec.Cmd.ExtraFiles.
const (
	lifelineFD = 3
	reportFD   = 4
	maxReport  = 64 << 20 // a verdict on a hub full of differences
)

// child is a running program. It dies with its parent: it ends when the write
// end of lifeline closes, which the kernel does even if the parent is killed.
type child struct {
	cmd      *exec.Cmd
	lifeline *os.File
	reports  chan Report   // gets one report at most
	exited   chan struct{} // closed when the process has ended; err is set then
	err      error
}

// start runs binary in dir with env and what describes the pipes.
func start(binary, dir string, env []string, stdout, stderr io.Writer) (*child, error) {
	lifelineRead, lifeline, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	defer lifelineRead.Close()
	report, reportWrite, err := os.Pipe()
	if err != nil {
		lifeline.Close()
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	defer reportWrite.Close()

	cmd := exec.Command(binary)
	cmd.Dir = dir
	cmd.Env = slices.Concat(env, []string{
		fmt.Sprintf("FUNCHOST_LIFELINE_FD=%d", lifelineFD),
		fmt.Sprintf("FUNCHOST_REPORT_FD=%d", reportFD),
	})
	cmd.ExtraFiles = []*os.File{lifelineRead, reportWrite}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = time.Second
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		lifeline.Close()
		report.Close()
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}

	c := &child{cmd: cmd, lifeline: lifeline, reports: make(chan Report, 1), exited: make(chan struct{})}
	listened := make(chan struct{})
	go func() {
		defer close(listened)
		c.listen(report)
	}()
	go func() {
		defer close(c.exited)
		c.err = cmd.Wait()
		lifeline.Close()
		// A last report is in the pipe by now; the deadline is for a child of
		// the child that keeps the other end open.
		_ = report.SetReadDeadline(time.Now().Add(time.Second))
		<-listened
	}()
	return c, nil
}

// listen reads the report.
func (c *child) listen(pipe *os.File) {
	defer pipe.Close()
	line, err := bufio.NewReader(io.LimitReader(pipe, maxReport)).ReadBytes('\n')
	if err != nil {
		return // the child never said anything, or not all of it
	}
	var r Report
	if err := json.Unmarshal(line, &r); err != nil {
		r = Report{State: "failed", Error: fmt.Sprintf("the report of the program is no JSON: %v", err)}
	}
	c.reports <- r
}

// stop ends the child: it asks, waits up to grace or until kill is closed, then
// kills. It returns when the child is gone.
func (c *child) stop(grace time.Duration, kill <-chan struct{}) error {
	if err := askToStop(c.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the program: %w", err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	late := fmt.Errorf("the program did not stop within %s and was killed", grace)
	select {
	case <-c.exited:
		return nil
	case <-kill:
		late = nil
	case <-timer.C:
	}
	if err := killGroup(c.cmd.Process); err != nil {
		return fmt.Errorf("kill the program: %w", err)
	}
	<-c.exited
	return late
}

// end says how the child ended: "exit code 3", "signal: killed".
func (c *child) end() string {
	if c.cmd.ProcessState == nil {
		return c.err.Error()
	}
	return strings.Replace(c.cmd.ProcessState.String(), "exit status", "exit code", 1)
}

//go:build unix

package devloop

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

const exeSuffix = ""

// ownGroup starts cmd in a process group of its own. A Ctrl-C in the terminal
// then reaches the command alone, which stops the child in order.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// askToStop sends what a host takes as a request to stop in order.
func askToStop(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// killGroup ends the process and whatever it started.
func killGroup(p *os.Process) error {
	err := syscall.Kill(-p.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return nil // it ended in this very moment
	}
	return err
}

// alive tells whether there is a process with that id, whoever owns it.
func alive(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

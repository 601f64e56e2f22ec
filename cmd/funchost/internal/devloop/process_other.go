//go:build !unix

package devloop

import (
	"os"
	"os/exec"
)

const exeSuffix = ".exe"

// Without inherited pipes the child cannot be started at all here (see
// exec.Cmd.ExtraFiles), so these only keep the package compiling.

func ownGroup(*exec.Cmd) {}

func askToStop(p *os.Process) error { return p.Kill() }

func killGroup(p *os.Process) error { return p.Kill() }

func alive(int) bool { return true }

//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/funchost/funchost/deploy/keda/e2e/ledger"
)

// rig is the cluster of tools/keda-rig, in a folder of this test's own.
type rig struct {
	root  string // of our module
	cache string // what is built once
	dir   string // what this run leaves: logs, the scheduler's data, the ledger
	lock  *os.File
}

// newRig takes the folder. A run that was killed has left processes in it, and
// they end now.
func newRig(ctx context.Context) (*rig, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return nil, err
	}
	r := &rig{root: filepath.Dir(strings.TrimSpace(string(mod)))}
	if r.cache, err = filepath.Abs(cmp.Or(os.Getenv("KEDA_RIG_CACHE"), filepath.Join(r.root, ".cache/keda-rig"))); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(r.cache, 0o750); err != nil { //nolint:gosec // whoever calls may say where
		return nil, err
	}
	if r.cache, err = filepath.EvalSymlinks(r.cache); err != nil {
		return nil, err
	}
	r.dir = filepath.Join(r.cache, "e2e")
	if r.lock, err = os.Create(r.dir + ".lock"); err != nil { //nolint:gosec // as above
		return nil, err
	}
	if err := syscall.Flock(int(r.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		r.unlock()
		return nil, fmt.Errorf("another run has %s: wait for it, or choose another KEDA_RIG_CACHE", r.dir)
	}
	if err := r.down(); err != nil {
		r.unlock()
		return nil, err
	}
	return r, os.RemoveAll(r.dir) //nolint:gosec // as above
}

func (r *rig) unlock() { _ = r.lock.Close() }

// build builds the rig, unless it is there, and our programs.
func (r *rig) build(ctx context.Context) error {
	if err := r.do(ctx, r.script("build.sh")...); err != nil {
		return err
	}
	return r.do(ctx, "go", "build", "-o", r.dir+"/bin/", "./cmd/funchost", "./deploy/keda/e2e/app")
}

func (r *rig) up(ctx context.Context) error { return r.do(ctx, r.script("up.sh")...) }

// down also works when nothing is up, and when the run was interrupted.
func (r *rig) down() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return r.do(ctx, r.script("down.sh")...)
}

func (r *rig) script(name string) []string {
	return []string{filepath.Join(r.root, "tools/keda-rig", name)}
}

// kubectl prints what kubectl says.
func (r *rig) kubectl(ctx context.Context, args ...string) error {
	return r.do(ctx, r.kubectlCommand(args)...)
}

func (r *rig) kubectlCommand(args []string) []string {
	return append([]string{r.cache + "/bin/kuberig", "kubectl", "--kubeconfig", r.dir + "/pki/kubeconfig"}, args...)
}

// do runs a command in the root of the module.
func (r *rig) do(ctx context.Context, command ...string) error {
	cmd := r.command(ctx, command)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(command[0]), errors.Join(context.Cause(ctx), err))
	}
	return nil
}

// command is told to stop, with what it has started, when ctx ends. If the test is
// killed it ends too: an up.sh that went on would take down the rig of the next run.
func (r *rig) command(ctx context.Context, command []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "KEDA_RIG_CACHE="+r.cache, "KEDA_RIG_DIR="+r.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// ledger reads what the workers wrote down from a moment on.
func (r *rig) ledger(from time.Time) ([]ledger.Entry, error) {
	return ledger.Read(r.dir+"/ledger", from)
}

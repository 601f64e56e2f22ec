package devloop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/funchost/funchost/dts"
)

// Verdict is what a program says about the unfinished instances of a hub.
type Verdict struct {
	Checked     int            `json:"checked"`
	Differences []Difference   `json:"differences"`
	Unknown     map[string]int `json:"unknown"` // instances of orchestrators that the program does not have
}

// Difference is an instance that the program would lead another way.
type Difference struct {
	Instance     string `json:"instance"`
	Orchestrator string `json:"orchestrator"`
	Event        int    `json:"event"` // number of the entry of the history, from 1
	Kind         string `json:"kind,omitempty"`
	History      string `json:"history"`
	Code         string `json:"code"`
	At           string `json:"at,omitempty"` // file:line
}

// Verify builds a program and runs it in the mode in which it replays the unfinished
// instances of a hub and does nothing else. What it prints goes to output.
//
// The program gets the hub by a variable that only framework.Main knows: nothing else
// in it could reach the hub by mistake, and work on it.
func Verify(ctx context.Context, p *Program, hub dts.ConnectionString, output io.Writer) (_ Verdict, err error) {
	tmp, err := makeFolder(os.TempDir())
	if err != nil {
		return Verdict{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	binary, err := p.build(ctx, tmp)
	if err != nil {
		return Verdict{}, err
	}
	c, err := start(binary, p.Dir(), verifyEnv(os.Environ(), hub), output, output)
	if err != nil {
		return Verdict{}, err
	}
	select {
	case <-ctx.Done():
		return Verdict{}, errors.Join(ctx.Err(), c.stop(time.Second, nil))
	case <-c.exited:
	}
	select {
	case r := <-c.reports:
		if r.Verdict == nil {
			return Verdict{}, errors.New(r.Error)
		}
		return p.shorten(*r.Verdict), nil
	default:
		return Verdict{}, fmt.Errorf("%s ended with %s and verified nothing\n  its main must call framework.Main", p.Name(), c.end())
	}
}

// shorten makes the paths of a verdict relative, as those of the compiler are.
func (p *Program) shorten(v Verdict) Verdict {
	cwd, err := os.Getwd()
	if err != nil {
		return v
	}
	for i, d := range v.Differences {
		if filepath.IsAbs(d.At) {
			v.Differences[i].At = relativeTo(cwd, p.dir, d.At)
		}
	}
	return v
}

// verifyEnv is the environment of a program that verifies: ours, without any way to a
// hub but the one.
func verifyEnv(ours []string, hub dts.ConnectionString) []string {
	ways := []string{
		"DTS_CONNECTION_STRING", "DURABLE_TASK_SCHEDULER_CONNECTION_STRING", "FUNCHOST_SCHEDULER", "TASKHUB_NAME", "FUNCHOST_TASK_HUB",
		"FUNCHOST_VERIFY", "FUNCHOST_LIFELINE_FD", "FUNCHOST_REPORT_FD",
	}
	env := slices.DeleteFunc(slices.Clone(ours), func(entry string) bool {
		key, _, _ := strings.Cut(entry, "=")
		return slices.Contains(ways, key)
	})
	return append(env, "FUNCHOST_VERIFY="+hub.String())
}

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/funchost/funchost/templates"
)

// self is the module that this command belongs to and that new programs require.
const self = "github.com/funchost/funchost"

// source is where a new program gets this module from: a checkout, for a command
// that was built from one that is still there, or a released version.
type source struct {
	checkout, version string
}

func findSource() (source, error) {
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) { // a path is relative after -trimpath
		root := filepath.Join(filepath.Dir(file), "..", "..", "..", "..")
		text, err := os.ReadFile(filepath.Join(root, "go.mod"))
		released := strings.Contains(filepath.Base(root), "@") // it lies in the module cache
		if err == nil && !released && strings.HasPrefix(string(text), "module "+self+"\n") {
			return source{checkout: root}, nil
		}
	}
	// A version with + was built from changed files, so nobody can download it.
	if v := version(); v != "devel" && !strings.Contains(v, "+") {
		return source{version: v}, nil
	}
	return source{}, fmt.Errorf("this command (%s) is no release and its checkout is gone, so a new program could not find it\n"+
		"  install it with: go install %s/cmd/funchost@latest", version(), self)
}

// addTo adds go.mod, and what else the module needs to find this one.
func (s source) addTo(ctx context.Context, tool string, files []templates.File, module string) ([]templates.File, error) {
	begin := "module " + module + "\n\ngo " + templates.GoVersion + "\n\n"
	if s.checkout == "" {
		return append(files, goMod(begin+"require "+self+" "+s.version+"\n")), nil
	}
	required, err := requirements(ctx, tool, s.checkout)
	if err != nil {
		return nil, err
	}
	// With the sums of the checkout nothing has to be downloaded that it has.
	sums, err := os.ReadFile(filepath.Join(s.checkout, "go.sum"))
	if err != nil {
		return nil, err
	}
	return append(files,
		goMod(begin+"require "+self+" v0.0.0\n\n"+
			"// The funchost command that made this module was built from a checkout, which\n"+
			"// is used here. For a release, remove this replace and run\n"+
			"// go get "+self+"@latest\n"+
			"replace "+self+" => "+quotePath(s.checkout)+"\n\n"+required),
		templates.File{Name: "go.sum", Text: sums}), nil
}

func goMod(text string) templates.File { return templates.File{Name: "go.mod", Text: []byte(text)} }

// requirements are the lines of a go.mod for all that a checkout requires.
func requirements(ctx context.Context, tool, checkout string) (string, error) {
	cmd := exec.CommandContext(ctx, tool, "mod", "edit", "-json")
	cmd.Dir = checkout
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("read the requirements of %s: %w", checkout, err)
	}
	var mod struct {
		Require []struct {
			Path    string `json:"Path"`
			Version string `json:"Version"`
		} `json:"Require"`
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		return "", fmt.Errorf("read the requirements of %s: %w", checkout, err)
	}
	var b strings.Builder
	b.WriteString("require (\n")
	for _, r := range mod.Require {
		fmt.Fprintf(&b, "\t%s %s // indirect\n", r.Path, r.Version)
	}
	b.WriteString(")\n")
	return b.String(), nil
}

// quotePath writes a path as a go.mod has it.
func quotePath(path string) string {
	if strings.ContainsAny(path, " \t\"'`()[]{},") || strings.Contains(path, "//") {
		return strconv.Quote(path)
	}
	return path
}

// tidy leaves in go.mod what the program needs. One that uses a checkout works
// without, so offline nothing is lost.
func (s source) tidy(ctx context.Context, tool, dir string, environ []string, con console) error {
	cmd := exec.CommandContext(ctx, tool, "mod", "tidy")
	cmd.Dir = dir
	cmd.Env = slices.Concat(environ, []string{"GOWORK=off"})
	con.hintf("go mod tidy ...\n")
	out, err := cmd.CombinedOutput()
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	lines := strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "\n  ")
	if s.checkout != "" {
		con.hintf("go.mod lists more than it must, since go mod tidy says\n  %s\n", lines)
		return nil
	}
	return fmt.Errorf("%s is written, but does not build yet: go mod tidy: %w\n  %s\n  run it there again when the cause is gone", dir, err, lines)
}

// findGo finds the go command.
func findGo() (string, error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return "", errors.New("the go command is not in PATH; it completes the new module\n" +
			"  install Go from https://go.dev/dl and open a new terminal")
	}
	return tool, nil
}

package devloop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Program is a main package on disk that the go command can build.
type Program struct {
	dir    string // absolute
	goTool string // path of the go command
}

// NotProgramError says why a folder cannot be run and what to do about it. It
// is the caller's mistake, not the program's.
type NotProgramError struct {
	Dir, Problem, WayOut string
}

func (e *NotProgramError) Error() string {
	return fmt.Sprintf("run %s: %s\n  %s", e.Dir, e.Problem, e.WayOut)
}

// Find checks that dir holds a Go program. It returns a [*NotProgramError] if
// it does not, and another error if the go command is missing. Whether the
// program compiles is left to the build.
func Find(ctx context.Context, dir string) (*Program, error) {
	const name = "name the folder of your main package: funchost run ./path/to/app"
	refuse := func(problem, wayOut string) error {
		return &NotProgramError{Dir: dir, Problem: problem, WayOut: wayOut}
	}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, os.ErrNotExist):
		return nil, refuse("there is no such folder", name)
	case err != nil:
		return nil, fmt.Errorf("run %s: %w", dir, err)
	case !info.IsDir():
		return nil, refuse("this is a file, not a folder", name)
	}
	// Not with filepath.Glob: the path is a name and may have brackets in it.
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", dir, err)
	}
	if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return filepath.Ext(e.Name()) == ".go" }) {
		return nil, refuse("there are no Go files in this folder", name)
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		return nil, errors.New("the go command is not in PATH; it builds your program\n" +
			"  install Go from https://go.dev/dl and open a new terminal")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", dir, err)
	}
	p := &Program{dir: abs, goTool: tool}
	if !p.inModule(ctx) {
		return nil, refuse("this folder is in no Go module", "make it one there: go mod init example.com/app")
	}
	pkgs, err := p.list(ctx, "-e", ".")
	if err != nil {
		return nil, err
	}
	// A package without a name has no file that can be read or that belongs
	// to this platform; the build will say which.
	if len(pkgs) == 1 && pkgs[0].Name != "" && pkgs[0].Name != "main" {
		return nil, refuse(fmt.Sprintf("this is package %s, not package main", pkgs[0].Name), name)
	}
	return p, nil
}

// Dir is the absolute path of the program's folder.
func (p *Program) Dir() string { return p.dir }

// Name is what the program is called: the name of its folder.
func (p *Program) Name() string { return filepath.Base(p.dir) }

// listed is what the loop wants to know of a package from go list.
type listed struct {
	ImportPath string   `json:"ImportPath"`
	Dir        string   `json:"Dir"`
	Name       string   `json:"Name"`
	Module     *module  `json:"Module"`
	EmbedFiles []string `json:"EmbedFiles"`
}

type module struct {
	Path string `json:"Path"`
	Dir  string `json:"Dir"`
	Main bool   `json:"Main"`
}

// sources finds the folders that the program is made of: those of every
// package of its own module that it imports, however far down, those of their
// embedded files, and the module's own for go.mod. Folders that an import
// names but that do not exist yet are among them.
func (p *Program) sources(ctx context.Context) (sources, error) {
	pkgs, err := p.list(ctx, "-e", "-deps", ".")
	if err != nil {
		return sources{}, err
	}
	src := newSources(p.dir)
	roots := make(map[string]string) // module path -> folder
	for _, pkg := range pkgs {
		if pkg.Module == nil || !pkg.Module.Main {
			continue
		}
		roots[pkg.Module.Path] = pkg.Module.Dir
		src.code[pkg.Dir] = true
		src.modules[pkg.Module.Dir] = true
		for _, file := range pkg.EmbedFiles {
			src.embedded[filepath.Join(pkg.Dir, filepath.Dir(file))] = true
		}
	}
	for _, pkg := range pkgs {
		if pkg.Dir != "" {
			continue
		}
		for path, root := range roots {
			if rest, ok := strings.CutPrefix(pkg.ImportPath, path+"/"); ok {
				src.code[filepath.Join(root, filepath.FromSlash(rest))] = true
			}
		}
	}
	return src, nil
}

func (p *Program) inModule(ctx context.Context) bool {
	out, err := p.goCommand(ctx, "env", "GOMOD").Output()
	file := strings.TrimSpace(string(out))
	return err == nil && file != "" && file != os.DevNull
}

func (p *Program) list(ctx context.Context, args ...string) ([]listed, error) {
	cmd := p.goCommand(ctx, append([]string{"list", "-json=ImportPath,Dir,Name,Module,EmbedFiles"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w\n  %s", p.dir, err, strings.TrimSpace(stderr.String()))
	}
	var pkgs []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg listed
		switch err := dec.Decode(&pkg); {
		case errors.Is(err, io.EOF):
			return pkgs, nil
		case err != nil:
			return nil, fmt.Errorf("go list in %s: %w", p.dir, err)
		}
		pkgs = append(pkgs, pkg)
	}
}

// goCommand prepares a run of the go command in the program's folder. When ctx
// ends it is interrupted, so that it can stop the compilers it started.
func (p *Program) goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.goTool, args...)
	cmd.Dir = p.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

package devloop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// CompileError carries what the compiler said about a program. The paths in
// it are relative to the folder that funchost was called in, as an editor's
// terminal expects them.
type CompileError struct {
	Program string
	Lines   []string
}

func (e *CompileError) Error() string {
	return fmt.Sprintf("%s does not compile\n  %s", e.Program, strings.Join(e.Lines, "\n  "))
}

// build compiles the program into the folder into, which must exist, and
// returns the path of the binary. It returns a [*CompileError] when the go
// command ran and refused.
func (p *Program) build(ctx context.Context, into string) (string, error) {
	binary := filepath.Join(into, p.Name()+exeSuffix)
	// The version stamp would cost two runs of git at each save.
	cmd := p.goCommand(ctx, "build", "-buildvcs=false", "-o", binary, ".")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err == nil {
		return binary, nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if _, refused := errors.AsType[*exec.ExitError](err); !refused {
		return "", fmt.Errorf("build %s: %w", p.dir, err)
	}
	cwd, wdErr := os.Getwd()
	if wdErr != nil {
		cwd = p.dir
	}
	return "", &CompileError{Program: p.Name(), Lines: compilerLines(out.String(), p.dir, cwd)}
}

// position matches the start of a compiler line: a path and a line number.
var position = regexp.MustCompile(`^(.+\.[a-z]+):(\d+)`)

// compilerLines turns the output of go build in dir into lines whose paths
// are relative to cwd. The "# package" headings go: the paths say it already.
func compilerLines(output, dir, cwd string) []string {
	var lines []string
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		if at := position.FindStringSubmatchIndex(line); at != nil {
			line = relativeTo(cwd, dir, line[:at[3]]) + line[at[3]:]
		}
		lines = append(lines, line)
	}
	return lines
}

// relativeTo rewrites path, which is absolute or relative to dir, for a reader
// in cwd.
func relativeTo(cwd, dir, path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	rel, err := filepath.Rel(cwd, path)
	if err != nil {
		return path
	}
	return rel
}

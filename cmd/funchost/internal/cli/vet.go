package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

func vetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "vet [packages]",
		Short: "Finds what orchestrators must not do: clocks, random numbers, goroutines, I/O and more.",
		Long: `Finds what orchestrators must not do, because they are run again from their first line.

It follows their code into everything that they call, and shows the way. Packages are
written as for the go command; the default is ./... Exit code 1 means that there are
mistakes, or that a package does not compile.`,
		Example: "  funchost vet ./...",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"./..."}
			}
			return vet(cmd.Context(), args, newConsole(cmd, slog.LevelWarn))
		},
	}
}

// vet lets the go command call this program as its vettool, once for each package.
// The go command compiles what has to be, remembers what it has seen, and sees to it
// that packages come after those they import.
func vet(ctx context.Context, packages []string, con console) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("vet: %w", err)
	}
	var found bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"vet", "-json", "-vettool=" + self, "--"}, packages)...)
	cmd.Stdout, cmd.Stderr = &found, con.err
	runErr := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](runErr); runErr != nil && !ended {
		return fmt.Errorf("vet: %w\n  it needs the go command", runErr)
	}
	mistakes, err := readMistakes(&found)
	if err != nil {
		return fmt.Errorf("vet: %w", err)
	}
	for _, m := range mistakes {
		con.printf("%s:%d:%d: %s\n", m.file, m.line, m.column, m.text)
	}
	switch {
	case runErr != nil:
		return errors.New("vet: the packages above cannot be looked at\n  see what the go command says about them")
	case len(mistakes) == 1:
		return errors.New("vet: 1 mistake\n  it ends with its way out; //durable:ignore REASON above the line hides it")
	case len(mistakes) > 1:
		return fmt.Errorf("vet: %d mistakes\n  each ends with its way out; //durable:ignore REASON above a line hides what is there", len(mistakes))
	default:
		return nil
	}
}

// vetMistake is one finding and its place, whose file is written as the reader would.
type vetMistake struct {
	file         string
	line, column int
	text         string
}

// readMistakes reads what the go command prints: for each package an object with the
// name of the package, in which is one with the name of the analyzer. A package is
// looked at again with its tests, so what is found there comes twice.
func readMistakes(r io.Reader) ([]vetMistake, error) {
	var mistakes []vetMistake
	for decoder := json.NewDecoder(r); ; {
		var packages map[string]map[string]json.RawMessage
		if err := decoder.Decode(&packages); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read what go vet prints: %w", err)
		}
		for name, analyzers := range packages {
			for _, text := range analyzers {
				var found []struct {
					Posn    string `json:"posn"`
					Message string `json:"message"`
				}
				if err := json.Unmarshal(text, &found); err != nil { // an error of the analyzer, which is no list
					return nil, fmt.Errorf("package %s: %s", name, text)
				}
				for _, f := range found {
					mistakes = append(mistakes, newVetMistake(f.Posn, f.Message))
				}
			}
		}
	}
	slices.SortFunc(mistakes, func(a, b vetMistake) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(a.text, b.text))
	})
	return slices.Compact(mistakes), nil
}

// newVetMistake takes a place apart that is written file:line:column.
func newVetMistake(place, text string) vetMistake {
	m := vetMistake{file: place, text: text}
	for _, n := range []*int{&m.column, &m.line} {
		if i := strings.LastIndexByte(m.file, ':'); i >= 0 {
			*n, _ = strconv.Atoi(m.file[i+1:])
			m.file = m.file[:i]
		}
	}
	if cwd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(cwd, m.file); err == nil && filepath.IsLocal(rel) {
			m.file = rel
		}
	}
	return m
}

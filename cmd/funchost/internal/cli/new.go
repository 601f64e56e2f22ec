package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/templates"
)

func newCommand() *cobra.Command {
	var module string
	cmd := &cobra.Command{
		Use:   "new TEMPLATE DIR",
		Short: "Writes a new program into a folder, to begin with.",
		Long: "Writes a new program into a folder, to begin with. The templates are\n\n" + templateList() + `
Each has a test and a README.md. The folder is made if it is not there; one
with something in it is refused.`,
		Example: "  funchost new http ./hello --module example.com/hello",
		Args:    usage(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return newProgram(cmd.Context(), args[0], args[1], module, newConsole(cmd, slog.LevelWarn))
		},
	}
	cmd.Flags().StringVar(&module, "module", "", "`path` of the Go module; default example.com/ and the name of the folder")
	return cmd
}

func templateList() string {
	var b strings.Builder
	for _, t := range templates.List() {
		fmt.Fprintf(&b, "  %-14s %s\n", t.Name, t.Summary)
	}
	return b.String()
}

// newProgram finds every mistake of the caller before it writes anything.
func newProgram(ctx context.Context, template, dir, module string, con console) error {
	dir = filepath.Clean(dir) // app/.. is this folder, also when there is no app
	if module == "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return fmt.Errorf("new %s: %w", dir, err)
		}
		module = "example.com/" + filepath.Base(abs)
	}
	if err := templates.CheckModule(module); err != nil {
		return callError{fmt.Errorf("%w\n  choose another with --module, as in --module example.com/hello", err)}
	}
	if module == self || strings.HasPrefix(module, self+"/") {
		return callError{fmt.Errorf("module path %q: that is the module which the new program uses\n"+
			"  choose another with --module, as in --module example.com/hello", module)}
	}
	files, err := templates.Render(template, module)
	if err != nil {
		return callError{fmt.Errorf("%w; there are\n%s", err, strings.TrimRight(templateList(), "\n"))}
	}
	if err := checkEmpty(dir); err != nil {
		return err
	}
	tool, err := findGo()
	if err != nil {
		return err
	}
	source, err := findSource()
	if err != nil {
		return err
	}
	if files, err = source.addTo(ctx, tool, files, module); err != nil {
		return err
	}
	if err := write(dir, files); err != nil {
		return fmt.Errorf("new %s: %w", dir, err)
	}
	if err := source.tidy(ctx, tool, dir, os.Environ(), con); err != nil {
		return err
	}
	con.printf("made %s from the template %s\n\ntry it:\n", dir, template)
	if dir != "." {
		con.printf("  cd %s\n", quote(dir))
	}
	con.printf("  go test ./...\n  funchost run\n\nREADME.md says how to go on\n")
	return nil
}

// checkEmpty refuses a folder that has something in it, which a person may want
// to keep.
func checkEmpty(dir string) error {
	refuse := func(problem string) error {
		return callError{fmt.Errorf("new %s: %s\n  name a folder that is empty or not there yet", dir, problem)}
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("new %s: %w", dir, err)
	case !info.IsDir():
		return refuse("this is a file, not a folder")
	}
	entries, err := os.ReadDir(dir)
	switch {
	case err != nil:
		return fmt.Errorf("new %s: %w", dir, err)
	case len(entries) > 0:
		return refuse("the folder is not empty, it has " + entries[0].Name())
	default:
		return nil
	}
}

func write(dir string, files []templates.File) error {
	for _, file := range files {
		to := filepath.Join(dir, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // source code is for everybody to read
			return err
		}
		if err := os.WriteFile(to, file.Text, 0o644); err != nil { //nolint:gosec // the same
			return err
		}
	}
	return nil
}

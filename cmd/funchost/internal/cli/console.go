package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

// console is where a command writes: answers to out, problems and logs to err.
// Hints are for somebody who watches, so they go to a terminal only.
type console struct {
	out, err io.Writer
	watched  bool // err is a terminal
	logger   *slog.Logger
}

// newConsole writes where cmd does and logs from level upwards: lines for
// people on a terminal, JSON otherwise.
func newConsole(cmd *cobra.Command, level slog.Level) console {
	con := console{out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()}
	if file, ok := con.err.(*os.File); ok {
		con.watched = isatty.IsTerminal(file.Fd())
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: readableDuration}
	var handler slog.Handler = slog.NewJSONHandler(con.err, options)
	if con.watched {
		handler = slog.NewTextHandler(con.err, options)
	}
	con.logger = slog.New(handler)
	return con
}

// readableDuration writes 410µs as hosts do, instead of a number without its unit.
func readableDuration(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

func (c console) printf(format string, args ...any) {
	fmt.Fprintf(c.out, format, args...)
}

// problemf tells about something that went wrong and did not end the command.
func (c console) problemf(format string, args ...any) {
	fmt.Fprintf(c.err, "funchost: "+format, args...)
}

func (c console) hintf(format string, args ...any) {
	if c.watched {
		fmt.Fprintf(c.err, format, args...)
	}
}

// stateName is how a state folder is shown: as the reader would write it.
func stateName(dir string) string {
	if dir == "" {
		return "memory: nothing is kept"
	}
	if cwd, err := os.Getwd(); err == nil && filepath.IsAbs(dir) {
		if rel, err := filepath.Rel(cwd, dir); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return dir
}

// Package cli is the funchost command: one file for each of its commands.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/cmd/funchost/internal/devloop"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durablevet"
)

// The exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitCalled = 2 // called wrongly: nothing was tried
	exitDiffer = 3 // only of verify: the code does not go with what is unfinished
)

// Main runs the command line that the process was started with and exits.
func Main() {
	durablevet.Vettool(os.Args[1:])
	ctx, stop := framework.SignalContext(context.Background())
	code := run(ctx, ofProcess(), os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run carries out one command line and returns its exit code.
func run(ctx context.Context, s surroundings, args []string, stdout, stderr io.Writer) int {
	root := rootCommand(s)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(stderr, "funchost: %v\n", err)
	return exitCode(err)
}

func exitCode(err error) int {
	if calledWrongly(err) {
		return exitCalled
	}
	if _, ok := errors.AsType[divergedError](err); ok {
		return exitDiffer
	}
	return exitFailed
}

func rootCommand(s surroundings) *cobra.Command {
	root := &cobra.Command{
		Use:           "funchost <command>",
		Short:         "Runs durable functions written in Go, and the scheduler that keeps their state.",
		Example:       "  funchost run ./examples/hellocities",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          usage(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.DisableFlagsInUseLine = true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpTemplate(helpTemplate)
	root.SetUsageTemplate(helpTemplate)
	root.SetFlagErrorFunc(wrongCall)
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Programs", []*cobra.Command{newCommand(), runCommand(), vetCommand(), verifyCommand(s), schedulerCommand(), scalerCommand(s)}},
		{"Orchestrations", []*cobra.Command{
			startCommand(s), getCommand(s), waitCommand(s), listCommand(s), historyCommand(s), raiseCommand(s),
			suspendCommand(s), resumeCommand(s), cancelCommand(s), terminateCommand(s), rewindCommand(s), restartCommand(s), purgeCommand(s),
		}},
		{"Entities", []*cobra.Command{entityCommand(s)}},
		{"This command", []*cobra.Command{versionCommand()}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.title
		}
		root.AddCommand(group.commands...)
	}
	return root
}

// helpTemplate shows what a command does, how it is written, one example, and
// what its exit code means, each on the fewest lines.
const helpTemplate = `{{if .Long}}{{.Long}}{{else}}{{.Short}}{{end}}

Usage:
  {{.UseLine}}{{if .HasAvailableSubCommands}}{{$commands := .Commands}}{{range $group := .Groups}}

{{.Title}}:{{range $commands}}{{if eq .GroupID $group.ID}}
  {{rpad .Name 12}}{{.Short}}{{end}}{{end}}{{end}}{{end}}{{if .HasExample}}

Example:
{{.Example}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}

Exit codes:
  0 done, 1 it failed, 2 it was called wrongly
`

// callError is a mistake in the command line. Its text says the way out.
type callError struct{ error }

func (e callError) Unwrap() error { return e.error }

// wrongCall is a mistake that the help explains best.
func wrongCall(cmd *cobra.Command, err error) error {
	if number, ok := errors.AsType[*strconv.NumError](err); ok { // whose text speaks of functions of Go
		want := "want a whole number"
		if number.Func == "ParseBool" {
			want = "want true or false"
		}
		err = errors.New(strings.Replace(err.Error(), number.Error(), want, 1))
	}
	return callError{fmt.Errorf("%w\n  see %s --help", err, cmd.CommandPath())}
}

// usage makes the refusals of an argument check mistakes in the command line.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			return nil
		}
		if !cmd.HasSubCommands() { // one that has says which it does not know
			_, words, _ := strings.Cut(cmd.Use, " ")
			err = fmt.Errorf("this command is written: %s", strings.TrimSpace(cmd.CommandPath()+" "+words))
		}
		return wrongCall(cmd, err)
	}
}

func calledWrongly(err error) bool {
	if _, ok := errors.AsType[callError](err); ok {
		return true
	}
	_, ok := errors.AsType[*devloop.NotProgramError](err)
	return ok
}

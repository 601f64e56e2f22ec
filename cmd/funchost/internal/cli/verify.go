package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/cmd/funchost/internal/devloop"
	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/scheduler"
)

// verifyFlags is how `funchost verify` was called.
type verifyFlags struct {
	hubFlags

	dir, data string
	strict    bool
}

func verifyCommand(s surroundings) *cobra.Command {
	var flags verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [dir]",
		Short: "Replays all unfinished orchestrations of a hub with the code in dir, and lists those that would go wrong.",
		Long: `Replays all unfinished orchestrations of a hub with the code in dir, and lists those that would go wrong.

It builds the Go program in dir and runs it in a mode in which it serves nothing. From the
hub it reads, and changes nothing there. Exit code 3 means that some instance has done what
this code would not do again.`,
		Example: "  funchost verify ./examples/orders --data ./examples/orders/.funchost",
		Args:    usage(cobra.MaximumNArgs(1)),
	}
	flags.addTo(cmd)
	cmd.Flags().StringVar(&flags.data, "data", "", "`folder` with the state of a scheduler that does not run, instead of a connection")
	cmd.Flags().BoolVar(&flags.strict, "strict", false, "count orchestrators that this program does not have as differences")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		flags.dir = "."
		if len(args) == 1 {
			flags.dir = args[0]
		}
		json, err := flags.asJSON(cmd)
		if err != nil {
			return err
		}
		return s.verify(cmd.Context(), flags, newConsole(cmd, slog.LevelWarn), json)
	}
	return cmd
}

func (s surroundings) verify(ctx context.Context, flags verifyFlags, con console, json bool) error {
	if flags.data != "" && flags.connection != "" {
		return callError{errors.New("--data and --connection name two schedulers\n  leave one of them out")}
	}
	program, err := devloop.Find(ctx, flags.dir)
	if wrong, ok := errors.AsType[*devloop.NotProgramError](err); ok {
		return callError{fmt.Errorf("verify %s: %s\n  %s", wrong.Dir, wrong.Problem, strings.ReplaceAll(wrong.WayOut, "funchost run", "funchost verify"))}
	}
	if err != nil {
		return err
	}
	hub, done, err := s.hubToRead(ctx, flags)
	if err != nil {
		return err
	}
	con.hintf("building %s ...\n", program.Name())
	verdict, err := devloop.Verify(ctx, program, hub, con.err)
	switch err := errors.Join(err, done()); {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil:
		return err
	}
	return con.printVerdict(verdict, flags.strict, json)
}

// hubToRead finds the hub, which answers; done is called when it has been read.
func (s surroundings) hubToRead(ctx context.Context, flags verifyFlags) (_ dts.ConnectionString, done func() error, _ error) {
	if flags.data != "" {
		return copyToRead(ctx, flags.data, flags.hub)
	}
	t, err := s.choose(flags.connection, flags.hub)
	if err != nil {
		return dts.ConnectionString{}, nil, err
	}
	// To find out now costs nothing; to find out after the build costs a minute.
	client, err := s.dial(t.ConnectionString)
	if err == nil {
		_, _, err = client.Page(ctx, dts.Query{PageSize: 1}, "")
		err = errors.Join(err, client.Close())
	}
	return t.ConnectionString, func() error { return nil }, t.explain(ctx, err)
}

// copyToRead serves a copy of a folder on a free port: a scheduler changes what it
// serves.
func copyToRead(ctx context.Context, data, hub string) (_ dts.ConnectionString, done func() error, err error) {
	if info, err := os.Stat(data); err != nil || !info.IsDir() {
		return dts.ConnectionString{}, nil, callError{fmt.Errorf("--data %s: there is no such folder\n  it is where a scheduler keeps its state, %s as a rule", data, stateFolder)}
	}
	tmp, err := os.MkdirTemp("", "funchost-verify-")
	if err != nil {
		return dts.ConnectionString{}, nil, err
	}
	remove := func() error { return os.RemoveAll(tmp) }
	server, err := openCopy(data, filepath.Join(tmp, "state"))
	if err != nil {
		return dts.ConnectionString{}, nil, errors.Join(err, remove())
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	done = func() error {
		stop()
		return errors.Join(<-ended, remove())
	}
	select {
	case <-server.Ready():
		return server.ConnectionString(hub), done, nil
	case err := <-ended:
		ended <- nil
		return dts.ConnectionString{}, nil, errors.Join(err, done())
	}
}

func openCopy(data, to string) (*scheduler.Server, error) {
	if err := scheduler.Copy(data, to); err != nil {
		return nil, fmt.Errorf("%w\n  a scheduler that runs is named with --connection", err)
	}
	return scheduler.New(scheduler.Config{Dir: to})
}

// verdictView is a verdict in JSON.
type verdictView struct {
	Checked     int                  `json:"checked"`
	Differences []devloop.Difference `json:"differences"`
	Unknown     map[string]int       `json:"unknown"`
}

// divergedError is a program that unfinished orchestrations cannot go on with.
type divergedError struct{ error }

func (e divergedError) Unwrap() error { return e.error }

func (c console) printVerdict(v devloop.Verdict, strict, json bool) error {
	view := verdictView{v.Checked, v.Differences, v.Unknown}
	if view.Differences == nil {
		view.Differences = []devloop.Difference{}
	}
	if view.Unknown == nil {
		view.Unknown = map[string]int{}
	}
	if err := c.printView(view, json); err != nil {
		return err
	}
	unknown := 0
	for _, name := range slices.Sorted(maps.Keys(v.Unknown)) {
		unknown += v.Unknown[name]
		c.problemf("%d unfinished of the orchestrator %s, which this program does not have\n", v.Unknown[name], plain(name))
	}
	if n := len(v.Differences); n > 0 {
		return divergedError{fmt.Errorf("%d of %d unfinished orchestrations would fail with this code, or take another way\n"+
			"  keep the old steps for instances that have begun, or let those end first", n, v.Checked)}
	}
	if strict && unknown > 0 {
		return divergedError{fmt.Errorf("%d unfinished orchestrations are of orchestrators that this program does not have\n"+
			"  keep those, let their instances end first, or leave --strict out if another program has them", unknown)}
	}
	return nil
}

func (c console) printView(v verdictView, json bool) error {
	switch {
	case json:
		return c.printJSON(v)
	case len(v.Differences) == 0:
		c.printf("checked %d unfinished orchestrations: all would go on\n", v.Checked)
		return nil
	}
	t := newTable(c.out)
	t.row("ID", "ORCHESTRATOR", "EVENT", "HISTORY HAS", "THE CODE HAS", "AT")
	for _, d := range v.Differences {
		event := strconv.Itoa(d.Event)
		if d.Kind != "" {
			event += " " + d.Kind
		}
		t.row(d.Instance, d.Orchestrator, event, cut(d.History, 2*maxDetail), cut(d.Code, 2*maxDetail), d.At)
	}
	return t.print()
}

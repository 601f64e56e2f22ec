package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/cmd/funchost/internal/devloop"
	"github.com/funchost/funchost/dts/scheduler"
	"github.com/funchost/funchost/framework"
)

// stateFolder is where a program's orchestrations are kept, in its own folder.
const stateFolder = ".funchost"

// runFlags is how `funchost run` was called.
type runFlags struct {
	dir                            string
	port, adminPort, schedulerPort portNumber
	dashboardPort                  portFlag
	memory                         bool
}

func runCommand() *cobra.Command {
	flags := runFlags{port: 7071, adminPort: 7072, schedulerPort: 8080, dashboardPort: portFlag{port: 8082}}
	cmd := &cobra.Command{
		Use:   "run [dir]",
		Short: "Builds the Go program in dir, runs it with a scheduler, and restarts it when you save.",
		Long: `Builds the Go program in dir, runs it with a scheduler, and restarts it when you save.

Orchestrations go on over restarts: the scheduler keeps them in dir/` + stateFolder + `.
Everything listens on this machine only. Ctrl-C stops it.`,
		Example: "  funchost run ./examples/hellocities",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.dir = "."
			if len(args) == 1 {
				flags.dir = args[0]
			}
			if err := flags.check(); err != nil {
				return wrongCall(cmd, err)
			}
			return runProgram(cmd.Context(), flags, newConsole(cmd, slog.LevelWarn))
		},
	}
	f := cmd.Flags()
	f.Var(&flags.port, "port", "`port` for the program's HTTP routes; 0 takes a free one")
	f.Var(&flags.adminPort, "admin-port", "`port` for the program's /healthz and /readyz; 0 takes a free one")
	f.Var(&flags.schedulerPort, "scheduler-port", "`port` for the scheduler's gRPC; 0 takes a free one")
	f.Var(&flags.dashboardPort, "dashboard-port", "`port` for the dashboard; 0 takes a free one, none shows none")
	f.BoolVar(&flags.memory, "memory", false, "keep nothing when it stops")
	return cmd
}

// check finds two flags with one port.
func (f runFlags) check() error {
	taken := make(map[portNumber]string)
	for _, use := range []struct {
		flag string
		port portNumber
	}{
		{"--port", f.port}, {"--admin-port", f.adminPort}, {"--scheduler-port", f.schedulerPort}, {"--dashboard-port", f.dashboardPort.port},
	} {
		if other := taken[use.port]; other != "" {
			return fmt.Errorf("%s and %s are both %d: choose another for one of them", other, use.flag, use.port)
		}
		if use.port != 0 { // a free one is another one each time
			taken[use.port] = use.flag
		}
	}
	return nil
}

// runProgram runs the scheduler and its dashboard in this process and the program
// as its child, until ctx ends.
func runProgram(ctx context.Context, flags runFlags, con console) (err error) {
	program, err := devloop.Find(ctx, flags.dir)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	// The child opens these two itself. To find out now costs nothing; to find
	// out after the build costs the developer a minute.
	err = errors.Join(
		awaitFree(ctx, loopback(flags.port), "--port", con),
		awaitFree(ctx, loopback(flags.adminPort), "--admin-port", con))
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	pages, err := listenUnlessNone(ctx, flags.dashboardPort.address(), "--dashboard-port")
	if err != nil {
		return err
	}
	if pages != nil {
		defer func() { _ = pages.Close() }() // twice, where it was served
	}
	socket, err := listen(ctx, loopback(flags.schedulerPort), "--scheduler-port")
	if err != nil {
		return err
	}
	config := scheduler.Config{Listener: socket, Logger: con.logger}
	if !flags.memory {
		config.Dir = filepath.Join(program.Dir(), stateFolder)
	}
	defer forgetFirst(config.Dir, &err)()
	server, err := scheduler.New(config)
	if err != nil {
		return err // New has closed the socket
	}
	client, err := schedulerHubs{server}.Client("")
	if err != nil {
		return errors.Join(err, socket.Close())
	}
	defer func() { _ = client.Close() }() // there is nothing behind it but this process
	view := &runView{console: con, program: program, connection: server.ConnectionString(""), state: config.Dir}
	view.atWork = func() []string { return atWork(ctx, client) }
	loop := devloop.New(devloop.Config{
		Program:    program,
		Connection: view.connection,
		Listen:     loopback(flags.port),
		Admin:      loopback(flags.adminPort),
		Stdout:     con.out,
		Stderr:     con.err,
		Notify:     view.show,
	})
	process := framework.NewProcess("funchost", framework.Config{AdminListen: "none", Logger: con.logger})
	process.Add("scheduler", server)
	if pages != nil {
		shown := newDashboardServer(pages, server, con.logger)
		view.dashboard = shown.url()
		process.Add("dashboard", shown)
	}
	process.Add("program", loop)
	// After a second Ctrl-C the process leaves the loop behind.
	defer loop.Kill()
	return process.Run(ctx)
}

// forgetFirst prepares to remove the state folder again, if it is not there yet and
// the program turns out not to compile: who named the wrong folder wants no traces
// in it.
func forgetFirst(dir string, outcome *error) (forget func()) {
	if dir == "" {
		return func() {}
	}
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		return func() {}
	}
	return func() {
		if _, ok := errors.AsType[*devloop.CompileError](*outcome); ok {
			_ = os.RemoveAll(dir) // it is a nuisance at worst
		}
	}
}

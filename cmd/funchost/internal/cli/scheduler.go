package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts/scheduler"
	"github.com/funchost/funchost/framework"
)

// schedulerFlags is how `funchost scheduler` was called.
type schedulerFlags struct {
	listen, adminListen, dashboardListen string
	data                                 string
	memory                               bool
	insecurePublic                       bool
}

func schedulerCommand() *cobra.Command {
	var flags schedulerFlags
	cmd := &cobra.Command{
		Use:   "scheduler",
		Short: "Serves the scheduler alone, for programs that are started elsewhere.",
		Long: `Serves the scheduler alone, for programs that are started elsewhere.

It speaks the protocol of the Durable Task Scheduler over gRPC and keeps its
state in one folder, which one process at a time can hold. Its dashboard shows
all task hubs in a browser.`,
		Example: "  funchost scheduler --listen 127.0.0.1:8080 --data ./.funchost",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.memory && cmd.Flags().Changed("data") {
				return wrongCall(cmd, errors.New("--memory keeps nothing, --data keeps everything: use one of them"))
			}
			if err := flags.check(); err != nil {
				return callError{err}
			}
			return serveScheduler(cmd.Context(), flags, newConsole(cmd, slog.LevelInfo))
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.listen, "listen", "127.0.0.1:8080", "`address` for gRPC; port 0 takes a free one")
	f.StringVar(&flags.adminListen, "admin-listen", "127.0.0.1:8081", "`address` for /healthz and /readyz, or none")
	f.StringVar(&flags.dashboardListen, "dashboard-listen", "127.0.0.1:8082", "`address` for the dashboard, or none; port 0 takes a free one")
	f.StringVar(&flags.data, "data", "./.funchost", "`folder` that keeps the state; made if it is missing")
	f.BoolVar(&flags.memory, "memory", false, "keep nothing when it stops")
	f.BoolVar(&flags.insecurePublic, "insecure-public", false,
		"allow addresses that other machines can reach, without encryption or authentication")
	return cmd
}

// check finds mistakes that can be seen without trying anything.
func (f schedulerFlags) check() error {
	for _, address := range []string{f.listen, f.adminListen, f.dashboardListen} {
		if address == none && address != f.listen {
			continue
		}
		private, err := isLoopback(address)
		if err != nil {
			return err
		}
		if !private && !f.insecurePublic {
			return fmt.Errorf("listen on %s: other machines could reach it, and it has no encryption and no authentication\n"+
				"  use a loopback address such as 127.0.0.1:8080, or add --insecure-public if the network is yours alone", address)
		}
	}
	return nil
}

// checkData refuses what cannot be made a folder for the state.
func checkData(dir string) error {
	refuse := func(problem, wayOut string) error {
		return callError{fmt.Errorf("--data %s: %s\n  %s", dir, problem, wayOut)}
	}
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return refuse("this is a file, not a folder", "name a folder; it is made if it is not there")
	case errors.Is(err, fs.ErrNotExist):
		parent := filepath.Dir(filepath.Clean(dir))
		if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
			return refuse("there is no folder "+parent, "make it first: mkdir -p "+quote(parent))
		}
	case errors.Is(err, syscall.ENOTDIR):
		return refuse("a part of the path is a file, not a folder", "name a folder; it is made if it is not there")
	}
	return nil // whatever else is wrong, the scheduler says
}

// serveScheduler runs the scheduler until ctx ends.
func serveScheduler(ctx context.Context, flags schedulerFlags, con console) error {
	if !flags.memory {
		if err := checkData(flags.data); err != nil {
			return err
		}
	}
	pages, err := listenUnlessNone(ctx, flags.dashboardListen, "--dashboard-listen")
	if err != nil {
		return err
	}
	if pages != nil {
		defer func() { _ = pages.Close() }() // twice, where it was served
	}
	socket, err := listen(ctx, flags.listen, "--listen")
	if err != nil {
		return err
	}
	config := scheduler.Config{Dir: flags.data, Listener: socket, Logger: con.logger}
	if flags.memory {
		config.Dir = ""
	}
	server, err := scheduler.New(config)
	if err != nil {
		return err // New has closed the socket
	}
	process := framework.NewProcess("scheduler", framework.Config{
		AdminListen: flags.adminListen,
		Logger:      con.logger,
		OnReady: func(admin net.Addr) {
			con.printf("scheduler is ready on %s, state in %s\n\n", socket.Addr(), stateName(config.Dir))
			con.printf("connect a program with:\n  export DTS_CONNECTION_STRING='%s'\n", server.ConnectionString(""))
			if pages != nil || admin != nil {
				con.printf("\n")
			}
			if pages != nil {
				con.printf("dashboard: http://%s\n", pages.Addr())
			}
			if admin != nil {
				con.printf("health: http://%s/healthz\n", admin)
			}
		},
	})
	process.Add("scheduler", server)
	if pages != nil {
		process.Add("dashboard", newDashboardServer(pages, server, con.logger))
	}
	return process.Run(ctx)
}

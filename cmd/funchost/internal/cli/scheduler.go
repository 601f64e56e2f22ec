package cli

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts/scheduler"
	"github.com/funchost/funchost/framework"
)

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
				return wrongCall(cmd, errTwoStates)
			}
			if err := flags.check(); err != nil {
				return callError{err}
			}
			return serveScheduler(cmd.Context(), flags, newConsole(cmd, slog.LevelInfo))
		},
	}
	flags.register(cmd)
	const group = "Commands for its state"
	cmd.AddGroup(&cobra.Group{ID: group, Title: group})
	for _, sub := range []*cobra.Command{backupCommand(), restoreCommand(), checkCommand()} {
		sub.GroupID = group
		cmd.AddCommand(sub)
	}
	return cmd
}

// serveScheduler runs the scheduler until ctx ends.
func serveScheduler(ctx context.Context, flags schedulerFlags, con console) error {
	if !flags.memory {
		if err := checkData(flags.data); err != nil {
			return err
		}
	}
	config, err := flags.config(con.logger)
	if err != nil {
		return err
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
	var server *scheduler.Server
	admins := newAdmin()
	settings := framework.Config{
		AdminListen: flags.adminListen,
		Logger:      con.logger,
		OnReady: func(address net.Addr) {
			if address != nil && config.Dir != "" {
				admins.Address = address.String()
				if err := admins.write(config.Dir); err != nil {
					con.logger.Warn("no backups can be asked for while this process runs", "error", err)
				}
			}
			greet(con, flags, config, server, socket, pages, address)
		},
	}
	if config.Dir != "" {
		settings.AdminRoutes = map[string]http.Handler{
			"POST /backup": admins.handler(func(to string) error { return server.Backup(to) }),
		}
		defer func() { admins.remove(config.Dir) }()
	}
	process := framework.NewProcess("scheduler", settings)
	config.Listener, config.Metrics = socket, process.MeterProvider()
	if server, err = scheduler.New(config); err != nil {
		return err // New has closed the socket
	}
	forgetAdmin(config.Dir)
	process.Add("scheduler", server)
	if pages != nil {
		process.Add("dashboard", newDashboardServer(pages, server, con.logger))
	}
	return process.Run(ctx)
}

// greet tells somebody who has started a scheduler what to do with it.
func greet(con console, flags schedulerFlags, config scheduler.Config, server *scheduler.Server, socket, pages net.Listener, admin net.Addr) {
	con.printf("scheduler is ready on %s, state in %s\n\n", socket.Addr(), stateName(config.Dir))
	hub := ""
	if len(config.Hubs) > 0 {
		hub = config.Hubs[0]
	}
	con.printf("connect a program with:\n  export DTS_CONNECTION_STRING='%s'\n", server.ConnectionString(hub))
	if flags.tokenFile != "" {
		con.printf("  and one of the tokens in %s\n", flags.tokenFile)
	}
	if flags.tls.clientCA != "" {
		con.printf("  and a certificate that %s has signed\n", flags.tls.clientCA)
	}
	if pages != nil || admin != nil {
		con.printf("\n")
	}
	if pages != nil {
		con.printf("dashboard: http://%s\n", pages.Addr())
	}
	if admin != nil {
		con.printf("health: http://%s/healthz\n", admin)
		con.printf("metrics: http://%s/metrics\n", admin)
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/scaler"
)

// scalerFlags is how `funchost scaler` was called.
type scalerFlags struct {
	listen, adminListen string
	connection          string
	tls                 tlsFiles
	public              insecurePublic
}

// check finds addresses that strangers could reach.
func (f *scalerFlags) check() error {
	lacks := lacking(f.tls.cert != "", f.tls.clientCA != "")
	if err := f.public.mainListener(f.listen, lacks, "--tls-cert and --tls-key with --tls-client-ca"); err != nil {
		return err
	}
	return f.public.sideListener(f.adminListen, "--admin-listen", "metrics")
}

func scalerCommand(s surroundings) *cobra.Command {
	var flags scalerFlags
	cmd := &cobra.Command{
		Use:   "scaler",
		Short: "Tells KEDA how much work waits, so that it starts and stops workers.",
		Long: `Tells KEDA how much work waits, so that it starts and stops workers.

It is an external scaler: the trigger of a ScaledObject names its address, and
chooses a task hub of the scheduler that the scaler is connected to.`,
		Example: "  funchost scaler --listen 127.0.0.1:8083 --connection 'Endpoint=http://127.0.0.1:8080;Authentication=None'",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return callError{err}
			}
			return serveScaler(cmd.Context(), s, flags, newConsole(cmd, slog.LevelInfo))
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.listen, "listen", "127.0.0.1:8083", "`address` for gRPC; port 0 takes a free one")
	f.StringVar(&flags.adminListen, "admin-listen", "127.0.0.1:8084", "`address` for /healthz, /readyz and /metrics, or none")
	f.StringVar(&flags.connection, "connection", "", "connection `string` of the scheduler; default: the environment's "+connectionEnv[0])
	f.StringVar(&flags.tls.cert, "tls-cert", "", "PEM `file` with the certificate chain; read anew for each connection")
	f.StringVar(&flags.tls.key, "tls-key", "", "PEM `file` with its key")
	f.StringVar(&flags.tls.clientCA, "tls-client-ca", "", "PEM `file`; callers must show a certificate that it has signed")
	flags.public.register(cmd)
	return cmd
}

// serveScaler runs the scaler until ctx ends.
func serveScaler(ctx context.Context, s surroundings, flags scalerFlags, con console) error {
	connection, err := s.choose(flags.connection, "")
	if err != nil {
		return err
	}
	if connection.origin == "" {
		return callError{fmt.Errorf("no scheduler is named\n  use --connection or set %s", connectionEnv[0])}
	}
	hubs := scaledHubs{connection: connection.ConnectionString, dial: s.dial}
	if err := hubs.check(); err != nil {
		return callError{fmt.Errorf("%s: %w", connection.origin, err)}
	}
	options := []scaler.Option{scaler.WithLogger(con.logger)}
	if flags.tls != (tlsFiles{}) {
		config, err := flags.tls.config()
		if err != nil {
			return callError{err}
		}
		options = append(options, scaler.WithTLS(config))
	}
	socket, err := listen(ctx, flags.listen, "--listen")
	if err != nil {
		return err
	}
	process := framework.NewProcess("scaler", framework.Config{
		AdminListen: flags.adminListen,
		Logger:      con.logger,
		OnReady: func(admin net.Addr) {
			con.printf("scaler is ready on %s, scheduler at %s\n\n", socket.Addr(), hubs.connection.Endpoint)
			con.printf("name it in the trigger of a ScaledObject:\n  type: external-push\n  metadata:\n    scalerAddress: %s\n", socket.Addr())
			if admin != nil {
				con.printf("\nhealth: http://%s/healthz\n", admin)
			}
		},
	})
	process.Add("scaler", scaler.New(hubs.open, append(options, scaler.WithListener(socket))...))
	return process.Run(ctx)
}

// onlyConnection is what a trigger calls the connection of this command.
const onlyConnection = "default"

// scaledHubs opens the task hubs of one scheduler.
type scaledHubs struct {
	connection dts.ConnectionString
	dial       func(dts.ConnectionString) (*dts.Client, error)
}

// check finds what would keep every hub from being opened.
func (h scaledHubs) check() error {
	client, err := h.dial(h.connection)
	if err != nil {
		return err
	}
	return client.Close()
}

// open connects to the hub of a trigger. Who writes a trigger may choose the
// hub, but not where the credentials of this process go.
func (h scaledHubs) open(t scaler.Target) (scaler.Source, error) {
	switch {
	case t.Endpoint != "" && !sameEndpoint(t.Endpoint, h.connection.Endpoint):
		return nil, errors.New("this scaler is connected to another endpoint: leave endpoint out of the metadata, or use the scaler of that scheduler")
	case t.Endpoint == "" && t.Connection != onlyConnection:
		return nil, fmt.Errorf("this scaler has no connection of that name: leave connection out of the metadata, or write %q", onlyConnection)
	}
	cs := h.connection
	if t.TaskHub != "" {
		cs.TaskHub = t.TaskHub
	}
	client, err := h.dial(cs)
	if err != nil {
		return nil, err // a typed nil would be a source
	}
	return client, nil
}

// sameEndpoint compares two spellings of an address.
func sameEndpoint(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}

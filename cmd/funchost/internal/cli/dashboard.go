package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dashboard"
	"github.com/funchost/funchost/dts/scheduler"
)

// none is the address, or the port, of a listener that there is not.
const none = "none"

// portNumber is a flag for a port.
type portNumber uint16

func (p *portNumber) Set(text string) error {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return errors.New("want a number from 0 to 65535")
	}
	*p = portNumber(port)
	return nil
}

func (p *portNumber) String() string { return strconv.Itoa(int(*p)) }

// Type is what cobra calls the value in its help.
func (*portNumber) Type() string { return "port" }

// portFlag is a port, or none.
type portFlag struct {
	port portNumber
	none bool
}

func (p *portFlag) Set(text string) error {
	if text == none {
		*p = portFlag{none: true}
		return nil
	}
	var port portNumber
	if port.Set(text) != nil {
		return errors.New("want a number from 0 to 65535, or none")
	}
	*p = portFlag{port: port}
	return nil
}

func (p *portFlag) String() string {
	if p.none {
		return none
	}
	return strconv.Itoa(int(p.port))
}

// Type is what cobra calls the value in its help.
func (p *portFlag) Type() string { return "port" }

// address is that of the port on this machine.
func (p *portFlag) address() string {
	if p.none {
		return none
	}
	return loopback(p.port)
}

// schedulerHubs are the task hubs of a scheduler in this process.
type schedulerHubs struct{ *scheduler.Server }

func (s schedulerHubs) Names() []string { return s.Hubs() }

func (s schedulerHubs) Client(hub string) (*dts.Client, error) {
	return dts.Dial(s.ConnectionString(hub), dts.WithConn(s.Conn()))
}

// dashboardServer serves the dashboard of a scheduler in this process.
type dashboardServer struct {
	socket net.Listener
	server *http.Server
	ready  chan struct{}
}

// newDashboardServer makes one for the hubs of s. The socket is closed by Run, and
// by whoever does not get there.
func newDashboardServer(socket net.Listener, s *scheduler.Server, logger *slog.Logger) *dashboardServer {
	var hosts []string
	if address, ok := socket.Addr().(*net.TCPAddr); ok {
		hosts = append(hosts, address.IP.String())
	}
	return &dashboardServer{
		socket: socket,
		server: &http.Server{
			Handler:           dashboard.ForHubs(schedulerHubs{s}, dashboard.WithHosts(hosts...), dashboard.WithLogger(logger)),
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       time.Minute,
			WriteTimeout:      time.Minute,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		},
		ready: make(chan struct{}),
	}
}

// Ready is closed when connections are accepted.
func (d *dashboardServer) Ready() <-chan struct{} { return d.ready }

// url is where a browser finds it.
func (d *dashboardServer) url() string { return "http://" + d.socket.Addr().String() }

// dashboardGrace is how long pages may take that are being written at the stop.
// It is short since browsers open connections ahead of time, which look busy.
const dashboardGrace = time.Second

// Run serves until ctx ends.
func (d *dashboardServer) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- d.server.Serve(d.socket) }()
	close(d.ready)
	select {
	case err := <-served:
		return fmt.Errorf("serve the dashboard: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), dashboardGrace)
	defer cancel()
	if d.server.Shutdown(grace) != nil {
		_ = d.server.Close() // a browser reads too slowly; nothing is lost
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the dashboard: %w", err)
	}
	return nil
}

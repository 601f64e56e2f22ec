package scheduler

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"

	"go.opentelemetry.io/otel/metric"

	"github.com/funchost/funchost/dts/internal/disk"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
)

// Config says where a server keeps its data and where it listens. The zero value
// keeps everything in memory and listens on a free port of the loopback address.
type Config struct {
	// Dir is the directory of the data, made if it is not there. Empty keeps the
	// data in memory until the server stops.
	Dir string
	// Listen is the address of the gRPC listener. Empty is a free port of
	// 127.0.0.1; "none" opens no socket, which leaves [Server.Conn].
	Listen string
	// Listener, if not nil, is used instead of opening Listen. The server closes it.
	Listener net.Listener
	// Logger receives what an operator should know. Nil discards it.
	Logger *slog.Logger
	// Hubs are the task hubs that there are; each is made when the server starts,
	// and a call that names another is refused. Others in Dir are left alone. Nil
	// makes a hub when it is first used.
	Hubs []string
	// Retention says how long ended orchestrations are kept: 30 days unless it says
	// otherwise.
	Retention Retention
	// HubRetention is in place of Retention for the hubs that it names.
	HubRetention map[string]Retention
	// TLS is how the listener speaks TLS, and whose certificates it asks for. Nil is
	// plaintext.
	TLS *tls.Config
	// Authorize tells whether a call that came to the listener may go on. It gets
	// the call's bearer token, empty if there is none, and is called by many
	// goroutines at once; see [TokenFile]. Nil lets everybody in. Calls over
	// [Server.Conn] are not asked.
	Authorize func(token string) bool
	// Metrics is where the server measures: backlog, starts and ends, work items,
	// commits. Nil measures nothing.
	Metrics metric.MeterProvider
	// MaxLosses is how many workers may be lost while they hold a work item before
	// the item is taken for poison and failed. 0 is 10, -1 is no limit.
	MaxLosses int
	// Disk is the file system of Dir; nil is the machine's. Its type is internal:
	// tests use it to cut the power.
	Disk *disk.FS
}

// check finds mistakes before anything is opened.
func (c Config) check() error {
	for _, name := range c.Hubs {
		if !hubName.MatchString(name) {
			return fmt.Errorf("task hub %q: %s", name, hubRule)
		}
	}
	return nil
}

// ages returns how long each hub keeps what has ended.
func (c Config) ages() (func(hub string) hub.Ages, error) {
	usual, err := c.Retention.ages()
	if err != nil {
		return nil, err
	}
	special := make(map[string]hub.Ages, len(c.HubRetention))
	for name, r := range c.HubRetention {
		if special[name], err = r.ages(); err != nil {
			return nil, fmt.Errorf("task hub %q: %w", name, err)
		}
	}
	return func(name string) hub.Ages {
		if ages, ok := special[name]; ok {
			return ages
		}
		return usual
	}, nil
}

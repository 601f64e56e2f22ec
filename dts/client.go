package dts

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/wire"
)

// Client talks to one task hub. It is safe for concurrent use.
type Client struct {
	hub       string
	endpoint  string // as written, for errors
	converter Converter
	version   string // of starts that say none
	conn      *conn
	hubs      dtsgrpc.TaskHubSidecarServiceClient
	backend   dtsgrpc.BackendServiceClient
	close     func() error
}

// Dial makes a client for the hub that cs names. It does no I/O: the connection
// is made by the first call and made again whenever it breaks. The error is an
// [ErrInvalid] that says which part of cs or which option is wrong.
//
// The caller closes the client when it is done.
func Dial(cs ConnectionString, opts ...Option) (*Client, error) {
	o := options{
		converter: jsonConverter{},
		agent:     wire.UserAgent(wire.RoleClient),
		log:       slog.New(slog.DiscardHandler),
	}
	for _, opt := range opts {
		opt(&o)
	}
	if err := check(cs, o); err != nil {
		return nil, invalid("dial scheduler", err)
	}
	if len(cs.IgnoredKeys) > 0 {
		o.log.Warn("connection string has keys that are ignored", "keys", cs.IgnoredKeys)
	}

	c := &Client{
		hub:       cmp.Or(cs.TaskHub, wire.DefaultTaskHub),
		endpoint:  cs.Endpoint,
		converter: o.converter,
		version:   o.version,
		close:     func() error { return nil },
	}
	next := o.conn
	if next == nil {
		cc, err := dial(cs, o)
		if err != nil {
			return nil, invalid("dial scheduler", err)
		}
		next, c.close = cc, cc.Close
	}
	c.conn = newConn(next, c.hub, o.agent)
	c.conn.payloads = o.payloads.build()
	if o.tokens != nil {
		c.conn.tokens = newTokenCache(o.tokens)
	}
	c.hubs = dtsgrpc.NewTaskHubSidecarServiceClient(c.conn)
	c.backend = dtsgrpc.NewBackendServiceClient(c.conn)
	return c, nil
}

func check(cs ConnectionString, o options) error {
	if o.converter == nil || o.log == nil {
		return errors.New("WithConverter and WithLogger want a value, not nil")
	}
	if err := cmp.Or(checkHub(cs.TaskHub), o.payloads.check()); err != nil {
		return err
	}
	if cs.Authentication == "" && o.conn != nil {
		return nil // a given connection needs nothing but the hub
	}
	auth, err := parseAuthentication(string(cs.Authentication))
	if err != nil {
		return err
	}
	if auth != AuthNone && o.tokens == nil {
		return fmt.Errorf("Authentication=%s needs tokens: pass dts.WithTokenSource, or use Authentication=None for a scheduler without authentication", auth)
	}
	return nil
}

// Close ends the connection; calls that are under way end with an error. A
// connection that was passed in by [WithConn] stays open. The second call does
// nothing.
func (c *Client) Close() error {
	err := c.close()
	if err != nil && status.Code(err) != codes.Canceled { // what gRPC says the second time
		return fmt.Errorf("close connection to %s: %w", c.endpoint, err)
	}
	return nil
}

// Hub is the name of the task hub.
func (c *Client) Hub() string { return c.hub }

// Converter is what turns values into payloads for this hub.
func (c *Client) Converter() Converter { return c.converter }

// Conn carries calls of generated stubs with the hub, the user agent and, where
// needed, a token on each. Package dts/worker is built on it.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

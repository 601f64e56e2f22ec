// Package embedded links the scheduler into a program. Import it for that alone:
//
//	import _ "github.com/funchost/funchost/framework/embedded"
//
// The host then needs no other process. It keeps its state in ./.funchost
// unless the setting scheduler says otherwise. A program that only ever uses a
// scheduler elsewhere leaves the import out and is some ten megabytes smaller.
package embedded

import (
	"context"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts/scheduler"
	"github.com/funchost/funchost/framework/internal/lifecycle"
	"github.com/funchost/funchost/framework/internal/linked"
)

func init() { linked.Register(open) }

// open returns a scheduler that takes hold of its directory when it is run.
func open(c linked.Config) linked.Scheduler {
	conn := new(conn)
	return &embedded{
		conn: conn,
		Runner: lifecycle.Late(func(context.Context) (lifecycle.Runner, error) {
			all, hubs, err := scheduler.ParseRetention(strings.FieldsFunc(c.Retention, func(r rune) bool { return r == ',' || r == ' ' }))
			if err != nil {
				return nil, err
			}
			server, err := scheduler.New(scheduler.Config{Dir: c.Dir, Retention: all, HubRetention: hubs, Listen: "none", Logger: c.Logger})
			if err != nil {
				return nil, err
			}
			inner := server.Conn()
			conn.inner.Store(&inner)
			return server, nil
		}),
	}
}

type embedded struct {
	lifecycle.Runner
	conn *conn
}

func (e *embedded) Conn() grpc.ClientConnInterface { return e.conn }

// conn is the connection to a scheduler that may not be open yet, so that the
// client can be made, and everything that needs it checked, before a file is
// touched.
type conn struct {
	inner atomic.Pointer[grpc.ClientConnInterface]
}

var errNotOpen = status.Error(codes.Unavailable, "the embedded scheduler is not open yet")

func (c *conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	inner := c.inner.Load()
	if inner == nil {
		return errNotOpen
	}
	return (*inner).Invoke(ctx, method, args, reply, opts...)
}

func (c *conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	inner := c.inner.Load()
	if inner == nil {
		return nil, errNotOpen
	}
	return (*inner).NewStream(ctx, desc, method, opts...)
}

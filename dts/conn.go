package dts

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts/internal/inproc"
	"github.com/funchost/funchost/dts/internal/large"
	"github.com/funchost/funchost/dts/internal/wire"
)

// conn adds the metadata that the protocol wants on every call, whatever
// carries the call.
type conn struct {
	next   grpc.ClientConnInterface
	hub    string
	agent  string
	tokens *tokenCache // nil without authentication
	plain  metadata.MD // of a call to which nobody added any; never changed
	local  bool        // the scheduler is in this process

	payloads *large.Payloads // nil without a store
}

func newConn(next grpc.ClientConnInterface, hub, agent string) *conn {
	_, local := next.(*inproc.Conn)
	plain := metadata.Pairs(wire.HeaderTaskHub, hub, wire.HeaderUserAgent, agent)
	return &conn{next: next, hub: hub, agent: agent, plain: plain, local: local}
}

// preparedKey marks a context that has the metadata of the conn it names.
type preparedKey struct{}

// Prepare returns ctx with its metadata in place, for many calls. A token is
// added to each of them still.
func (c *conn) Prepare(ctx context.Context) context.Context {
	if c.tokens != nil {
		return ctx
	}
	ctx, _ = c.outgoing(ctx) // only a token can be missing
	return context.WithValue(ctx, preparedKey{}, c)
}

func (c *conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	ctx, err := c.outgoing(ctx)
	if err != nil {
		return err
	}
	return c.next.Invoke(ctx, method, args, reply, opts...)
}

func (c *conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, err := c.outgoing(ctx)
	if err != nil {
		return nil, err
	}
	return c.next.NewStream(ctx, desc, method, opts...)
}

// outgoing sets our headers. What the caller of the stub set stays, except that
// the hub and the token are always the client's.
func (c *conn) outgoing(ctx context.Context) (context.Context, error) {
	if ctx.Value(preparedKey{}) == c {
		return ctx, nil
	}
	md, ok := metadata.FromOutgoingContext(ctx) // a copy
	if !ok && c.tokens == nil {
		return c.with(ctx, c.plain), nil
	}
	if md == nil {
		md = metadata.MD{}
	}
	md.Set(wire.HeaderTaskHub, c.hub)
	if len(md.Get(wire.HeaderUserAgent)) == 0 {
		md.Set(wire.HeaderUserAgent, c.agent)
	}
	if c.tokens != nil {
		token, err := c.tokens.token(ctx)
		if err != nil {
			return nil, tokenError(ctx, err)
		}
		md.Set(wire.HeaderAuthorization, "Bearer "+token)
	}
	return c.with(ctx, md), nil
}

func (c *conn) with(ctx context.Context, md metadata.MD) context.Context {
	if c.local {
		return inproc.WithMetadata(ctx, md)
	}
	return metadata.NewOutgoingContext(ctx, md)
}

// tokenError tells an ended context apart from a source that has no token.
func tokenError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	return status.Error(codes.Unauthenticated, fmt.Sprintf("no token: %v", err))
}

package dts

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts/internal/wire"
)

// conn adds the metadata that the protocol wants on every call, whatever
// carries the call.
type conn struct {
	next   grpc.ClientConnInterface
	hub    string
	agent  string
	tokens *tokenCache // nil without authentication
	plain  metadata.MD // hub and agent; never changed
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
	md, ok := metadata.FromOutgoingContext(ctx) // a copy
	if !ok && c.tokens == nil {
		return metadata.NewOutgoingContext(ctx, c.plain), nil
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
	return metadata.NewOutgoingContext(ctx, md), nil
}

// tokenError tells an ended context apart from a source that has no token.
func tokenError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	return status.Error(codes.Unauthenticated, fmt.Sprintf("no token: %v", err))
}

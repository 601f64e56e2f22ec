// Package inproc connects a gRPC client with a gRPC server in one process by
// direct calls: no HTTP/2, no encoding.
//
// A message that is passed belongs to the receiver; the sender does not touch it
// again. Only messages are passed on: headers and trailers of the server are
// dropped, call options are ignored.
package inproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Conn is both ends: a grpc.ServiceRegistrar for the server and a
// grpc.ClientConnInterface for clients. Register before the first call.
type Conn struct {
	unary   map[string]unary
	streams map[string]stream

	mu     sync.Mutex // guards what follows
	closed bool
	ctx    context.Context
	cancel context.CancelFunc
	calls  sync.WaitGroup
}

type unary struct {
	impl    any
	handler grpc.MethodHandler
}

type stream struct {
	impl    any
	handler grpc.StreamHandler
}

// New returns a connection without services.
func New() *Conn {
	c := &Conn{unary: make(map[string]unary), streams: make(map[string]stream)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// RegisterService serves the methods of d with impl.
func (c *Conn) RegisterService(d *grpc.ServiceDesc, impl any) {
	for _, m := range d.Methods {
		c.unary["/"+d.ServiceName+"/"+m.MethodName] = unary{impl, m.Handler}
	}
	for _, s := range d.Streams {
		c.streams["/"+d.ServiceName+"/"+s.StreamName] = stream{impl, s.Handler}
	}
}

// Close refuses further calls, cancels the streams and waits for all calls. A
// unary call ends as its handler pleases, as in a server that stops gracefully.
func (c *Conn) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.calls.Wait()
}

var errClosed = status.Error(codes.Unavailable, "the server in this process has stopped")

// enter begins a call, which ends with c.calls.Done.
func (c *Conn) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	c.calls.Add(1)
	return nil
}

type metadataKey struct{}

// WithMetadata gives the calls made with ctx this metadata and no other. Unlike
// metadata.NewOutgoingContext it spares a copy for each call: nobody may change
// md any more.
func WithMetadata(ctx context.Context, md metadata.MD) context.Context {
	return context.WithValue(ctx, metadataKey{}, md)
}

// incoming makes the client's metadata the server's.
func incoming(ctx context.Context) context.Context {
	if md, ok := ctx.Value(metadataKey{}).(metadata.MD); ok {
		return metadata.NewIncomingContext(ctx, md)
	}
	md, ok := metadata.FromOutgoingContext(ctx)
	if !ok {
		md = metadata.MD{}
	}
	return metadata.NewIncomingContext(ctx, md)
}

// Invoke calls a unary method.
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	m, ok := c.unary[method]
	if !ok {
		return unknown(method)
	}
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	if err := checkText(args); err != nil {
		return err
	}
	if err := c.enter(); err != nil {
		return err
	}
	defer c.calls.Done()
	out, err := m.handler(m.impl, incoming(ctx), undecoded, func(ctx context.Context, empty any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		if reflect.TypeOf(empty) != reflect.TypeOf(args) {
			return nil, status.Errorf(codes.Internal, "BUG: %T is passed as %T", args, empty)
		}
		return next(ctx, args)
	})
	if err != nil {
		return asStatus(err)
	}
	return move(reply, out)
}

// undecoded leaves the message empty that a generated handler makes for the
// request: the interceptor puts the caller's in its place.
func undecoded(any) error { return nil }

func unknown(method string) error {
	return status.Errorf(codes.Unimplemented, "unknown method %s", strings.TrimPrefix(method, "/"))
}

func asStatus(err error) error {
	if s, ok := status.FromError(err); ok && s.Code() != codes.Unknown {
		return s.Err()
	}
	return status.FromContextError(err).Err()
}

// move makes to what from is; the two share all that is below the first level.
func move(to, from any) error {
	dst, ok := to.(proto.Message)
	src, ok2 := from.(proto.Message)
	if !ok || !ok2 {
		return status.Errorf(codes.Internal, "BUG: %T is passed as %T", from, to)
	}
	d, s := dst.ProtoReflect(), src.ProtoReflect()
	if d.Descriptor() != s.Descriptor() {
		return status.Errorf(codes.Internal, "BUG: %T is passed as %T", from, to)
	}
	proto.Reset(dst)
	s.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		d.Set(f, v)
		return true
	})
	return nil
}

// NewStream begins a streaming call. Only the server may stream.
func (c *Conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	m, ok := c.streams[method]
	if !ok {
		return nil, unknown(method)
	}
	if desc.ClientStreams {
		return nil, status.Error(codes.Unimplemented, "client streams do not work in process")
	}
	if err := c.enter(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(incoming(ctx))
	stop := context.AfterFunc(c.ctx, cancel)
	p := &pipe{ctx: ctx, cancel: cancel, request: make(chan any, 1), messages: make(chan any, ahead), done: make(chan struct{})}
	go func() {
		defer c.calls.Done()
		defer cancel()
		defer stop()
		defer close(p.done)
		p.err = io.EOF
		if err := m.handler(m.impl, (*serverEnd)(p)); err != nil {
			p.err = asStatus(err)
		}
	}()
	return (*clientEnd)(p), nil
}

// ahead is how many messages a server may send before the client takes one. It
// spares both a switch of goroutines for each.
const ahead = 16

// pipe is a server-streaming call.
type pipe struct {
	ctx      context.Context
	cancel   context.CancelFunc
	request  chan any
	messages chan any
	done     chan struct{} // closed when the handler has returned
	err      error         // how it ended; set before done is closed
}

type clientEnd pipe

func (p *clientEnd) Header() (metadata.MD, error) { return nil, nil }
func (p *clientEnd) Trailer() metadata.MD         { return nil }
func (p *clientEnd) CloseSend() error             { return nil }
func (p *clientEnd) Context() context.Context     { return p.ctx }

func (p *clientEnd) SendMsg(m any) error {
	if err := checkText(m); err != nil {
		p.cancel() // the handler waits for a request that never comes
		return err
	}
	select {
	case p.request <- m:
		return nil
	default:
		return errors.New("BUG: a second request on a server stream")
	}
}

func (p *clientEnd) RecvMsg(m any) error {
	select {
	case v := <-p.messages:
		return move(m, v)
	case <-p.done:
	}
	select {
	case v := <-p.messages: // sent before the end
		return move(m, v)
	default:
		return p.err
	}
}

type serverEnd pipe

func (p *serverEnd) SetHeader(metadata.MD) error  { return nil }
func (p *serverEnd) SendHeader(metadata.MD) error { return nil }
func (p *serverEnd) SetTrailer(metadata.MD)       {}
func (p *serverEnd) Context() context.Context     { return p.ctx }

func (p *serverEnd) SendMsg(m any) error {
	select {
	case p.messages <- m:
		return nil
	case <-p.ctx.Done():
		return status.FromContextError(p.ctx.Err()).Err()
	}
}

func (p *serverEnd) RecvMsg(m any) error {
	select {
	case v := <-p.request:
		return move(m, v)
	case <-p.ctx.Done():
		return fmt.Errorf("read request: %w", p.ctx.Err())
	}
}

package dtstest

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// link is a connection to whichever server is running.
type link struct {
	mu     sync.RWMutex // guards what follows
	server grpc.ClientConnInterface
	epoch  int // number of the server; odd while there is none
}

var errCut = status.Error(codes.Unavailable, "dtstest: the scheduler has lost power")

func (l *link) connect(server grpc.ClientConnInterface) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server = server
	l.epoch += 2 - l.epoch%2
}

// cut lets no answer through any more.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server = nil
	l.epoch++
}

func (l *link) current() (grpc.ClientConnInterface, int, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.server == nil {
		return nil, 0, errCut
	}
	return l.server, l.epoch, nil
}

// through is err if the server of the epoch still has power.
func (l *link) through(epoch int, err error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.epoch != epoch {
		return errCut
	}
	return err
}

// Invoke calls a unary method of the running server.
func (l *link) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	server, epoch, err := l.current()
	if err != nil {
		return err
	}
	return l.through(epoch, server.Invoke(ctx, method, args, reply, opts...))
}

// NewStream begins a stream of the running server.
func (l *link) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	server, epoch, err := l.current()
	if err != nil {
		return nil, err
	}
	s, err := server.NewStream(ctx, desc, method, opts...)
	if err != nil {
		return nil, l.through(epoch, err)
	}
	return &linkStream{ClientStream: s, link: l, epoch: epoch}, nil
}

type linkStream struct {
	grpc.ClientStream

	link  *link
	epoch int
}

// RecvMsg receives a message unless the power was cut meanwhile.
func (s *linkStream) RecvMsg(m any) error {
	return s.link.through(s.epoch, s.ClientStream.RecvMsg(m))
}

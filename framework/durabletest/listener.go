package durabletest

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// listener passes connections inside of the program: a real socket would keep the
// virtual time from passing while somebody waits for it.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newListener() *listener {
	return &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept waits for the next request.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close may be called again.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is an address that only this machine could reach, as is true of the listener.
func (l *listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// client returns an HTTP client whose requests all come here, whatever their host.
func (l *listener) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, // a kept connection would outlive the test
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			select {
			case l.conns <- theirs:
				return ours, nil
			case <-l.closed:
				return nil, net.ErrClosed
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	}}
}

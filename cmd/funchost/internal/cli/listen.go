package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// listen opens address. The error says which flag chooses another.
func listen(ctx context.Context, address, flag string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: the port is in use by another process\n"+
			"  choose another with %s, port 0 takes a free one", address, flag)
	default:
		return nil, fmt.Errorf("listen on %s: %w\n  choose another address with %s", address, err, flag)
	}
}

// listenUnlessNone is listen, with no listener for the address none.
func listenUnlessNone(ctx context.Context, address, flag string) (net.Listener, error) {
	if address == none {
		return nil, nil
	}
	return listen(ctx, address, flag)
}

// checkFree fails if address cannot be listened on, and leaves it free.
func checkFree(ctx context.Context, address, flag string) error {
	l, err := listen(ctx, address, flag)
	if err != nil {
		return err
	}
	return l.Close()
}

// loopback is the address of a port that only this machine can reach.
func loopback(port uint16) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))
}

// isLoopback tells whether only this machine can reach address.
func isLoopback(address string) (bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, fmt.Errorf("listen address %q: it must be host:port, as in 127.0.0.1:8080", address)
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback(), nil
}

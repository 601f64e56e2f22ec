package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/funchost/funchost/cmd/funchost/internal/devloop"
)

// listen opens address. The error says which flag chooses another.
func listen(ctx context.Context, address, flag string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &takenError{address: address, flag: flag}
	default:
		return nil, fmt.Errorf("listen on %s: %w\n  choose another address with %s", address, err, flag)
	}
}

// takenError is a port that somebody else has.
type takenError struct {
	address, flag string
	orphans       []int // processes that an earlier command left behind
}

func (e *takenError) Error() string {
	if len(e.orphans) > 0 {
		return fmt.Sprintf("listen on %s: the port is in use; a funchost run that was killed has left a program behind that does not end, process %v\n"+
			"  end it, or choose another port with %s", e.address, e.orphans[0], e.flag)
	}
	return fmt.Sprintf("listen on %s: the port is in use by another process\n"+
		"  choose another with %s, port 0 takes a free one", e.address, e.flag)
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

// orphanPatience is how long a command waits for the program of one that was
// killed. A host needs up to three seconds to notice and end.
const orphanPatience = 5 * time.Second

// awaitFree is checkFree, and waits a little if the program of a command that was
// killed may be what has the port.
func awaitFree(ctx context.Context, address, flag string, con console) error {
	patience := time.NewTimer(orphanPatience)
	defer patience.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for waits := false; ; waits = true {
		orphans := devloop.Orphans() // before the look at the port: one that ends now has freed it
		err := checkFree(ctx, address, flag)
		taken, ok := errors.AsType[*takenError](err)
		if !ok || len(orphans) == 0 {
			return err
		}
		if !waits {
			con.hintf("waiting for the program of a funchost run that was killed to end ...\n")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			taken.orphans = orphans
			return taken
		case <-look.C:
		}
	}
}

// loopback is the address of a port that only this machine can reach.
func loopback(port portNumber) string {
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

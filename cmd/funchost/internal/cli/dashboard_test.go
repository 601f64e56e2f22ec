package cli

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/funchost/funchost/dts/scheduler"
)

func TestPortIsANumberOrNone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"0": "127.0.0.1:0", "8082": "127.0.0.1:8082", "65535": "127.0.0.1:65535", "none": "none"} {
		flag := portFlag{port: 1}
		if err := flag.Set(text); err != nil || flag.address() != want || flag.String() != text {
			t.Errorf("%q is %q at %q, %v; want it at %q", text, flag.String(), flag.address(), err, want)
		}
	}
	for _, text := range []string{"", "-1", "65536", "80a", "None", "127.0.0.1:80"} {
		if err := new(portFlag).Set(text); err == nil {
			t.Errorf("%q is taken for a port", text)
		}
	}
}

func TestDashboardEndsWithItsContextAlthoughABrowserStays(t *testing.T) {
	t.Parallel()
	server, err := scheduler.New(scheduler.Config{Listen: "none"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	socket, err := listen(ctx, loopback(0), "--dashboard-port")
	if err != nil {
		t.Fatal(err)
	}
	shown := newDashboardServer(socket, server, newConsole(rootCommand(surroundings{}), 0).logger)
	ended := make(chan error, 2)
	go func() { ended <- server.Run(ctx) }()
	go func() { ended <- shown.Run(ctx) }()
	<-shown.Ready()

	ahead, err := net.Dial("tcp", socket.Addr().String()) // a connection that asks for nothing
	if err != nil {
		t.Fatal(err)
	}
	defer ahead.Close()
	resp, err := http.Get(shown.url())
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the dashboard answers %v, %v", resp, err)
	}
	resp.Body.Close()
	stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

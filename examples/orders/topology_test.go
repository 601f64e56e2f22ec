//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/examples/orders/orders"
)

// processes is the script topology while it runs: what its processes print, each
// line behind the name of its process.
type processes struct {
	mu      sync.Mutex
	ids     map[string]int // by name
	charges map[string]int // by name
	changed chan struct{}  // closed, and made anew, at each line
}

var (
	processLine = regexp.MustCompile(`^([^:]+): process (\d+)$`)
	chargeLine  = regexp.MustCompile(`^([^:]+): .*\bcharged\b`)
)

func (p *processes) read(t *testing.T, output io.Reader) {
	for lines := bufio.NewScanner(output); lines.Scan(); {
		t.Log(lines.Text())
		p.mu.Lock()
		if m := processLine.FindStringSubmatch(lines.Text()); m != nil {
			p.ids[m[1]], _ = strconv.Atoi(m[2])
		} else if m := chargeLine.FindStringSubmatch(lines.Text()); m != nil {
			p.charges[m[1]]++
		}
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// until waits for what the processes print.
func (p *processes) until(ctx context.Context, t *testing.T, what string, seen func() bool) {
	t.Helper()
	for {
		p.mu.Lock()
		done, changed := seen(), p.changed
		p.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("%s did not happen: %v", what, ctx.Err())
		}
	}
}

// running returns those of the processes that are alive.
func (p *processes) running() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(p.ids)), func(name string) bool {
		return errors.Is(syscall.Kill(p.ids[name], 0), syscall.ESRCH)
	})
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// The processes of the script share nothing but a connection string. Both workers
// charge customers; one is killed in the middle of it, and every order is sold.
func TestShopOfSeveralProcessesOutlivesAWorker(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("the script topology needs bash")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // the script builds its programs
	defer cancel()
	port, schedulerPort := freePort(t), freePort(t)
	cmd := exec.Command("./topology", "--admin-listen", "none", "--dashboard-listen", "none")
	cmd.Env = append(os.Environ(), fmt.Sprintf("PORT=%d", port), fmt.Sprintf("SCHEDULER_PORT=%d", schedulerPort))
	p := &processes{ids: make(map[string]int), charges: make(map[string]int), changed: make(chan struct{})}
	output, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := errors.Join(cmd.Start(), write.Close()); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(t, output)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-read // the last process has let go of it
		if err := errors.Join(cmd.Wait(), output.Close()); err != nil {
			t.Errorf("the script ended with %v", err)
		}
		if left := p.running(); len(left) > 0 {
			t.Errorf("still running: %q", left)
		}
	})
	p.until(ctx, t, "the start of four processes", func() bool { return len(p.ids) == 4 })

	client, err := dts.Dial(dts.ConnectionString{
		Endpoint: fmt.Sprintf("http://127.0.0.1:%d", schedulerPort), TaskHub: "shop", Authentication: dts.AuthNone,
	})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	workersAre(ctx, t, client, 2)
	s := &shop{t, client, &http.Client{Transport: transport}, fmt.Sprintf("http://127.0.0.1:%d", port)}
	var ids []string
	sell := func(n int) {
		for range n {
			id := strconv.Itoa(len(ids))
			ids = append(ids, s.order(orders.Order{ID: id, Item: "item " + id, Cents: 2_50}, id))
		}
	}
	sell(40)
	p.until(ctx, t, "work of both workers", func() bool { return p.charges["worker 1"] > 0 && p.charges["worker 2"] > 0 })
	sell(20)
	if err := syscall.Kill(p.ids["worker 1"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	sell(20)
	for _, id := range ids {
		receipt, err := orders.Process.Instance(client, id).Wait(ctx)
		if err != nil || receipt.Outcome != orders.Sold {
			t.Errorf("order %s: %+v, %v, want it sold", id, receipt, err)
		}
	}
	workersAre(ctx, t, client, 1)
}

// workersAre waits until that many workers are connected and nothing is left to do.
func workersAre(ctx context.Context, t *testing.T, c *dts.Client, n int) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		backlog, err := c.Backlog(ctx)
		if err == nil && backlog == (dts.Backlog{Workers: n}) {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("backlog stays %+v, %v, want %d workers and no work", backlog, err, n)
		}
	}
}

package scheduler_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/scheduler"
	"github.com/funchost/funchost/dts/worker"
)

// TestALostAnswerStartsNothingTwice: gRPC repeats a call whose connection broke
// before the answer came. The instance that the first attempt made may have ended
// by then, and an id whose instance has ended is free for a new start.
func TestALostAnswerStartsNothingTwice(t *testing.T) {
	t.Parallel()
	s, err := scheduler.New(scheduler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	near, err := dts.Dial(s.ConnectionString(""), dts.WithConn(s.Conn()))
	if err != nil {
		t.Fatal(err)
	}
	var runs atomic.Int32
	r := worker.NewRegistry()
	if err := r.Orchestrator("count", func(*worker.Context, []byte) ([]byte, error) {
		runs.Add(1)
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	running.Go(func() {
		if err := worker.New(near, r).Run(ctx); err != nil {
			t.Error(err)
		}
	})

	p := newProxy(t, s.ConnectionString("").Endpoint)
	defer p.close()
	cs := s.ConnectionString("")
	cs.Endpoint = "http://" + p.listener.Addr().String()
	far, err := dts.Dial(cs)
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()

	for _, call := range []struct {
		name string
		do   func() (string, error)
	}{
		{"start", func() (string, error) { return far.Start(ctx, dts.StartRequest{Name: "count", ID: "a"}) }},
		{"restart", func() (string, error) { return far.Restart(ctx, "a") }},
	} {
		before, err := far.Instance(ctx, "a") // a connection is there now
		if err != nil && !errors.Is(err, dts.ErrNotFound) {
			t.Fatal(err)
		}
		p.deafen(func() {
			for { // until the call has had its effect
				in, err := near.Wait(ctx, "a")
				if err != nil {
					t.Error(err)
					return
				}
				if before == nil || in.ExecutionID != before.ExecutionID {
					return
				}
			}
		}, func() {
			if id, err := call.do(); id != "a" || err != nil {
				t.Errorf("%s: got %q, %v", call.name, id, err)
			}
		})
		if _, err := near.Wait(ctx, "a"); err != nil {
			t.Error(err)
		}
	}
	if got := runs.Load(); got != 2 {
		t.Errorf("the orchestrator ran %d times, want once for the start and once for the restart", got)
	}
}

// proxy passes bytes on between a client and the scheduler.
type proxy struct {
	t        *testing.T
	listener net.Listener
	to       string
	copying  sync.WaitGroup

	mu    sync.Mutex // guards what follows
	deaf  bool       // what the scheduler says is lost
	conns []net.Conn
}

func newProxy(t *testing.T, endpoint string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, listener: l, to: endpoint[len("http://"):]}
	p.copying.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", p.to)
			if err != nil {
				t.Error(err)
				return
			}
			p.mu.Lock()
			p.conns = append(p.conns, client, server)
			p.mu.Unlock()
			p.copying.Go(func() { _, _ = io.Copy(server, client) })
			p.copying.Go(func() { _, _ = io.Copy(mouth{p, client}, server) })
		}
	})
	return p
}

// mouth says to the client what the scheduler says, unless that is lost.
type mouth struct {
	p  *proxy
	to net.Conn
}

func (m mouth) Write(b []byte) (int, error) {
	m.p.mu.Lock()
	deaf := m.p.deaf
	m.p.mu.Unlock()
	if deaf {
		return len(b), nil
	}
	return m.to.Write(b)
}

// deafen makes a call whose answer is lost, and breaks its connection when
// effect has returned.
func (p *proxy) deafen(effect, call func()) {
	p.mu.Lock()
	p.deaf = true
	p.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		call()
	}()
	effect()
	p.mu.Lock()
	p.deaf = false
	p.breakAll()
	p.mu.Unlock()
	<-done
}

func (p *proxy) breakAll() {
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.breakAll()
	p.mu.Unlock()
	p.copying.Wait()
}

package scheduler_test

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
)

// kills is how often a process is killed.
const kills = 20

// TestKilledProcessesBreakNoPromise runs a scheduler and a host as processes of
// their own, over TCP and a directory, and kills them at random moments (M4).
func TestKilledProcessesBreakNoPromise(t *testing.T) {
	if testing.Short() {
		t.Skip("twenty kills take some ten seconds")
	}
	t.Parallel()
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the same kills: go test ./dts/scheduler -run %s -seed=%d", t.Name(), first)
		}
	})
	rng := rand.New(rand.NewPCG(first, 2))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l := newLedger(t)
	v := newVictims(t, l)
	ds := &drivers{
		ctx: ctx, client: v.client(t), ledger: l, stop: make(chan struct{}),
		pace: pace{brief: 20 * time.Millisecond, long: 500 * time.Millisecond, longest: time.Second},
	}
	for range kills {
		for range 4 {
			ds.play(rng.Uint64(), scenarios[rng.IntN(len(scenarios))])
		}
		select {
		case <-l.after(1 + rng.IntN(60)):
		case <-time.After(time.Second): // little is going on: kill them at rest
		}
		if rng.IntN(2) == 0 {
			v.killScheduler(t)
		} else {
			v.killHost(t)
		}
	}
	ds.finish()
}

// victims are the processes that are killed.
type victims struct {
	dir, ledger     string
	addr            string
	listener        *os.File
	scheduler, host *process
}

// client connects a client of its own to the scheduler.
func (v *victims) client(t *testing.T) *dts.Client {
	t.Helper()
	conn, err := plainConn(v.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := connect(conn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newVictims(t *testing.T, l *ledger) *victims {
	t.Helper()
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tcp.Close(); err != nil { // the file stays
			t.Error(err)
		}
	}()
	v := &victims{dir: t.TempDir(), ledger: serveLedger(t, l), addr: tcp.Addr().String()}
	if v.listener, err = tcp.File(); err != nil {
		t.Fatal(err)
	}
	v.startScheduler(t)
	v.startHost(t)
	t.Cleanup(func() {
		v.host.kill(t)
		v.scheduler.kill(t)
		if err := v.listener.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func (v *victims) startScheduler(t *testing.T) {
	t.Helper()
	v.scheduler = startProcess(t, roleScheduler, []*os.File{v.listener}, envDir+"="+v.dir)
}

func (v *victims) startHost(t *testing.T) {
	t.Helper()
	v.host = startProcess(t, roleHost, nil, envAddr+"="+v.addr, envLedger+"="+v.ledger)
}

func (v *victims) killScheduler(t *testing.T) {
	t.Helper()
	v.scheduler.kill(t)
	v.startScheduler(t)
}

func (v *victims) killHost(t *testing.T) {
	t.Helper()
	v.host.kill(t)
	v.startHost(t)
}

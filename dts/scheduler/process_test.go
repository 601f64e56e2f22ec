package scheduler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/scheduler"
	"github.com/funchost/funchost/dts/worker"
)

// The test program is started again as the processes that are killed. These
// variables say what it is to be.
const (
	envRole   = "FUNCHOST_TEST_ROLE"
	envDir    = "FUNCHOST_TEST_DIR"    // of the scheduler's data
	envAddr   = "FUNCHOST_TEST_ADDR"   // where the host finds the scheduler
	envLedger = "FUNCHOST_TEST_LEDGER" // where the host finds the ledger
)

const (
	roleScheduler = "scheduler"
	roleHost      = "host"
)

// play is main of a process that can be killed.
func play(role string) int {
	ctx, stop := context.WithCancel(context.Background())
	go func() { // the test holds the other end: no process outlives it
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	roles := map[string]func(context.Context) error{roleScheduler: playScheduler, roleHost: playHost}
	if err := roles[role](ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// playScheduler serves on the listener that the test keeps open, so that the
// address is nobody else's between two lives.
func playScheduler(ctx context.Context) error {
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	// So many kills make poison of innocent work.
	s, err := scheduler.New(scheduler.Config{Dir: os.Getenv(envDir), Listener: l, MaxLosses: -1})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

func playHost(ctx context.Context) error {
	conn, err := plainConn(os.Getenv(envAddr))
	if err != nil {
		return err
	}
	to := remoteLedger(os.Getenv(envLedger))
	c, err := connect(newEye(conn, to, newItems()))
	if err != nil {
		return err
	}
	return worker.New(c, functions(to), worker.WithMaxConcurrent(0, activitiesAtOnce)).Run(ctx)
}

// plainConn connects without the retries of the client: an event that is sent
// again when its acknowledgement was lost would arrive twice.
func plainConn(addr string) (*grpc.ClientConn, error) {
	return grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func connect(conn grpc.ClientConnInterface) (*dts.Client, error) {
	cs := dts.ConnectionString{Endpoint: "http://127.0.0.1", TaskHub: "default", Authentication: dts.AuthNone}
	return dts.Dial(cs, dts.WithConn(conn))
}

// process is a process of the test that is there to be killed.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *bytes.Buffer
	ended  chan error
}

func startProcess(t *testing.T, role string, files []*os.File, env ...string) *process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(program), stderr: &bytes.Buffer{}, ended: make(chan error, 1)}
	p.cmd.Env = append(append(os.Environ(), envRole+"="+role), env...)
	p.cmd.ExtraFiles = files
	p.cmd.Stderr = p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	return p
}

// kill is kill -9. A process that has ended by itself before fails the test.
func (p *process) kill(t *testing.T) {
	t.Helper()
	select {
	case err := <-p.ended:
		t.Fatalf("%v ended by itself: %v\n%s", p.cmd.Env[len(p.cmd.Env)-1], err, p.stderr)
	default:
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	_ = p.stdin.Close()
}

// report is an entry of the ledger on its way from a host.
type report struct {
	Kind    string // of the methods of reporter
	Subject string
	Text    string
	Due, At time.Time
}

// serveLedger takes the reports of hosts.
func serveLedger(t *testing.T, l *ledger) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e report
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		switch e.Kind {
		case "Handed":
			l.Handed(e.Subject, e.Text)
		case "Acked":
			l.Acked(e.Subject, e.Text)
		case "Shown":
			l.Shown(e.Subject, e.Text)
		case "Fired":
			l.Fired(e.Subject, e.Due, e.At)
		default:
			l.Violated(e.Text)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// remoteLedger is the ledger for a host: an address.
type remoteLedger string

func (r remoteLedger) Handed(task, input string) {
	r.send(report{Kind: "Handed", Subject: task, Text: input})
}

func (r remoteLedger) Acked(task, result string) {
	r.send(report{Kind: "Acked", Subject: task, Text: result})
}

func (r remoteLedger) Fired(instance string, due, at time.Time) {
	r.send(report{Kind: "Fired", Subject: instance, Due: due, At: at})
}

func (r remoteLedger) Shown(entity, state string) {
	r.send(report{Kind: "Shown", Subject: entity, Text: state})
}

func (r remoteLedger) Violated(text string) { r.send(report{Kind: "Violated", Text: text}) }

// send returns when the ledger has the entry.
func (r remoteLedger) send(e report) {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	resp, err := http.Post(string(r), "application/json", bytes.NewReader(b))
	if err == nil {
		err = resp.Body.Close()
	}
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	if err != nil {
		panic(fmt.Sprintf("the ledger does not listen: %v", err))
	}
}

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/scheduler"
	"github.com/funchost/funchost/dts/worker"
)

var (
	pending    = flag.Int("pending", 0, "how many pending instances TestPending measures; 0 skips it")
	pendingDir = flag.String("pending-dir", "", "where TestPending keeps them, to be used again; default: a temporary folder")
)

// The goals for a million pending instances.
const (
	maxOpen   = 5 * time.Second
	maxMemory = 1 << 30
	// maxCall is for calls that must not depend on how many instances there are.
	maxCall = 50 * time.Millisecond
	// maxPage is for pages that select few of many.
	maxPage = 500 * time.Millisecond
)

// TestPending measures a scheduler with many pending instances in a process of
// its own: how long it takes to open, its memory, the backlog, pages, and the
// first work item.
func TestPending(t *testing.T) {
	t.Parallel()
	if *pending == 0 {
		t.Skip("nothing to measure: say how many with -pending 1000000")
	}
	dir := *pendingDir
	if dir == "" {
		dir = t.TempDir()
	}
	fillPending(t, filepath.Join(dir, "data"), *pending)

	began := time.Now()
	server, c := serveAlone(t, filepath.Join(dir, "data"))
	backlog, err := c.Backlog(t.Context())
	// The worker of an earlier run has taken a few.
	if n := backlog.Orchestrations.Pending; err != nil || n < int64(*pending)*99/100 || n > int64(*pending) {
		t.Fatalf("backlog = %+v, %v; want %d pending", backlog, err, *pending)
	}
	report(t, "open, until it answers", time.Since(began), maxOpen)
	t.Logf("%-40s %v", "memory after opening", server.memory(t))

	report(t, "backlog", median(t, 100, func() error {
		_, err := c.Backlog(t.Context())
		return err
	}), maxCall)
	for name, query := range map[string]dts.Query{
		"page of all":                  {},
		"page of those that completed": {Status: []dts.Status{dts.StatusCompleted}},
		"page of a prefix":             {IDPrefix: "nobody"},
	} {
		first, middle := pages(t, c, query)
		goal := maxCall
		if name != "page of all" {
			goal = maxPage
		}
		report(t, name+", the first", first, goal)
		report(t, name+", the fiftieth", middle, goal)
	}
	report(t, "first work item", firstItem(t, c), maxCall)
	memory := server.memory(t)
	t.Logf("%-40s %v", "memory at its highest", memory)
	if memory > maxMemory {
		t.Errorf("memory is %v, the goal is %v", memory, size(maxMemory))
	}
}

func report(t *testing.T, what string, took, goal time.Duration) {
	t.Helper()
	t.Logf("%-40s %v", what, took.Round(10*time.Microsecond))
	if took > goal {
		t.Errorf("%s takes %v, the goal is %v", what, took, goal)
	}
}

// fillPending starts instances that no worker takes, unless an earlier run has.
func fillPending(t *testing.T, dir string, n int) {
	t.Helper()
	filled := dir + ".filled"
	if text, err := os.ReadFile(filled); err == nil && string(text) == fmt.Sprint(n) {
		return
	}
	s, err := scheduler.New(scheduler.Config{Dir: dir, Listen: "none"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	c, err := dts.Dial(dts.ConnectionString{TaskHub: "default"}, dts.WithConn(s.Conn()))
	if err != nil {
		t.Fatal(err)
	}
	startMany(t, c, n, func(int) dts.StartRequest { return dts.StartRequest{Name: "hello-cities", Input: []byte(input)} })
	stop()
	if err := errors.Join(c.Close(), <-ended); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filled, fmt.Append(nil, n), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startMany starts n instances, many at a time.
func startMany(t *testing.T, c *dts.Client, n int, request func(i int) dts.StartRequest) {
	t.Helper()
	began := time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				if _, err := c.Start(t.Context(), request(i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	t.Logf("%-40s %v, %.0f/s", "started", took.Round(time.Millisecond), float64(n)/took.Seconds())
}

type size uint64

func (s size) String() string { return fmt.Sprintf("%.0f MiB", float64(s)/(1<<20)) }

// memory is the most that the process has had so far.
func (a alone) memory(t *testing.T) size {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.Process.Pid))
	if err != nil {
		t.Skipf("memory cannot be measured here: %v", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kib uint64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return size(kib << 10)
}

func median(t *testing.T, n int, once func() error) time.Duration {
	t.Helper()
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		if err := once(); err != nil {
			t.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[n/2]
}

// pages returns how long the first page and the fiftieth take.
func pages(t *testing.T, c *dts.Client, q dts.Query) (first, fiftieth time.Duration) {
	t.Helper()
	token := ""
	for i := range 50 {
		began := time.Now()
		_, next, err := c.Page(t.Context(), q, token)
		if err != nil {
			t.Fatal(err)
		}
		fiftieth = time.Since(began)
		if i == 0 {
			first = fiftieth
		}
		if next == "" {
			break
		}
		token = next
	}
	return first, fiftieth
}

// firstItem is how long a worker that connects waits for its first work item.
func firstItem(t *testing.T, c *dts.Client) time.Duration {
	t.Helper()
	began := time.Now()
	got := make(chan time.Duration, 1)
	r := worker.NewRegistry()
	if err := r.Orchestrator("hello-cities", func(*worker.Context, []byte) ([]byte, error) {
		select {
		case got <- time.Since(began):
		default:
		}
		return json.Marshal(nil)
	}); err != nil {
		t.Fatal(err)
	}
	w := worker.New(c, r, worker.WithMaxConcurrent(10, 10))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	took := <-got
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return took
}

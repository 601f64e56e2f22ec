package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
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

// serveDir makes the test binary a scheduler on the directory it names.
const serveDir = "FUNCHOST_BENCH_SERVE_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveDir); dir != "" {
		if err := serve(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serve(dir string) error {
	s, err := scheduler.New(scheduler.Config{Dir: dir})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	go func() { // end with the benchmark, however it ends
		_, _ = os.Stdin.Read(make([]byte, 1))
		stop()
	}()
	fmt.Println(s.ConnectionString(""))
	return s.Run(ctx)
}

// layouts are where client, worker and scheduler are.
var layouts = []struct {
	name    string
	connect func(*testing.B) *dts.Client
}{
	{"1proc", inProcess},
	{"2proc", twoProcesses},
}

// inProcess puts all in one process, by direct calls.
func inProcess(b *testing.B) *dts.Client {
	s, err := scheduler.New(scheduler.Config{Dir: b.TempDir(), Listen: "none"})
	if err != nil {
		b.Fatal(err)
	}
	run(b, s.Run)
	<-s.Ready()
	cs := dts.ConnectionString{Endpoint: "http://127.0.0.1", TaskHub: "default", Authentication: dts.AuthNone}
	return dial(b, cs, dts.WithConn(s.Conn()))
}

// twoProcesses puts the scheduler into a process of its own, over TCP.
func twoProcesses(b *testing.B) *dts.Client {
	_, c := serveAlone(b, b.TempDir())
	return c
}

// alone is a scheduler in a process of its own.
type alone struct{ *exec.Cmd }

func serveAlone(t testing.TB, dir string) (alone, *dts.Client) {
	t.Helper()
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), serveDir+"="+dir)
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := server.Wait(); err != nil {
			t.Errorf("scheduler: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("scheduler did not start: %v", err)
	}
	cs, err := dts.ParseConnectionString(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return alone{server}, dial(t, cs)
}

func dial(t testing.TB, cs dts.ConnectionString, opts ...dts.Option) *dts.Client {
	c, err := dts.Dial(cs, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// run calls f until the benchmark ends.
func run(b *testing.B, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
}

// startWorker runs the sequence of the hello-cities example.
func startWorker(b *testing.B, c *dts.Client) {
	r := worker.NewRegistry()
	if err := r.Orchestrator("hello-cities", helloCities); err != nil {
		b.Fatal(err)
	}
	if err := r.Activity("say-hello", sayHello); err != nil {
		b.Fatal(err)
	}
	w := worker.New(c, r, worker.WithMaxConcurrent(500, 500))
	run(b, w.Run)
	<-w.Ready()
}

func helloCities(ctx *worker.Context, in []byte) ([]byte, error) {
	var cities, greetings []string
	if err := json.Unmarshal(in, &cities); err != nil {
		return nil, err
	}
	for _, city := range cities {
		arg, err := json.Marshal(city)
		if err != nil {
			return nil, err
		}
		out, err := ctx.Activity("say-hello", arg, worker.ActivityOptions{}).Await()
		if err != nil {
			return nil, err
		}
		var greeting string
		if err := json.Unmarshal(out, &greeting); err != nil {
			return nil, err
		}
		greetings = append(greetings, greeting)
	}
	return json.Marshal(greetings)
}

func sayHello(_ context.Context, in []byte) ([]byte, error) {
	var city string
	if err := json.Unmarshal(in, &city); err != nil {
		return nil, err
	}
	return json.Marshal("Hello, " + city + "!")
}

const (
	input  = `["Tokyo","Seattle","London"]`
	output = `["Hello, Tokyo!","Hello, Seattle!","Hello, London!"]`
)

// BenchmarkStart is one acknowledged start with no worker.
func BenchmarkStart(b *testing.B) {
	bench(b, func(b *testing.B, c *dts.Client) func() error {
		return func() error {
			_, err := c.Start(b.Context(), dts.StartRequest{Name: "hello-cities", Input: []byte(input)})
			return err
		}
	})
}

// BenchmarkHelloCities is one run from the start to the result at the client:
// four turns, three activities, eight commits.
func BenchmarkHelloCities(b *testing.B) {
	bench(b, func(b *testing.B, c *dts.Client) func() error {
		startWorker(b, c)
		return func() error {
			id, err := c.Start(b.Context(), dts.StartRequest{Name: "hello-cities", Input: []byte(input)})
			if err != nil {
				return err
			}
			got, err := c.Wait(b.Context(), id)
			if err != nil {
				return err
			}
			if string(got.Output) != output {
				return fmt.Errorf("got %v %s, want %s", got.Status, got.Output, output)
			}
			return nil
		}
	})
}

// bench measures what prepare returns in each layout, 1 and 100 at a time.
func bench(b *testing.B, prepare func(*testing.B, *dts.Client) func() error) {
	for _, layout := range layouts {
		for _, callers := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/%d", layout.name, callers), func(b *testing.B) {
				once := prepare(b, layout.connect(b))
				for range 20 { // connections, caches
					if err := once(); err != nil {
						b.Fatal(err)
					}
				}
				measure(b, callers, once)
			})
		}
	}
}

func measure(b *testing.B, callers int, once func() error) {
	b.ReportAllocs()
	var next atomic.Int64
	took := make([]time.Duration, b.N)
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				began := time.Now()
				if err := once(); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

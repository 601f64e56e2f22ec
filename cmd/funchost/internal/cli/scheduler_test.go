package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
)

func TestSchedulerIsNotShownToStrangersUnaware(t *testing.T) {
	t.Parallel()
	safe := []string{"--tls-cert", "c", "--tls-key", "k", "--token-file", "t"}
	for _, tc := range []struct {
		name string
		args []string
		want string // empty if it may listen
	}{
		{"loopback", nil, ""},
		{"everywhere", []string{"--listen", "0.0.0.0:0"}, "no encryption and no authentication"},
		{"everywhere by a name", []string{"--listen", ":8080"}, "no encryption and no authentication"},
		{"with TLS alone", []string{"--listen", "0.0.0.0:0", "--tls-cert", "c", "--tls-key", "k"}, "it has no authentication\n  use --tls-cert"},
		{"with tokens alone", []string{"--listen", "0.0.0.0:0", "--token-file", "t"}, "it has no encryption\n  use --tls-cert"},
		{"with both", append(safe, "--listen", "0.0.0.0:0"), ""},
		{"with certificates of callers", []string{"--listen", "0.0.0.0:0", "--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "a"}, ""},
		{"with the word", []string{"--listen", "0.0.0.0:0", "--insecure-public"}, ""},
		{"its metrics", append(safe, "--admin-listen", "0.0.0.0:0"), "shows metrics without encryption"},
		{"its dashboard", append(safe, "--dashboard-listen", "0.0.0.0:0"), "lets change all orchestrations without encryption"},
		{"no metrics and dashboard", []string{"--admin-listen", "none", "--dashboard-listen", "none"}, ""},
		{"no address", []string{"--listen", "here"}, "it must be host:port"},
	} {
		var flags schedulerFlags
		cmd := schedulerCommand()
		cmd.ResetFlags()
		flags.register(cmd)
		if err := cmd.ParseFlags(tc.args); err != nil {
			t.Fatal(err)
		}
		err := flags.check()
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

// served is `funchost scheduler` in this process.
type served struct {
	t     *testing.T
	mu    sync.Mutex
	out   bytes.Buffer
	ended chan int
	stop  func()
}

func (s *served) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *served) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// serve runs the command until the test ends and returns when it is ready.
func serve(t *testing.T, args ...string) *served {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &served{t: t, ended: make(chan int, 1), stop: stop}
	ready, announce := io.Pipe()
	go func() {
		args := append([]string{"scheduler", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--dashboard-listen", "none"}, args...)
		s.ended <- run(ctx, ofProcess(), args, io.MultiWriter(s, announce), s)
		announce.Close()
	}()
	t.Cleanup(func() {
		stop()
		go func() { _, _ = io.Copy(io.Discard, ready) }()
		if code := <-s.ended; code != 0 {
			t.Errorf("the scheduler ended with %d and says %s", code, s.text())
		}
	})
	seen := ""
	for chunk := make([]byte, 4096); !strings.Contains(seen, "/metrics\n"); {
		n, err := ready.Read(chunk)
		if err != nil {
			t.Fatalf("the scheduler says %s", s.text())
		}
		seen += string(chunk[:n])
	}
	return s
}

// find returns the first group of a pattern in what the command has said.
func (s *served) find(pattern string) string {
	s.t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(s.text())
	if found == nil {
		s.t.Fatalf("no %s in %s", pattern, s.text())
	}
	return found[1]
}

// TestSchedulerServesWithCertificatesAndTokens, and counts what it does.
func TestSchedulerServesWithCertificatesAndTokens(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	own := certificate(t)
	own.write(t, file("cert.pem"), file("key.pem"))
	const token = "0123456789abcdef0123456789abcdef"
	if err := os.WriteFile(file("tokens"), []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--data", file("state"), "--hubs", "orders", "--retention", "orders/0",
		"--tls-cert", file("cert.pem"), "--tls-key", file("key.pem"), "--tls-client-ca", file("cert.pem"), "--token-file", file("tokens"))
	cs, err := dts.ParseConnectionString(s.find(`DTS_CONNECTION_STRING='([^']+)'`))
	if err != nil || !strings.HasPrefix(cs.Endpoint, "https://127.0.0.1:") || cs.TaskHub != "orders" {
		t.Fatalf("connection string %v, %v", cs, err)
	}
	if !strings.Contains(s.text(), "one of the tokens in "+file("tokens")) || strings.Contains(s.text(), token) {
		t.Errorf("the scheduler says %s", s.text())
	}
	dial := func(opts ...dts.Option) *dts.Client {
		known := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: own.pool, ServerName: "scaler", Certificates: []tls.Certificate{own.pair}}
		c, err := dts.Dial(cs, append(opts, dts.WithTLS(known))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	if _, err := dial().Start(t.Context(), dts.StartRequest{Name: "go"}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("start without a token: %v", err)
	}
	c := dial(dts.WithTokenSource(dts.StaticToken(token)))
	r := worker.NewRegistry()
	if err := r.Orchestrator("go", func(ctx *worker.Context, _ []byte) ([]byte, error) {
		return ctx.Activity("act", nil, worker.ActivityOptions{}).Await()
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.Activity("act", func(context.Context, []byte) ([]byte, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- worker.New(c, r).Run(ctx) }()
	id, err := c.Start(t.Context(), dts.StartRequest{Name: "go"})
	if err != nil {
		t.Fatal(err)
	}
	if in, err := c.Wait(t.Context(), id); err != nil || in.Status != dts.StatusCompleted {
		t.Errorf("instance %+v, %v", in, err)
	}

	resp, err := http.Get(s.find(`metrics: (\S+)`))
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`funchost_scheduler_workers{hub="orders"} 1`,
		`funchost_scheduler_orchestrations_started_total{hub="orders"} 1`,
		`funchost_scheduler_orchestrations_ended_total{hub="orders",status="Completed"} 1`,
		`funchost_scheduler_orchestrations_duration_seconds_count{hub="orders",status="Completed"} 1`,
		`funchost_scheduler_work_items_total{hub="orders",kind="orchestration",outcome="completed"} 2`,
		`funchost_scheduler_work_items_total{hub="orders",kind="activity",outcome="completed"} 1`,
		`funchost_scheduler_work_wait_seconds_count{hub="orders",kind="activity"} 1`,
		`funchost_scheduler_work_duration_seconds_count{hub="orders",kind="orchestration"} 2`,
		`funchost_scheduler_backlog{hub="orders",kind="entity",state="pending"} 0`,
		"funchost_scheduler_commit_duration_seconds_count ",
		"funchost_scheduler_store_size_bytes ",
		"go_memstats_heap_alloc_bytes ",
	} {
		if !strings.Contains(string(page), "\n"+want) {
			t.Errorf("/metrics has no %q:\n%s", want, page)
		}
	}
	if strings.Contains(string(page), token) || strings.Contains(string(page), id) {
		t.Error("/metrics shows a token or an id")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestBackupIsMadeForWhoeverCanReadTheFolder and for nobody else, and only where
// an absolute path is named.
func TestBackupIsMadeForWhoeverCanReadTheFolder(t *testing.T) {
	t.Parallel()
	a := newAdmin()
	made := ""
	server := httptest.NewServer(a.handler(func(to string) error {
		made = to
		if strings.HasSuffix(to, "full") {
			return os.ErrPermission
		}
		return nil
	}))
	defer server.Close()
	data := t.TempDir()
	a.Address = server.Listener.Addr().(*net.TCPAddr).String()
	if err := a.write(data); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(data, adminFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
	if err := askForBackup(t.Context(), data, "/backup/one"); err != nil || made != "/backup/one" {
		t.Errorf("backup to %q, %v", made, err)
	}
	if err := askForBackup(t.Context(), data, "/backup/full"); err == nil || err.Error() != os.ErrPermission.Error() {
		t.Errorf("a backup that fails: %v", err)
	}
	if err := askForBackup(t.Context(), data, "relative"); err == nil || !strings.Contains(err.Error(), "absolute path") {
		t.Errorf("a relative path: %v", err)
	}
	made = ""
	other := a
	other.Token = newAdmin().Token
	other.remove(data) // leaves the file of another process
	if err := other.write(data); err != nil {
		t.Fatal(err)
	}
	if err := askForBackup(t.Context(), data, "/backup/two"); err == nil || made != "" {
		t.Errorf("with the token of another process: %q, %v", made, err)
	}
	other.remove(data)
	if err := askForBackup(t.Context(), data, "/backup/three"); err == nil || !strings.Contains(err.Error(), "takes no requests for backups") {
		t.Errorf("without the file: %v", err)
	}
}

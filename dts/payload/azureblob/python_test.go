package azureblob_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/payload/azureblob"
	"github.com/funchost/funchost/dts/worker"
)

var python = flag.String("python", "", "`path` of a Python that has the official SDK with its extension for large payloads; make azurite installs one")

// TestPythonSharesLargePayloads passes them both ways between functions of the
// official Python SDK and ours.
func TestPythonSharesLargePayloads(t *testing.T) {
	t.Parallel()
	if *python == "" || *azurite == "" {
		t.Skip("no Python with the SDK was named: make azurite")
	}
	for name, how := range map[string]azureblob.Compression{"gzip": azureblob.BareGzip, "plain": azureblob.Plain} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := azureblob.NewClient()
			t.Cleanup(client.CloseIdleConnections)
			store, err := azureblob.New(*azurite, azureblob.WithCompression(how), azureblob.WithHTTPClient(client))
			if err != nil {
				t.Fatal(err)
			}
			s := dtstest.Start(t, dtstest.Listen())
			startPython(t, strings.TrimPrefix(s.ConnectionString().Endpoint, "http://"), name)
			c := s.Connect("default", dts.WithPayloads(dts.Payloads{Store: store}))
			startGo(t, c)
			text := strings.Repeat("a", 1<<20) // Python writes other letters in six bytes
			input := []byte(`"` + text + `"`)

			// Ours calls an activity of theirs.
			if got := result(t, c, start(t, c, "ours", input)); got != `"`+text+`!"` {
				t.Errorf("the activity of Python gave %d bytes, want %d", len(got), len(text)+3)
			}
			// Theirs gets its input and an event from us.
			id := start(t, c, "through", input)
			if err := c.Raise(t.Context(), id, "more", input); err != nil {
				t.Fatal(err)
			}
			if got := result(t, c, id); got != `"`+text+"!"+text+`"` {
				t.Errorf("the orchestration of Python gave %d bytes, want %d", len(got), 2*len(text)+3)
			}
			in, err := c.Instance(t.Context(), id)
			if err != nil || string(in.CustomStatus) != string(input) {
				t.Errorf("its status has %d bytes (%v), want %d", len(in.CustomStatus), err, len(input))
			}
			raw, err := s.Client().Instance(t.Context(), id)
			if err != nil || !strings.HasPrefix(string(raw.Output), "blob:v1:durabletask-payloads:") {
				t.Errorf("the hub has %.100q (%v), want a token of Python", raw.Output, err)
			}
		})
	}
}

func start(t *testing.T, c *dts.Client, name string, input []byte) string {
	t.Helper()
	id, err := c.Start(t.Context(), dts.StartRequest{Name: name, Input: input})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func result(t *testing.T, c *dts.Client, id string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	in, err := c.Wait(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if in.Failure != nil {
		t.Fatalf("%s: %s", in.Failure.Type, in.Failure.Message)
	}
	return string(in.Output)
}

func startGo(t *testing.T, c *dts.Client) {
	t.Helper()
	r := worker.NewRegistry()
	err := r.Orchestrator("ours", func(ctx *worker.Context, in []byte) ([]byte, error) {
		return ctx.Activity("repeat", in, worker.ActivityOptions{}).Await()
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- worker.New(c, r).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// startPython runs the worker of Python until the test ends.
func startPython(t *testing.T, address, compression string) {
	t.Helper()
	cmd := exec.Command(*python, "azurite/worker.py", address, *azurite, compression)
	var log bytes.Buffer
	cmd.Stderr = &log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("python: %v\n%s", err, log.Bytes())
		}
	})
	if err != nil || line != "ready\n" {
		t.Fatalf("python says %q (%v)", line, err)
	}
}

package interop

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts/dtstest"
)

var run = flag.Bool("interop", false, "run the official SDKs of other languages; make interop installs them and sets this")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cache is where the script run installs the SDKs.
const cache = "../../../.cache/interop"

// patience bounds each scenario: longer than a busy machine needs, shorter than
// the one minute after which the SDKs themselves give up.
const patience = 50 * time.Second

// sdk is an official SDK of another language.
type sdk struct {
	name    string // also the folder of its programs and in front of its functions
	file    string // extension of its programs
	runtime string // in its folder of the cache, or on the PATH
	modules string // in its folder of the cache: proof that it is installed
}

var (
	javascript = sdk{name: "javascript", file: ".js", runtime: "node", modules: "node_modules"}
	python     = sdk{name: "python", file: ".py", runtime: "venv/bin/python", modules: "venv"}
)

// command makes the command that runs a program of the SDK.
func (s sdk) command(ctx context.Context, t *testing.T, script string, args ...string) *exec.Cmd {
	t.Helper()
	installed, err := filepath.Abs(filepath.Join(cache, s.name))
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(installed, s.modules)
	if _, err := os.Stat(modules); err != nil {
		t.Fatalf("the %s SDK is not installed, run make interop: %v", s.name, err)
	}
	runtime := s.runtime
	if filepath.Base(runtime) != runtime {
		runtime = filepath.Join(installed, runtime)
	}
	cmd := exec.CommandContext(ctx, runtime, append([]string{filepath.Join(s.name, script+s.file)}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "PYTHONDONTWRITEBYTECODE=1")
	return cmd
}

// needSDKs skips a test that `go test ./...` cannot run on a machine with Go alone.
func needSDKs(t *testing.T) {
	t.Helper()
	if !*run {
		t.Skip("needs the SDKs of other languages: make interop installs and runs them")
	}
}

// eachSDK runs a test for every SDK, each with a scheduler of its own.
func eachSDK(t *testing.T, test func(t *testing.T, s sdk, hub *dtstest.Scheduler)) {
	t.Helper()
	needSDKs(t)
	for _, s := range []sdk{javascript, python} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			test(t, s, dtstest.Start(t, dtstest.Listen()))
		})
	}
}

// inTime returns a context for one scenario.
func inTime(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"funchost": main})
}

// leakChecked runs the tests and then looks for goroutines that are left.
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	code := m.M.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScripts runs the terminal sessions of testdata/script. Beside the
// commands of testscript they use those of session_test.go.
func TestScripts(t *testing.T) {
	t.Parallel()
	goEnv := readGoEnv(t, "GOCACHE", "GOMODCACHE", "GOMOD", "CGO_ENABLED")
	checkout := filepath.Dir(goEnv["GOMOD"])
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// Builds of the scripts share the cache of this test, and need nothing
			// that it does not have.
			env.Setenv("GOCACHE", goEnv["GOCACHE"])
			env.Setenv("GOMODCACHE", goEnv["GOMODCACHE"])
			env.Setenv("CGO_ENABLED", goEnv["CGO_ENABLED"])
			env.Setenv("GOFLAGS", "-ldflags=-w") // nobody debugs them, and they link in half the time
			env.Setenv("GOPROXY", "off")
			env.Setenv("GOTOOLCHAIN", "local")
			env.Setenv("CHECKOUT", checkout)
			s := &session{running: map[string]*process{}}
			env.Values[sessionKey{}] = s
			env.Defer(s.end)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"module":    module,
			"edit":      edit,
			"exits":     exits,
			"occupy":    occupy,
			"free-port": freePort,
			"free":      free,
			"orphan":    orphan,
			"start":     start,
			"until":     until,
			"ctrl-c":    ctrlC,
			"kill-9":    kill9,
			"http":      request,
			"poll":      poll,
			"pick":      pick,
			"event":     event,
			"matches":   matches,
			"seconds":   seconds,
		},
	})
}

func readGoEnv(t *testing.T, names ...string) map[string]string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	values := strings.Split(strings.TrimSpace(string(out)), "\n")
	env := make(map[string]string)
	for i, name := range names {
		env[name] = values[i]
	}
	return env
}

package interop

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/funchost/funchost/dts/dtstest"
)

// An sdk is an official SDK of another language.
type sdk struct {
	name    string // also the folder of its programs and in front of its functions
	modules string // in its folder of the cache: proof that it is installed
	lacks   []feature
	argv    func(installed, program string) []string // what runs a program of it
}

// A feature is what some of the SDKs do not have. docs/interop.md lists who lacks
// what; scenarios that need it are skipped and counted as left out.
type feature string

const (
	entities       feature = "entities"
	filters        feature = "filters for work items"
	versioning     feature = "versions of workers, nor do orchestrators see theirs"
	tagging        feature = "tags"
	histories      feature = "reading of histories"
	listing        feature = "listing of ids"
	rewinding      feature = "rewind"
	recursion      feature = "terminate and purge with children"
	reuse          feature = "reuse policy"
	keptEvents     feature = "continue-as-new that keeps just the events it has not used"
	caselessEvents feature = "event names regardless of case"
)

var javascript = sdk{
	name: "javascript", modules: "node_modules", lacks: []feature{reuse},
	argv: func(_, program string) []string { return []string{"node", "javascript/" + program + ".js"} },
}

var python = sdk{
	name: "python", modules: "venv",
	argv: func(installed, program string) []string {
		return []string{installed + "/venv/bin/python", "python/" + program + ".py"}
	},
}

var java = sdk{
	name: "java", modules: "classes",
	lacks: []feature{
		entities, filters, versioning, tagging, histories, listing, rewinding, recursion, reuse, keptEvents, caselessEvents,
	},
	// Many of these run at once for a few seconds each: small, and quick to start.
	argv: func(installed, program string) []string {
		return []string{
			"java", "-Xmx256m", "-Xshare:auto", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
			"-cp", installed + "/classes:" + installed + "/lib/*",
			"funchost.interop." + strings.ToUpper(program[:1]) + program[1:],
		}
	},
}

// command makes the command that runs a program of the SDK.
func (s sdk) command(ctx context.Context, t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	installed, err := filepath.Abs(filepath.Join(cache, s.name))
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(installed, s.modules)
	if _, err := os.Stat(modules); err != nil {
		t.Fatalf("the %s SDK is not installed, run make interop: %v", s.name, err)
	}
	argv := append(s.argv(installed, program), args...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1")
	return cmd
}

// has tells whether the SDK has a feature.
func (s sdk) has(f feature) bool { return !slices.Contains(s.lacks, f) }

// scenario counts the test as one of the SDK, or skips it and says what the SDK
// does not have.
func (s sdk) scenario(t *testing.T, needs ...feature) {
	t.Helper()
	t.Cleanup(func() { record(t, s.name) })
	for _, f := range needs {
		if !s.has(f) {
			t.Skipf("the %s SDK has no %s", s.name, f)
		}
	}
}

// needSDKs skips a test that `go test ./...` cannot run on a machine with Go alone.
func needSDKs(t *testing.T) []sdk {
	t.Helper()
	if *run == "" {
		t.Skip("needs the SDKs of other languages: make interop installs and runs them")
	}
	var asked []sdk
	for name := range strings.SplitSeq(*run, ",") {
		i := slices.IndexFunc([]sdk{javascript, python, java}, func(s sdk) bool { return s.name == name })
		if i < 0 {
			t.Fatalf("-interop names %q, which is no language here", name)
		}
		asked = append(asked, []sdk{javascript, python, java}[i])
	}
	return asked
}

// eachSDK runs a test for every SDK, each with a scheduler of its own.
func eachSDK(t *testing.T, test func(t *testing.T, s sdk, hub *dtstest.Scheduler)) {
	t.Helper()
	for _, s := range needSDKs(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			test(t, s, dtstest.Start(t, dtstest.Listen()))
		})
	}
}

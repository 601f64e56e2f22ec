package durablevet_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/funchost/funchost/framework/durablevet"
)

// TestMain lets this program be the tool of a go vet that a test of it starts.
func TestMain(m *testing.M) {
	durablevet.Vettool(os.Args[1:])
	goleak.VerifyTestMain(m)
}

// root is the folder of go.mod, so that the packages of testdata are compiled with
// the framework as it is.
const (
	root     = "../.."
	testdata = "./framework/durablevet/testdata/"
)

// findings is a test that asks for diagnostics and leaves facts alone: they are how
// the analyzer remembers, and may change.
type findings struct{ *testing.T }

func (t findings) Errorf(format string, args ...any) {
	t.Helper()
	if len(args) > 1 && args[1] == "fact" {
		return
	}
	t.T.Errorf(format, args...)
}

// The packages of testdata are compiled once for both halves. In planted, what is
// found is compared with the comments // want, both ways: each mistake is found where
// it is and by the way that leads to it, and nothing else. In clean there are no such
// comments.
func TestPlantedMistakesAreFoundAndCleanProgramsLeftAlone(t *testing.T) {
	t.Parallel()
	found, clean := 0, make(map[string]bool)
	for _, result := range analysistest.Run(findings{t}, root, durablevet.Analyzer, testdata+"planted/...", testdata+"clean/...") {
		found += len(result.Diagnostics)
		if pkg := result.Action.Package.PkgPath; strings.Contains(pkg, "/clean/") {
			clean[pkg] = true
		}
	}
	if found < 60 || len(clean) < 20 {
		t.Errorf("%d mistakes are planted and %d packages clean, want 60 and 20 at least", found, len(clean))
	}
}

// As a user does it, with this test as the tool.
func TestExamplesAndTemplatesAreClean(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "vet", "-vettool="+self, "./examples/...", "./templates/...")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

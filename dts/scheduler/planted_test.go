//go:build planted

package scheduler_test

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/funchost/funchost/dts/scheduler/internal/planted"
)

// TestEachPlantedBugIsFound runs the power cuts in a program with one bug at a
// time and expects the ledger to name a promise that the bug breaks (M21).
// Without a bug the same program is green.
func TestEachPlantedBugIsFound(t *testing.T) {
	t.Parallel()
	for bug, promise := range map[string]string{
		"":                           "",
		planted.AnswerBeforeSync:     "G[123]: ",
		planted.ReadBeforeSync:       "a reader ",
		planted.DispatchBeforeCommit: "G1: activity .* was handed out",
		planted.TokenUnchecked:       "G5: ",
		planted.DueIndexForgotten:    "G1: instance .* deadline exceeded",
	} {
		t.Run("bug="+bug, func(t *testing.T) {
			t.Parallel()
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestPowerCutsBreakNoPromise$")
			cmd.Env = append(os.Environ(), planted.Variable+"="+bug)
			out, err := cmd.CombinedOutput()
			if found := err != nil; found != (bug != "") || !regexp.MustCompile(promise).Match(out) {
				t.Errorf("the power cuts ended with %v, want promise %q broken:\n%s", err, promise, out)
			}
		})
	}
}

//go:build planted

package scheduler_test

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/funchost/funchost/dts/scheduler/internal/planted"
)

// TestEachPlantedBugIsFound runs the power cuts, or another test, in a program with one bug at a
// time and expects the ledger to name a promise that the bug breaks (M21).
// Without a bug the same program is green.
func TestEachPlantedBugIsFound(t *testing.T) {
	t.Parallel()
	const cuts, vanished = "^TestPowerCutsBreakNoPromise$", "^TestWorkOfAVanishedWorkerGoesToAnotherAtOnce$"
	for bug, found := range map[string]struct{ by, promise string }{
		"":                           {cuts, ""},
		planted.AnswerBeforeSync:     {cuts, "G[1236]: "},
		planted.ReadBeforeSync:       {cuts, "a reader |G6: "},
		planted.DispatchBeforeCommit: {cuts, "G1: activity .* was handed out|G6: "},
		planted.TokenUnchecked:       {cuts, "G5: "},
		planted.DueIndexForgotten:    {cuts, "G1: instance .* deadline exceeded"},
		planted.LostWakeUp:           {vanished, "the work went on after "},
		planted.SwappedEvents:        {cuts, "G3: "},
		planted.LockNotReleased:      {cuts, "G6: "},
		planted.UnboundedBuffer:      {cuts, "G10: "},
	} {
		t.Run("bug="+bug, func(t *testing.T) {
			t.Parallel()
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), program, "-test.run="+found.by)
			cmd.Env = append(os.Environ(), planted.Variable+"="+bug)
			out, err := cmd.CombinedOutput()
			if fails := err != nil; fails != (bug != "") || !regexp.MustCompile(found.promise).Match(out) {
				t.Errorf("%s ended with %v, want promise %q broken:\n%s", found.by, err, found.promise, out)
			}
		})
	}
}

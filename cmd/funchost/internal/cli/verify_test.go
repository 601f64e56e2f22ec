package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/funchost/funchost/cmd/funchost/internal/devloop"
)

func TestVerdictSaysWhatAPipelineNeeds(t *testing.T) {
	t.Parallel()
	difference := devloop.Difference{Instance: "o-1", Orchestrator: "sell", Event: 3, Kind: "TaskScheduled", History: "activity \"a\"", Code: "end, failed:\nno\tgood"}
	renamed := map[string]int{"old": 2}
	for name, tt := range map[string]struct {
		verdict devloop.Verdict
		strict  bool
		code    int
		out     string
	}{
		"all goes on":              {devloop.Verdict{Checked: 2}, true, exitDone, "checked 2 unfinished orchestrations: all would go on\n"},
		"a difference":             {devloop.Verdict{Checked: 2, Differences: []devloop.Difference{difference}}, false, exitDiffer, `end, failed:\nno\tgood`},
		"orchestrators of others":  {devloop.Verdict{Checked: 2, Unknown: renamed}, false, exitDone, "all would go on"},
		"one that was renamed":     {devloop.Verdict{Checked: 2, Unknown: renamed}, true, exitDiffer, "all would go on"},
		"a difference and renamed": {devloop.Verdict{Checked: 2, Differences: []devloop.Difference{difference}, Unknown: renamed}, true, exitDiffer, "o-1"},
	} {
		var out, problems bytes.Buffer
		code := exitDone
		if err := (console{out: &out, err: &problems}).printVerdict(tt.verdict, tt.strict, false); err != nil {
			code = exitCode(err)
		}
		if code != tt.code || !strings.Contains(out.String(), tt.out) {
			t.Errorf("%s: exit code %d, want %d, with %q in:\n%s", name, code, tt.code, tt.out, out.String())
		}
		if lines := strings.Count(out.String(), "\n"); lines > 2 {
			t.Errorf("%s: %d lines, want a line for an instance:\n%s", name, lines, out.String())
		}
		if told := strings.Contains(problems.String(), "2 unfinished of the orchestrator old"); told != (tt.verdict.Unknown != nil) {
			t.Errorf("%s: it says %q of what the program does not have", name, problems.String())
		}
	}
}

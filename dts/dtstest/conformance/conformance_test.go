package conformance

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scenario is one rule and what shows it.
type scenario struct {
	name string // what a failure is called, in words with hyphens
	rule string // a sentence for the table
	from source
	run  func(w *world)
}

// source tells where a rule is from, so that somebody who tries another scheduler
// can read a failure.
type source string

const (
	// documented is written down by the protocol's owners, or asserted by the tests of
	// an SDK of theirs.
	documented source = "documented"
	// decided is left open by them; another scheduler may have decided otherwise.
	decided source = "our decision"
)

// groups are all scenarios in the order of the table.
func groups() []struct {
	name      string
	scenarios []scenario
} {
	return []struct {
		name      string
		scenarios []scenario
	}{
		{"hub", hubScenarios},
		{"start", startScenarios},
		{"reuse", reuseScenarios},
		{"read", readScenarios},
		{"event", eventScenarios},
		{"suspend", suspendScenarios},
		{"terminate", terminateScenarios},
		{"timer", timerScenarios},
		{"child", childScenarios},
		{"continue", continueScenarios},
		{"restart", restartScenarios},
		{"rewind", rewindScenarios},
		{"purge", purgeScenarios},
		{"query", queryScenarios},
		{"history", historyScenarios},
		{"turn", turnScenarios},
		{"activity", activityScenarios},
		{"dispatch", dispatchScenarios},
		{"lease", leaseScenarios},
		{"entity", append(entityScenarios, entityQueryScenarios...)},
		{"batch", batchScenarios},
		{"lock", lockScenarios},
		{"list", listScenarios},
		{"metrics", metricsScenarios},
		{"refusal", refusalScenarios},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	at := open(t)
	for i, g := range groups() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			for j, s := range g.scenarios {
				tag := fmt.Sprintf("%s-%02d%02d-", at.run, i, j)
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					s.run(newWorld(t, at, tag))
				})
			}
		})
	}
}

const page = "../../../docs/protocol.md"

var update = flag.Bool("update", false, "write the table of docs/protocol.md anew")

// TestTableOfScenariosIsCurrent holds the table for readers and the scenarios
// against each other.
func TestTableOfScenariosIsCurrent(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const head = "| Scenario | Rule | Source |\n| --- | --- | --- |\n"
	before, rest, found := strings.Cut(string(text), head)
	if !found {
		t.Fatalf("%s has no table that begins\n%s", page, head)
	}
	rows, after, _ := strings.Cut(rest, "\n\n")
	var want []string
	for _, g := range groups() {
		for _, s := range g.scenarios {
			want = append(want, fmt.Sprintf("| `%s/%s` | %s | %s |", g.name, s.name, s.rule, s.from))
		}
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+head+strings.Join(want, "\n")+"\n\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, strings.Split(rows, "\n")); diff != "" {
		t.Errorf("%s and the scenarios differ; go test ./dts/dtstest/conformance -run Table -update writes the table (-scenarios +page):\n%s", page, diff)
	}
}

func TestScenariosHaveNamesAndRulesOfTheirOwn(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)
	var seen []string
	for _, g := range groups() {
		for _, s := range g.scenarios {
			full := g.name + "/" + s.name
			if !name.MatchString(s.name) || slices.Contains(seen, full) {
				t.Errorf("%s: a name is words with hyphens, and used once", full)
			}
			if s.run == nil || strings.ContainsAny(s.rule, "|\n") || strings.HasSuffix(s.rule, ".") || slices.Contains(seen, s.rule) {
				t.Errorf("%s: a rule is a sentence without its full stop, fit for a table and used once: %q", full, s.rule)
			}
			if s.from != documented && s.from != decided {
				t.Errorf("%s has source %q", full, s.from)
			}
			seen = append(seen, full, s.rule)
		}
	}
}

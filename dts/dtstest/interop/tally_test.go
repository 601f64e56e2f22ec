package interop

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// fewest is how many scenarios each SDK has to pass when all are run: fewer means
// that the suite has become less than what was asked of it.
const fewest = 30

// A score is what became of the scenarios of one SDK.
type score struct{ passed, failed, leftOut int }

var scores struct {
	sync.Mutex
	of map[string]score
}

// record adds a scenario that has ended.
func record(t *testing.T, sdk string) {
	t.Helper()
	scores.Lock()
	defer scores.Unlock()
	if scores.of == nil {
		scores.of = make(map[string]score)
	}
	s := scores.of[sdk]
	switch {
	case t.Failed():
		s.failed++
	case t.Skipped():
		s.leftOut++
	default:
		s.passed++
	}
	scores.of[sdk] = s
}

// tally prints the scores and returns the exit code that they ask for.
func tally() (code int) {
	if *run == "" {
		return 0
	}
	all := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""
	for sdk := range strings.SplitSeq(*run, ",") {
		s := scores.of[sdk]
		fmt.Printf("%-10s %3d scenarios passed, %d failed, %d left out for what the SDK does not have\n", sdk, s.passed, s.failed, s.leftOut)
		if all && s.passed < fewest {
			fmt.Printf("%-10s has to pass at least %d\n", sdk, fewest)
			code = 1
		}
	}
	return code
}

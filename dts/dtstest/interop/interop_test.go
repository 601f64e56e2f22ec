package interop

import (
	"context"
	"flag"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var run = flag.String("interop", "", "run the official SDKs of these languages, with commas between them; make interop installs them and sets this")

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.Exit(max(code, tally()))
	}))
}

// cache is where the script run installs the SDKs.
const cache = "../../../.cache/interop"

// patience bounds each scenario: longer than a busy machine needs, shorter than
// the one minute after which the SDKs themselves give up.
const patience = 50 * time.Second

// inTime returns a context for one scenario.
func inTime(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

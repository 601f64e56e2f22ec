package durabletest_test

import (
	"strings"
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/payload"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestLargePayloadsPassThroughAStore(t *testing.T) {
	t.Parallel()
	repeat := durable.NewOrchestrator("repeat", func(_ *durable.Context, s string) (string, error) { return s, nil })
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Payloads = dts.Payloads{Store: payload.Folder(e.TempDir())}
		e.Serve(repeat)
		in := strings.Repeat("large ", 1<<20)
		if out := durabletest.Start(e, repeat, in).Result(); out != in {
			e.Errorf("the result has %d bytes, want %d", len(out), len(in))
		}
	})
}

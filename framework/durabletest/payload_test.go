package durabletest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

func TestLostPayloadsAreNotTheFaultOfTheCode(t *testing.T) {
	t.Parallel()
	load := durable.NewActivity("load", func(context.Context, durable.None) (string, error) { return strings.Repeat("large ", 1<<18), nil })
	keep := durable.NewActivity("keep", func(context.Context, durable.None) (durable.None, error) { return durable.None{}, nil })
	forget := durable.NewOrchestrator("forget", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
		if _, err := load.Call(ctx, durable.None{}); err != nil {
			return durable.None{}, err
		}
		ctx.Sleep(time.Hour)
		return keep.Call(ctx, durable.None{})
	})
	durabletest.Run(t, func(e *durabletest.Env) {
		dir := e.TempDir()
		e.Payloads = dts.Payloads{Store: payload.Folder(dir)}
		e.Serve(forget, load, keep)
		run := durabletest.Start(e, forget, durable.None{})
		e.Sleep(time.Minute)
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, f := range files {
			if err := os.RemoveAll(f); err != nil {
				e.Fatal(err)
			}
		}
		_, err := run.Wait()
		if f, ok := errors.AsType[*dts.Failure](err); !ok || f.Type != "PayloadGone" {
			e.Errorf("after its payloads went away it ended with %v", err)
		}
	})
}

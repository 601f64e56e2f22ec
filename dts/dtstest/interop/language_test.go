package interop

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

// TestLanguagesCallEachOther runs a worker of each language on one hub, each
// asking only for what it has, and lets orchestrators of each language call
// activities and orchestrators of the others.
func TestLanguagesCallEachOther(t *testing.T) {
	t.Parallel()
	needSDKs(t)
	sched := dtstest.Start(t, dtstest.Listen())
	work(t, sched)
	languages := []string{"go", javascript.name, python.name}
	for _, s := range []sdk{javascript, python} {
		s.start(t, sched, "default", "worker", "filters")
	}
	for _, caller := range languages {
		for _, callee := range languages {
			t.Run(caller+"-calls-"+callee, func(t *testing.T) {
				t.Parallel()
				greeting := `"Hello, Zoë, from ` + callee + `"`
				ask(t, sched.Client(), caller+"-call", map[string]any{"activity": callee + "-greet", "input": "Zoë"}, greeting)
				ask(t, sched.Client(), caller+"-delegate", map[string]any{
					"orchestrator": callee + "-call",
					"input":        map[string]string{"activity": callee + "-greet", "input": "Zoë"},
				}, greeting)
			})
		}
	}
	t.Run("failures-cross-languages", func(t *testing.T) {
		t.Parallel()
		for _, callee := range []sdk{javascript, python} {
			in := start(t, sched.Client(), "go-call", map[string]any{"activity": callee.name + "-refuse", "input": "no stock"})
			switch f := in.Failure; {
			case in.Status != dts.StatusFailed || f == nil:
				t.Errorf("instance is %+v", in)
			case !strings.HasSuffix(f.Type, "Refused") || f.Message != "no stock" || !strings.Contains(f.Stack, "refuse"):
				t.Errorf("failure is %q %q with stack %q", f.Type, f.Message, f.Stack)
			}
		}
	})
}

// start starts an orchestration and waits for its end.
func start(t *testing.T, c *dts.Client, name string, input any) *dts.Instance {
	t.Helper()
	payload, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	ctx := inTime(t)
	id, err := c.Start(ctx, dts.StartRequest{Name: name, Input: payload})
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.Wait(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// ask runs an orchestration and looks at its result.
func ask(t *testing.T, c *dts.Client, name string, input any, want string) {
	t.Helper()
	in := start(t, c, name, input)
	got := string(in.Output)
	if in.Status != dts.StatusCompleted {
		t.Errorf("%s ended as %v: %v", name, in.Status, in.Failure)
	} else if err := sameJSON(&got, want); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// TestForeignWorkerWithoutFiltersTakesEverything shows why workers of several
// languages need filters: without them the SDKs take what they cannot run and
// fail it. With them it waits for a worker that can.
func TestForeignWorkerWithoutFiltersTakesEverything(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		c, ctx := sched.Client(), inTime(t)
		filtering := s.start(t, sched, "default", "worker", "filters")
		connected(ctx, t, c, 1)
		id, err := c.Start(ctx, dts.StartRequest{Name: "go-echo"})
		if err != nil {
			t.Fatal(err)
		}
		ask(t, c, s.name+"-sequence", []string{}, `[]`) // the worker works, and leaves ours alone
		if in, err := c.Instance(ctx, id); err != nil || in.Status != dts.StatusPending {
			t.Errorf("an instance that no worker wants is %+v, error %v", in, err)
		}
		filtering.kill()
		s.start(t, sched, "default", "worker")
		in, err := c.Wait(ctx, id)
		if err != nil || in.Status != dts.StatusFailed || !strings.HasSuffix(in.Failure.Type, "OrchestratorNotRegisteredError") {
			t.Errorf("a worker without filters made %+v of it, failure %v, error %v", in, in.Failure, err)
		}
	})
}

// connected waits until as many workers have a stream.
func connected(ctx context.Context, t *testing.T, c *dts.Client, workers int) {
	t.Helper()
	for {
		backlog, err := c.Backlog(ctx)
		if err == nil && backlog.Workers == workers {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%d workers are connected, want %d, error %v", backlog.Workers, workers, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

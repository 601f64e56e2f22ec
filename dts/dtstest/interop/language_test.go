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
	sched, languages := babel(t)
	for _, caller := range languages {
		for _, callee := range languages {
			t.Run(caller.name+"-calls-"+callee.name, func(t *testing.T) {
				t.Parallel()
				caller.scenario(t)
				greeting := `"Hello, Zoë, from ` + callee.name + `"`
				ask(t, sched.Client(), caller.name+"-call", map[string]any{"activity": callee.name + "-greet", "input": "Zoë"}, greeting)
				ask(t, sched.Client(), caller.name+"-delegate", map[string]any{
					"orchestrator": callee.name + "-call",
					"input":        map[string]string{"activity": callee.name + "-greet", "input": "Zoë"},
				}, greeting)
			})
		}
	}
	t.Run("failures-cross-languages", func(t *testing.T) {
		t.Parallel()
		for _, callee := range languages[1:] {
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

// babel runs a worker of each language that can share a hub, ours first. One
// without filters would take the work of the others and fail it.
func babel(t *testing.T) (*dtstest.Scheduler, []sdk) {
	t.Helper()
	languages := []sdk{{name: "go"}}
	for _, s := range needSDKs(t) {
		if s.has(filters) {
			languages = append(languages, s)
		}
	}
	sched := dtstest.Start(t, dtstest.Listen())
	work(t, sched)
	for _, s := range languages[1:] {
		s.start(t, sched, "default", "worker", "filters")
	}
	return sched, languages
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
		s.scenario(t)
		c, ctx := sched.Client(), inTime(t)
		id, err := c.Start(ctx, dts.StartRequest{Name: "go-echo"})
		if err != nil {
			t.Fatal(err)
		}
		unknown := "NullPointerException" // what Java makes of it, which has no filters
		if s.has(filters) {
			unknown = "OrchestratorNotRegisteredError"
			filtering := s.start(t, sched, "default", "worker", "filters")
			ask(t, c, s.name+"-sequence", []string{}, `[]`) // the worker works, and leaves ours alone
			if in, err := c.Instance(ctx, id); err != nil || in.Status != dts.StatusPending {
				t.Errorf("an instance that no worker wants is %+v, error %v", in, err)
			}
			filtering.kill()
		}
		s.start(t, sched, "default", "worker")
		in, err := c.Wait(ctx, id)
		if err != nil || in.Status != dts.StatusFailed || !strings.HasSuffix(in.Failure.Type, unknown) {
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

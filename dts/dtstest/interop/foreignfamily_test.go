package interop

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

// familyCases are orchestrations of a foreign worker that have to do with others.
var familyCases = []workerCase{
	{
		name: "sub-orchestrations", orchestrator: "family", input: `[["a"],["b","c"]]`,
		output: `[["Hello, a, from LANG"],["Hello, b, from LANG","Hello, c, from LANG"]]`,
	},
	{name: "failure of a child", orchestrator: "failChild", input: `"no stock"`, status: dts.StatusFailed, check: failure("TaskFailed", "no stock")},
	{
		name: "terminate with children", orchestrator: "keeper", input: `"child-of-keeper"`, status: dts.StatusTerminated,
		during: func(ctx context.Context, t *testing.T, c *dts.Client, id string) {
			t.Helper()
			until(ctx, t, c, "child-of-keeper", func(in *dts.Instance) bool { return in.Status == dts.StatusRunning })
			if err := c.Terminate(ctx, id, "enough", dts.Recursive()); err != nil {
				t.Fatal(err)
			}
		},
		check: func(ctx context.Context, t *testing.T, c *dts.Client, in *dts.Instance) {
			t.Helper()
			child, err := c.Wait(ctx, "child-of-keeper")
			if err != nil || child.Status != dts.StatusTerminated || child.ParentID != in.ID {
				t.Errorf("child is %+v, error %v", child, err)
			}
		},
	},
	{
		name: "event to another instance", orchestrator: "tell", input: `{"id":"told","item":"pear"}`,
		during: func(ctx context.Context, t *testing.T, c *dts.Client, id string) {
			t.Helper()
			self, err := c.Instance(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			gather := strings.Replace(self.Name, "tell", "gather", 1)
			if _, err := c.Start(ctx, dts.StartRequest{Name: gather, ID: "told", Input: []byte(`1`)}); err != nil {
				t.Fatal(err)
			}
		},
		check: func(ctx context.Context, t *testing.T, c *dts.Client, _ *dts.Instance) {
			t.Helper()
			told, err := c.Wait(ctx, "told")
			if err != nil {
				t.Fatal(err)
			}
			got := string(told.Output)
			if err := sameJSON(&got, `["pear"]`); err != nil {
				t.Error(err)
			}
		},
	},
	{
		name: "retry of a child", orchestrator: "retryChild", input: `"no stock"`, status: dts.StatusFailed,
		check: func(ctx context.Context, t *testing.T, c *dts.Client, in *dts.Instance) {
			t.Helper()
			failure("TaskFailed", "no stock")(ctx, t, c, in)
			children := 0
			for e, err := range c.History(ctx, in.ID) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind == "SubOrchestrationInstanceCreated" {
					children++
				}
			}
			if children != 3 {
				t.Errorf("three attempts made %d children", children)
			}
		},
	},
	{
		name: "version of a child", needs: []feature{versioning}, orchestrator: "versionChild",
		start: dts.StartRequest{Version: "1.2"}, output: `["1.2","2.0"]`,
	},
	{
		name: "suspend a parent and its child", orchestrator: "keeper", input: `"suspended-child"`,
		during: func(ctx context.Context, t *testing.T, c *dts.Client, id string) {
			t.Helper()
			until(ctx, t, c, "suspended-child", func(in *dts.Instance) bool { return in.Status == dts.StatusRunning })
			for _, suspended := range []string{id, "suspended-child"} {
				if err := c.Suspend(ctx, suspended, "lunch"); err != nil {
					t.Fatal(err)
				}
				until(ctx, t, c, suspended, func(in *dts.Instance) bool { return in.Status == dts.StatusSuspended })
			}
			if err := c.Raise(ctx, "suspended-child", "never", nil); err != nil {
				t.Fatal(err)
			}
			for _, resumed := range []string{"suspended-child", id} { // each waits for its own
				short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
				if in, err := c.Wait(short, resumed); err == nil {
					t.Errorf("a suspended instance went on: %+v", in)
				}
				cancel()
				if err := c.Resume(ctx, resumed, "lunch is over"); err != nil {
					t.Fatal(err)
				}
				if in, err := c.Wait(ctx, resumed); err != nil || in.Status != dts.StatusCompleted {
					t.Errorf("resumed it is %+v, error %v", in, err)
				}
			}
		},
	},
}

// TestForeignWorkerRewinds fails an orchestration at its second activity, whose
// next call would succeed, and rewinds it. A worker that does not know how leaves
// it as it was.
func TestForeignWorkerRewinds(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		s.start(t, sched, "default", "worker")
		for orchestrator, name := range map[string]string{"mend": "alone", "mendChild": "with-its-child"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.scenario(t)
				c := sched.Client()
				failed := start(t, c, s.name+"-"+orchestrator, 1)
				if failed.Status != dts.StatusFailed || !strings.Contains(failed.Failure.Message, "attempt 1") {
					t.Fatalf("the first time it is %+v with failure %v", failed, failed.Failure)
				}
				ctx := inTime(t)
				if err := c.Rewind(ctx, failed.ID, "the shelf is full again"); err != nil {
					t.Fatal(err)
				}
				in, err := c.Wait(ctx, failed.ID)
				if err != nil {
					t.Fatal(err)
				}
				got := string(in.Output)
				if !s.has(rewinding) {
					if in.Status != dts.StatusFailed || in.Failure.Message != failed.Failure.Message {
						t.Errorf("a worker that cannot rewind made %+v of it, failure %v, want %v", in, in.Failure, failed.Failure)
					}
				} else if err := sameJSON(&got, `["Hello, Ana, from `+s.name+`",2]`); err != nil || in.Status != dts.StatusCompleted {
					t.Errorf("rewound it is %+v with failure %v: %v", in, in.Failure, err)
				}
			})
		}
	})
}

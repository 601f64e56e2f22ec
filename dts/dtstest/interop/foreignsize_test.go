package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

// payloadCases are orchestrations of a foreign worker with much, large or unusual
// text.
var payloadCases = []workerCase{
	{
		name: "a hundred activities side by side", orchestrator: "fanout", input: many(100),
		check: func(_ context.Context, t *testing.T, _ *dts.Client, in *dts.Instance) {
			t.Helper()
			var greetings []string
			if err := json.Unmarshal(in.Output, &greetings); err != nil || len(greetings) != 100 || !strings.HasPrefix(greetings[99], "Hello, 99, ") {
				t.Errorf("greetings are %v, error %v", greetings, err)
			}
		},
	},
	{name: "continue as new a hundred times", orchestrator: "spin", input: `100`, output: `"done"`},
	{
		name: "signs of all languages", orchestrator: "żółw", start: dts.StartRequest{ID: "żółw 🐢/1?a=b&c#d"}, output: `"Ωραίο \u0007 🐢"`,
		during: func(ctx context.Context, t *testing.T, c *dts.Client, id string) {
			t.Helper()
			if err := c.Raise(ctx, id, "ćma", []byte(`"Ωραίο \u0007"`)); err != nil {
				t.Fatal(err)
			}
		},
	},
	{
		name: "the largest payload", orchestrator: "swell", input: fmt.Sprint(1<<20 - 2), // with its quotes 1 MiB
		check: func(_ context.Context, t *testing.T, _ *dts.Client, in *dts.Instance) {
			t.Helper()
			if len(in.Output) != 1<<20 {
				t.Errorf("output has %d bytes, want %d", len(in.Output), 1<<20)
			}
		},
	},
	{
		name: "a payload that is too large", orchestrator: "swell", input: fmt.Sprint(1<<20 - 1), status: dts.StatusFailed,
		check: failure("TaskFailed", "1048577"),
	},
	{
		name: "a history that is too large", orchestrator: "gather", input: `5`, status: dts.StatusFailed,
		during: func(ctx context.Context, t *testing.T, c *dts.Client, id string) {
			t.Helper()
			for range 4 {
				if err := c.Raise(ctx, id, "item", []byte(`"`+strings.Repeat("x", 1<<20-2)+`"`)); err != nil {
					t.Fatal(err)
				}
			}
		},
		check: func(_ context.Context, t *testing.T, _ *dts.Client, in *dts.Instance) {
			t.Helper()
			if f := in.Failure; f == nil || f.Type != "HistoryTooLarge" || !strings.Contains(f.Message, "continue-as-new") {
				t.Errorf("failure is %v", f)
			}
		},
	},
}

// many makes the JSON of as many names.
func many(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%q", fmt.Sprint(i))
	}
	return "[" + strings.Join(names, ",") + "]"
}

// TestLargeHistory gives a foreign worker an orchestration with 5000 events of 250
// bytes: the turns after that come with a history of more than 1 MiB, in one piece,
// since no worker of these SDKs asks for chunks. A foreign client reads it in chunks.
func TestLargeHistory(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		s.scenario(t)
		const events, size = 5000, 250
		c, ctx := sched.Client(), inTime(t)
		id, err := c.Start(ctx, dts.StartRequest{Name: s.name + "-survey", Input: fmt.Append(nil, events)})
		if err != nil {
			t.Fatal(err)
		}
		item, err := json.Marshal(strings.Repeat("ż", size/2))
		if err != nil {
			t.Fatal(err)
		}
		const at = 50 // once, so that many are in one write to the disk
		var raised sync.WaitGroup
		for range at {
			raised.Go(func() {
				for range events / at {
					if err := c.Raise(ctx, id, "item", item); err != nil {
						t.Errorf("raise: %v", err)
						return
					}
				}
			})
		}
		raised.Wait()
		s.start(t, sched, "default", "worker") // now, or each turn would replay what came so far
		until(ctx, t, c, id, func(in *dts.Instance) bool { return len(in.CustomStatus) > 2 })
		if err := c.Raise(ctx, id, "end", nil); err != nil {
			t.Fatal(err)
		}
		in, err := c.Wait(ctx, id)
		if err != nil || string(in.Output) != fmt.Sprint(events*size/2) {
			t.Fatalf("instance is %+v with failure %v, error %v", in.Status, in.Failure, err)
		}
		if !s.has(histories) {
			return
		}
		var history []event
		s.client(t, sched, "default").must(ctx, "history", args{"id": id}, &history)
		if len(history) <= events || history[len(history)-1].Kind != "ExecutionCompleted" {
			t.Errorf("the client reads %d events, the last is %+v", len(history), history[len(history)-1])
		}
	})
}

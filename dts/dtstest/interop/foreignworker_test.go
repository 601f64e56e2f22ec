package interop

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

// A workerCase is an orchestration that a foreign worker runs.
type workerCase struct {
	name         string
	needs        []feature
	orchestrator string // without the language in front
	input        string
	start        dts.StartRequest                                                         // more than name and input; the id is made of the case's name
	during       func(ctx context.Context, t *testing.T, c *dts.Client, id string)        // what happens while it runs
	status       dts.Status                                                               // zero means completed
	output       string                                                                   // LANG stands for the language
	check        func(ctx context.Context, t *testing.T, c *dts.Client, in *dts.Instance) // what else must be true
}

// TestForeignWorker lets one worker process per SDK run all cases at once.
func TestForeignWorker(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		s.start(t, sched, "default", "worker")
		for _, tc := range slices.Concat(workerCases, familyCases, payloadCases) {
			t.Run(strings.ReplaceAll(tc.name, " ", "-"), func(t *testing.T) {
				t.Parallel()
				s.scenario(t, tc.needs...)
				tc.run(inTime(t), t, s, sched.Client())
			})
		}
	})
}

func (tc workerCase) run(ctx context.Context, t *testing.T, s sdk, c *dts.Client) {
	t.Helper()
	start := tc.start
	start.Name = s.name + "-" + tc.orchestrator
	start.ID = cmp.Or(start.ID, strings.ReplaceAll(tc.name, " ", "-"))
	if tc.input != "" {
		start.Input = []byte(tc.input)
	}
	id, err := c.Start(ctx, start)
	if err != nil {
		t.Fatal(err)
	}
	if tc.during != nil {
		tc.during(ctx, t, c, id)
	}
	in, err := c.Wait(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	want := tc.status
	if want == 0 {
		want = dts.StatusCompleted
	}
	if in.Status != want {
		t.Fatalf("status is %v with output %s and failure %v, want %v", in.Status, in.Output, in.Failure, want)
	}
	if tc.output != "" {
		got := string(in.Output)
		if err := sameJSON(&got, strings.ReplaceAll(tc.output, "LANG", s.name)); err != nil {
			t.Error(err)
		}
	}
	if tc.check != nil {
		tc.check(ctx, t, c, in)
	}
}

// raise makes a step that raises events, each with its number as the payload.
func raise(event string, count int) func(context.Context, *testing.T, *dts.Client, string) {
	return func(ctx context.Context, t *testing.T, c *dts.Client, id string) {
		t.Helper()
		for i := range count {
			if err := c.Raise(ctx, id, event, fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// until waits until an instance is as wanted.
func until(ctx context.Context, t *testing.T, c *dts.Client, id string, as func(*dts.Instance) bool) *dts.Instance {
	t.Helper()
	for {
		in, err := c.Instance(ctx, id)
		if err == nil && as(in) {
			return in
		}
		select {
		case <-ctx.Done():
			t.Fatalf("instance %s stays %+v, error %v", id, in, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func waitsForDecision(in *dts.Instance) bool {
	text := string(in.CustomStatus)
	return in.Status == dts.StatusRunning && sameJSON(&text, `{"waits":"decision"}`) == nil
}

// failure makes a check of how an instance failed. The type is the class in the
// language of the worker, with its module in Python.
func failure(kind, text string) func(context.Context, *testing.T, *dts.Client, *dts.Instance) {
	return func(_ context.Context, t *testing.T, _ *dts.Client, in *dts.Instance) {
		t.Helper()
		f := in.Failure
		if f == nil {
			t.Fatalf("failed without failure: %+v", in)
		}
		if !strings.Contains(f.Type, kind) || !strings.Contains(f.Message, text) || f.Stack == "" {
			t.Errorf("failure is %q %q with stack %.200q, want %q with %q", f.Type, f.Message, f.Stack, kind, text)
		}
		for f.Inner != nil {
			f = f.Inner
		}
		if strings.HasPrefix(in.Name, python.name) && strings.HasPrefix(f.Type, "durabletask.") { // the others tell no cause
			t.Errorf("the cause of the failure is not told: %q %q", f.Type, f.Message)
		}
	}
}

var workerCases = []workerCase{
	{
		name: "activities in sequence", orchestrator: "sequence", input: `["Ana","Bo"]`,
		output: `["Hello, Ana, from LANG","Hello, Bo, from LANG"]`,
	},
	{
		name: "activities side by side", orchestrator: "fanout", input: `["a","b","c","d"]`,
		output: `["Hello, a, from LANG","Hello, b, from LANG","Hello, c, from LANG","Hello, d, from LANG"]`,
	},
	{
		name: "no input", orchestrator: "echo",
		check: func(_ context.Context, t *testing.T, _ *dts.Client, in *dts.Instance) {
			t.Helper()
			if in.Input != nil || in.Output != nil {
				t.Errorf("from no input %q came output %q, want none", in.Input, in.Output)
			}
		},
	},
	{
		name: "timer", orchestrator: "nap", input: `1`, output: `true`,
		check: func(_ context.Context, t *testing.T, _ *dts.Client, in *dts.Instance) {
			t.Helper()
			if took := in.Updated.Sub(in.Created); took < time.Second {
				t.Errorf("a timer of a second took %v", took)
			}
		},
	},
	{
		name: "event before its time-out", orchestrator: "approval", input: `3600`, output: `{"yes":true}`,
		during: func(ctx context.Context, t *testing.T, c *dts.Client, id string) {
			t.Helper()
			until(ctx, t, c, id, waitsForDecision)
			if err := c.Raise(ctx, id, "decision", []byte(`{"yes":true}`)); err != nil {
				t.Fatal(err)
			}
		},
		check: func(_ context.Context, t *testing.T, _ *dts.Client, in *dts.Instance) {
			t.Helper()
			status := string(in.CustomStatus)
			if err := sameJSON(&status, `{"waits":null}`); err != nil {
				t.Errorf("custom status: %v", err)
			}
		},
	},
	{name: "time-out before its event", orchestrator: "approval", input: `0.2`, output: `"too late"`},
	{name: "events in order", orchestrator: "gather", input: `20`, during: raise("item", 20), output: `[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]`},
	{name: "event names regardless of case", needs: []feature{caselessEvents}, orchestrator: "gather", input: `1`, during: raise("ITEM", 1), output: `[0]`},
	{name: "retry until it succeeds", orchestrator: "retry", input: `2`, output: `3`},
	{
		name: "retry until it gives up", orchestrator: "retry", input: `3`, status: dts.StatusFailed,
		check: failure("TaskFailed", "attempt 3"),
	},
	{
		name: "continue as new with events", needs: []feature{keptEvents}, orchestrator: "countdown", input: `5`, during: raise("item", 5), output: `4`,
		check: func(ctx context.Context, t *testing.T, c *dts.Client, in *dts.Instance) {
			t.Helper()
			for e, err := range c.History(ctx, in.ID) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind == "ExecutionStarted" && string(e.Input) != "1" {
					t.Errorf("the last execution began with %s, want 1", e.Input)
				}
			}
		},
	},
	{name: "failure of the orchestrator", orchestrator: "fail", input: `"no stock"`, status: dts.StatusFailed, check: failure("Refused", "no stock")},
	{name: "failure of an activity", orchestrator: "failActivity", input: `"no stock"`, status: dts.StatusFailed, check: failure("TaskFailed", "no stock")},
	{
		name: "failure that is caught", orchestrator: "catch", input: `"no stock"`,
		check: func(_ context.Context, t *testing.T, _ *dts.Client, in *dts.Instance) {
			t.Helper()
			if !strings.Contains(string(in.Output), "no stock") {
				t.Errorf("the orchestrator caught %s", in.Output)
			}
		},
	},
	{
		name: "terminate", orchestrator: "forever", status: dts.StatusTerminated, output: `{"why":"late"}`,
		during: func(ctx context.Context, t *testing.T, c *dts.Client, id string) {
			t.Helper()
			until(ctx, t, c, id, func(in *dts.Instance) bool { return in.Status == dts.StatusRunning })
			if err := c.Terminate(ctx, id, "", dts.Output([]byte(`{"why":"late"}`))); err != nil {
				t.Fatal(err)
			}
		},
	},
	{
		name: "suspend and resume", orchestrator: "gather", input: `2`, output: `[0,1]`,
		during: func(ctx context.Context, t *testing.T, c *dts.Client, id string) {
			t.Helper()
			until(ctx, t, c, id, func(in *dts.Instance) bool { return in.Status == dts.StatusRunning })
			if err := c.Suspend(ctx, id, "lunch"); err != nil {
				t.Fatal(err)
			}
			until(ctx, t, c, id, func(in *dts.Instance) bool { return in.Status == dts.StatusSuspended })
			raise("item", 2)(ctx, t, c, id)
			short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
			defer cancel()
			if in, err := c.Wait(short, id); err == nil {
				t.Errorf("a suspended instance went on: %+v", in)
			}
			if err := c.Resume(ctx, id, "lunch is over"); err != nil {
				t.Fatal(err)
			}
		},
	},
	{name: "version", needs: []feature{versioning}, orchestrator: "version", start: dts.StartRequest{Version: "1.2"}, output: `"1.2"`},
	{
		name: "long history", orchestrator: "gather", input: `300`, during: raise("item", 300),
		check: func(_ context.Context, t *testing.T, _ *dts.Client, in *dts.Instance) {
			t.Helper()
			var items []int
			if err := json.Unmarshal(in.Output, &items); err != nil || len(items) != 300 || items[299] != 299 {
				t.Errorf("gathered %v, error %v", items, err)
			}
		},
	},
}

// TestForeignPair lets client and worker of one SDK talk to each other through
// our scheduler: every value must come back as it went.
func TestForeignPair(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		s.scenario(t)
		s.start(t, sched, "default", "worker")
		c := s.client(t, sched, "default")
		ctx := inTime(t)
		for i, value := range []string{`0`, `-1.5`, `""`, `false`, `null`, `[]`, `{}`, `"żółw 🐢 \u0000 <&>"`, `{"a":[1,{"b":null}]}`} {
			id := c.start(ctx, s.name+"-echo", fmt.Sprintf("value-%d", i), json.RawMessage(value))
			output := c.wait(ctx, id).Output
			if output == nil && value == "null" && s.name != javascript.name {
				continue // None and null are no payload
			}
			if err := sameJSON(output, value); err != nil {
				t.Error(err)
			}
		}
	})
}

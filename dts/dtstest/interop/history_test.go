package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
)

// event is what a history says, but for times and ids that are drawn.
type event struct {
	Kind     string
	ID, Task int
	Name     string // of the function, without the language
	Text     string // the payload or the message of the failure; LANG stands for the language
}

// recorded are orchestrations and what the service in Azure writes of them, in kind,
// order and ids by the end-to-end tests of the JavaScript SDK.
var recorded = []struct {
	name, orchestrator string
	input              any
	want               []event
}{
	{
		name: "an activity", orchestrator: "echo", input: 1,
		want: []event{
			{"OrchestratorStarted", -1, 0, "", ""},
			{"ExecutionStarted", 0, 0, "echo", "1"},
			{"TaskScheduled", 1, 0, "echo", "1"},
			{"OrchestratorStarted", -1, 0, "", ""},
			{"TaskCompleted", -1, 1, "", "1"},
			{"ExecutionCompleted", 2, 0, "", "1"},
		},
	},
	{
		name: chained, orchestrator: "chain", input: "Ana",
		want: []event{
			{"OrchestratorStarted", -1, 0, "", ""},
			{"ExecutionStarted", 0, 0, "chain", `"Ana"`},
			{"TaskScheduled", 1, 0, "greet", `"Ana"`},
			{"OrchestratorStarted", -1, 0, "", ""},
			{"TaskCompleted", -1, 1, "", `"Hello, Ana, from LANG"`},
			{"TimerCreated", 2, 0, "", ""},
			{"OrchestratorStarted", -1, 0, "", ""},
			{"TimerFired", -1, 2, "", ""},
			{"SubOrchestrationInstanceCreated", 3, 0, "echo", `"Hello, Ana, from LANG"`},
			{"OrchestratorStarted", -1, 0, "", ""},
			{"SubOrchestrationInstanceCompleted", -1, 3, "", `"Hello, Ana, from LANG"`},
			{"ExecutionCompleted", 4, 0, "", `"Hello, Ana, from LANG"`},
		},
	},
	{
		name: "a failure", orchestrator: "failActivity", input: "no stock",
		want: []event{
			{"OrchestratorStarted", -1, 0, "", ""},
			{"ExecutionStarted", 0, 0, "failActivity", `"no stock"`},
			{"TaskScheduled", 1, 0, "refuse", `"no stock"`},
			{"OrchestratorStarted", -1, 0, "", ""},
			{"TaskFailed", -1, 1, "", "no stock"},
			{"ExecutionCompleted", 2, 0, "", "no stock"},
		},
	},
}

const chained = "an activity and a timer and a child"

// fromZero are the same for an SDK that counts its actions from 0.
func fromZero(events []event) []event {
	events = slices.Clone(events)
	for i := range events {
		if e := &events[i]; e.Kind != "ExecutionStarted" {
			e.ID, e.Task = max(e.ID-1, -1), max(e.Task-1, 0)
		}
	}
	return events
}

// TestHistoryIsWhatTheServiceWrites compares histories of orchestrations in other
// languages with the recorded ones, and with what the SDK itself sees.
func TestHistoryIsWhatTheServiceWrites(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		s.scenario(t)
		s.start(t, sched, "default", "worker")
		foreign := s.client(t, sched, "default")
		for _, tc := range recorded {
			if tc.name == chained && s.name == java.name {
				continue // it sets a timer again that fires in the very millisecond for which it was set
			}
			in := start(t, sched.Client(), s.name+"-"+tc.orchestrator, tc.input)
			got := history(t, sched.Client(), in, s.name)
			want := tc.want
			if s.name == java.name {
				want = fromZero(want)
			}
			if tc.name == "a failure" {
				got[len(got)-1].Text = want[len(want)-1].Text // each SDK has its own words for a failed activity
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.name, diff)
			}
			if !s.has(histories) {
				continue
			}
			var seen []event // by the SDK itself
			foreign.must(inTime(t), "history", args{"id": in.ID}, &seen)
			for i := range got {
				got[i].Task, got[i].Name, got[i].Text = 0, "", "" // which the programs do not report
			}
			if diff := cmp.Diff(got, seen); diff != "" {
				t.Errorf("%s, as the SDK sees it (-ours +theirs):\n%s", tc.name, diff)
			}
		}
	})
}

// TestHistoryOfGoIsTheSame needs no other language.
func TestHistoryOfGoIsTheSame(t *testing.T) {
	t.Parallel()
	sched := dtstest.Start(t)
	recordedInGo(t, sched)
	for _, tc := range recorded {
		in := start(t, sched.Client(), "go-"+tc.orchestrator, tc.input)
		got := history(t, sched.Client(), in, "go")
		want := fromZero(tc.want)
		if tc.name == "a failure" {
			got[len(got)-1].Text = want[len(want)-1].Text
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

// recordedInGo runs a worker with the recorded orchestrations until the test ends.
func recordedInGo(t *testing.T, sched *dtstest.Scheduler) {
	t.Helper()
	activity := func(c *worker.Context, name string, input []byte) ([]byte, error) {
		return c.Activity(name, input, worker.ActivityOptions{}).Await()
	}
	r := worker.NewRegistry()
	err := errors.Join(
		r.Activity("go-echo", func(_ context.Context, input []byte) ([]byte, error) { return input, nil }),
		r.Activity("go-greet", func(_ context.Context, input []byte) ([]byte, error) {
			var name string
			err := json.Unmarshal(input, &name)
			return fmt.Appendf(nil, "%q", "Hello, "+name+", from go"), err
		}),
		r.Activity("go-refuse", func(_ context.Context, input []byte) ([]byte, error) {
			var why string
			if err := json.Unmarshal(input, &why); err != nil {
				return nil, err
			}
			return nil, errors.New(why)
		}),
		r.Orchestrator("go-echo", func(c *worker.Context, input []byte) ([]byte, error) { return activity(c, "go-echo", input) }),
		r.Orchestrator("go-failActivity", func(c *worker.Context, input []byte) ([]byte, error) { return activity(c, "go-refuse", input) }),
		r.Orchestrator("go-chain", func(c *worker.Context, input []byte) ([]byte, error) {
			greeting, err := activity(c, "go-greet", input)
			if err != nil {
				return nil, err
			}
			if _, err := c.Timer(c.Now().Add(100 * time.Millisecond)).Await(); err != nil {
				return nil, err
			}
			return c.Orchestration("go-echo", greeting, worker.OrchestrationOptions{}).Await()
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- worker.New(sched.Client(), r).Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// history reads the history of an instance and checks what holds for all: each
// event has a time, times do not run back, and the timer is not early.
func history(t *testing.T, c *dts.Client, in *dts.Instance, language string) []event {
	t.Helper()
	var events []event
	var last dts.HistoryEvent
	for e, err := range c.History(inTime(t), in.ID) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Timestamp.IsZero() {
			t.Errorf("%s has no time", e.Kind)
		}
		if e.Kind == "OrchestratorStarted" && e.Timestamp.Before(last.Timestamp) {
			t.Errorf("a turn begins at %v, before the %s of %v", e.Timestamp, last.Kind, last.Timestamp)
		}
		if e.Kind == "TimerFired" && !last.Timestamp.After(e.FireAt) {
			t.Errorf("the turn of a timer that is due at %v begins at %v", e.FireAt, last.Timestamp)
		}
		text := string(e.Input) + string(e.Result)
		if e.Failure != nil {
			text = e.Failure.Message
		}
		events = append(events, event{
			Kind: e.Kind, ID: e.EventID, Task: e.TaskID,
			Name: strings.TrimPrefix(e.Name, language+"-"), Text: strings.ReplaceAll(text, "from "+language, "from LANG"),
		})
		last = e
	}
	return events
}

package interop

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

// event is what tells one event of a history from another: its kind, its id, and
// the id of the task that it answers.
type event struct {
	Kind     string
	ID, Task int
}

// TestHistoryIsWhatTheServiceWrites compares kinds, order and ids with what the
// end-to-end tests of the JavaScript SDK expect of the service in Azure.
func TestHistoryIsWhatTheServiceWrites(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		s.scenario(t)
		s.start(t, sched, "default", "worker")
		foreign := s.client(t, sched, "default")
		for _, tc := range []struct {
			name, orchestrator string
			without            string // the SDK that this is not expected of
			input              any
			want               []event
		}{
			{
				name: "an activity", orchestrator: "echo", input: 1,
				want: []event{
					{"OrchestratorStarted", -1, 0},
					{"ExecutionStarted", 0, 0},
					{"TaskScheduled", 1, 0},
					{"OrchestratorStarted", -1, 0},
					{"TaskCompleted", -1, 1},
					{"ExecutionCompleted", 2, 0},
				},
			},
			{
				// Java sets a timer again that fires in the very millisecond for which it was set.
				name: "an activity and a timer and a child", without: java.name, orchestrator: "chain", input: "Ana",
				want: []event{
					{"OrchestratorStarted", -1, 0},
					{"ExecutionStarted", 0, 0},
					{"TaskScheduled", 1, 0},
					{"OrchestratorStarted", -1, 0},
					{"TaskCompleted", -1, 1},
					{"TimerCreated", 2, 0},
					{"OrchestratorStarted", -1, 0},
					{"TimerFired", -1, 2},
					{"SubOrchestrationInstanceCreated", 3, 0},
					{"OrchestratorStarted", -1, 0},
					{"SubOrchestrationInstanceCompleted", -1, 3},
					{"ExecutionCompleted", 4, 0},
				},
			},
			{
				name: "a failure", orchestrator: "failActivity", input: "no stock",
				want: []event{
					{"OrchestratorStarted", -1, 0},
					{"ExecutionStarted", 0, 0},
					{"TaskScheduled", 1, 0},
					{"OrchestratorStarted", -1, 0},
					{"TaskFailed", -1, 1},
					{"ExecutionCompleted", 2, 0},
				},
			},
		} {
			if tc.without == s.name {
				continue
			}
			in := start(t, sched.Client(), s.name+"-"+tc.orchestrator, tc.input)
			got := history(t, sched.Client(), in)
			if s.name == java.name { // it counts its actions from 0
				for i := range tc.want {
					if e := &tc.want[i]; e.Kind != "ExecutionStarted" {
						e.ID, e.Task = max(e.ID-1, -1), max(e.Task-1, 0)
					}
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.name, diff)
			}
			if !s.has(histories) {
				continue
			}
			var seen []event // by the SDK itself
			foreign.must(inTime(t), "history", args{"id": in.ID}, &seen)
			for i := range got {
				got[i].Task = 0 // which the programs do not report
			}
			if diff := cmp.Diff(got, seen); diff != "" {
				t.Errorf("%s, as the SDK sees it (-ours +theirs):\n%s", tc.name, diff)
			}
		}
	})
}

// history reads the history of an instance and checks what holds for all: each
// event has a time, times do not run back, and the timer is not early.
func history(t *testing.T, c *dts.Client, in *dts.Instance) []event {
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
		events = append(events, event{Kind: e.Kind, ID: e.EventID, Task: e.TaskID})
		last = e
	}
	return events
}

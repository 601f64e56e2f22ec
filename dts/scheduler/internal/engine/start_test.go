package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestCallerMayNameTheExecution(t *testing.T) {
	t.Parallel()
	const id = "0123456789abcdef0123456789abcdef"
	w := newWorld(t)
	begin := func(execution string) string {
		w.do(Start{Request: &dtspb.CreateInstanceRequest{InstanceId: "a", Name: "orc", ExecutionId: text1(execution)}})
		in := w.live["a"]
		if got := in.Started().GetOrchestrationInstance().GetExecutionId().GetValue(); got != in.Record.GetExecutionId() {
			t.Errorf("the start says %q, the record %q", got, in.Record.GetExecutionId())
		}
		w.turn("a", actComplete(1, completed, ""))
		return in.Record.GetExecutionId()
	}
	if got := begin(id); got != id {
		t.Errorf("got %q, want %q", got, id)
	}
	for _, other := range []string{id, "", "X", id[:31] + "G", id + "0"} {
		if got := begin(other); len(got) != 32 || got == other || got == id {
			t.Errorf("%q becomes %q", other, got)
		}
		begin(id)
	}
}

func TestStartKeepsWhatItWasGiven(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	trace := &dtspb.TraceContext{TraceParent: "00-1-2-03"}
	w.do(Start{Request: &dtspb.CreateInstanceRequest{
		InstanceId: "a", Name: "orc", Version: text1("1.2"), Input: text1(""),
		Tags: map[string]string{"k": "v"}, ParentTraceContext: trace,
	}})
	w.wantStatus("a", pending)
	events := w.deliver("a")
	if len(events) != 2 || events[1].GetEventId() != 0 || events[0].GetTimestamp().AsTime() != w.now {
		t.Fatalf("first turn: got %v", shorts(events))
	}
	want := &dtspb.ExecutionStartedEvent{
		Name: "orc", Version: text1("1.2"), Input: text1(""), Tags: map[string]string{"k": "v"}, ParentTraceContext: trace,
		OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: "a", ExecutionId: text1(w.live["a"].Record.GetExecutionId())},
	}
	if diff := gocmp.Diff(want, events[1].GetExecutionStarted(), protocmp.Transform()); diff != "" {
		t.Errorf("ExecutionStarted (-want +got):\n%s", diff)
	}
	w.do(Start{Request: &dtspb.CreateInstanceRequest{InstanceId: "b", Name: "orc"}})
	if in := w.live["b"].Started().GetInput(); in != nil {
		t.Errorf("no input became %q", in.GetValue())
	}
}

// TestReuseOfAnID goes through every status that an instance can have and every
// kind of policy.
func TestReuseOfAnID(t *testing.T) {
	t.Parallel()
	all := []dtspb.OrchestrationStatus{pending, running, suspended, completed, failed, canceled, terminated}
	bring := map[dtspb.OrchestrationStatus]func(w *world){
		pending:   func(*world) {},
		running:   func(w *world) { w.turn("a") },
		suspended: func(w *world) { w.do(Suspend{ID: "a"}); w.turn("a") },
		completed: func(w *world) { w.turn("a", actComplete(1, completed, "")) },
		failed:    func(w *world) { w.turn("a", actComplete(1, failed, "")) },
		canceled:  func(w *world) { w.turn("a", actComplete(1, canceled, "")) },
		terminated: func(w *world) {
			w.do(Terminate{ID: "a", Output: text1("bye")})
		},
	}
	policies := map[string]*dtspb.OrchestrationIdReusePolicy{"no policy": nil, "an empty policy": {}, "all": {ReplaceableStatus: all}}
	for _, s := range all {
		policies["only "+statusName(s)] = &dtspb.OrchestrationIdReusePolicy{ReplaceableStatus: []dtspb.OrchestrationStatus{s, terminated}}
	}
	for _, status := range all {
		for name, policy := range policies {
			t.Run(fmt.Sprintf("%s with %s", statusName(status), name), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.start("a")
				bring[status](w)
				w.wantStatus("a", status)
				old := w.live["a"].Record.GetGeneration()
				err := w.try(Start{Request: &dtspb.CreateInstanceRequest{InstanceId: "a", Name: "new", OrchestrationIdReusePolicy: policy}})
				want := policy == nil && Terminal(status) || name == "all" || status == terminated && len(policy.GetReplaceableStatus()) > 0 ||
					name == "only "+statusName(status)
				if got := err == nil; got != want {
					t.Fatalf("replaced is %v (%v), want %v", got, err, want)
				}
				if err != nil {
					if !errors.Is(err, ErrExists) {
						t.Errorf("got %v, want ErrExists", err)
					}
					return
				}
				w.wantStatus("a", pending)
				if in := w.live["a"]; in.Record.GetName() != "new" || in.Record.GetGeneration() == old {
					t.Errorf("got %v", in.Record)
				}
			})
		}
	}
}

func TestPolicyThatReplacesLiveButNotTerminatedIsInvalid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, s := range []dtspb.OrchestrationStatus{pending, running, suspended} {
		err := w.try(Start{Request: &dtspb.CreateInstanceRequest{InstanceId: "a", Name: "orc", OrchestrationIdReusePolicy: &dtspb.OrchestrationIdReusePolicy{
			ReplaceableStatus: []dtspb.OrchestrationStatus{s, completed},
		}}})
		const text = "Invalid reusable statuses: cannot exclude 'Terminated' while also allowing reuse of running instances"
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: got %v", statusName(s), err)
		}
	}
}

func replaceAll(id string) Start {
	return Start{Request: &dtspb.CreateInstanceRequest{InstanceId: id, Name: "new", OrchestrationIdReusePolicy: &dtspb.OrchestrationIdReusePolicy{
		ReplaceableStatus: []dtspb.OrchestrationStatus{pending, running, suspended, terminated},
	}}}
}

func TestReplacingALiveInstanceEndsAllThatWasItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actTask(1, "work"), actTimer(2, w.now.Add(time.Hour)), actChild(3, "c"))
	old := w.live["a"].Record.GetGeneration()
	w.do(Raise{ID: "a", Name: "late"})
	events := w.deliver("a")
	answer := w.answer("a", events)
	w.do(replaceAll("a"))
	w.wantInbox("a", "0 executionStarted")
	want := []TaskKey{{"a", old, TurnTask}, {"a", old, 1}}
	if diff := gocmp.Diff(want, w.fx.Withdrawn); diff != "" {
		t.Errorf("withdrawn (-want +got):\n%s", diff)
	}
	if err := w.try(answer); !errors.Is(err, ErrStale) {
		t.Errorf("answer for the old execution: got %v, want ErrStale", err)
	}
	w.do(ActivityDone{Task: TaskKey{"a", old, 1}, Result: text1("late")})
	w.wantInbox("a", "0 executionStarted")
	w.wantStatus("c", pending)
	w.turn("c", actComplete(1, completed, ""))
	w.wantInbox("a", "0 executionStarted")
}

func TestReplacedChildFailsInItsParent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	w.turn("a", actChild(3, "c"))
	w.do(replaceAll("c"))
	w.wantInbox("a", "-1 subOrchestrationInstanceFailed of 3 OrchestrationReplaced")
	if p := w.live["c"].Record.GetParent(); p != nil {
		t.Errorf("the replacement has parent %v", p)
	}
}

func TestDelayedStartWaitsForItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	due := w.now.Add(time.Hour)
	w.do(Start{Request: &dtspb.CreateInstanceRequest{InstanceId: "a", Name: "orc", ScheduledStartTimestamp: at(due)}})
	in := w.live["a"]
	if len(w.fx.Timers) != 1 || w.fx.Timers[0].Due != due.UnixNano() {
		t.Errorf("timers: got %+v", w.fx.Timers)
	}
	w.do(Raise{ID: "a", Name: "early"})
	if in.Deliverable(w.now) || in.ReadyRow {
		t.Error("it can be delivered before its time")
	}
	w.restart()
	if w.live["a"].Deliverable(due.Add(-1)) || !w.live["a"].Deliverable(due) {
		t.Error("after a restart its time is another one")
	}
	w.wait(time.Hour)
	events := w.turn("a")
	if diff := gocmp.Diff([]string{"-1 orchestratorStarted", "0 executionStarted", "-1 eventRaised early"}, shorts(events)); diff != "" {
		t.Errorf("first turn (-want +got):\n%s", diff)
	}
	if events[0].GetTimestamp().AsTime().Before(due) || !events[1].GetExecutionStarted().GetScheduledStartTimestamp().AsTime().Equal(due) {
		t.Errorf("first turn: got %v", events)
	}
	if len(w.rows.Timers) != 0 {
		t.Errorf("timers left: %v", w.rows.Timers)
	}
}

func TestStartInThePastStartsNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for id, when := range map[string]*timestamppb.Timestamp{"epoch": {}, "past": at(w.now.Add(-time.Hour)), "year 1": {Seconds: -62135596800}} {
		w.do(Start{Request: &dtspb.CreateInstanceRequest{InstanceId: id, Name: "orc", ScheduledStartTimestamp: when}})
		if !w.live[id].Deliverable(w.now) || w.live[id].Record.GetScheduled() != 0 || w.live[id].Started().GetScheduledStartTimestamp() != nil {
			t.Errorf("%s: got %v", id, w.live[id].Record)
		}
	}
}

func TestDelayedStartCanBeTerminatedAndReplaced(t *testing.T) {
	t.Parallel()
	for name, cmd := range map[string]Command{"terminated": Terminate{ID: "a"}, "replaced": replaceAll("a")} {
		w := newWorld(t)
		w.do(Start{Request: &dtspb.CreateInstanceRequest{InstanceId: "a", Name: "orc", ScheduledStartTimestamp: at(w.now.Add(time.Hour))}})
		timer := w.fx.Timers[0]
		w.do(cmd)
		if len(w.rows.Timers) != 0 {
			t.Errorf("%s: timers left: %v", name, w.rows.Timers)
		}
		w.rows.Timers[timer] = true // as if it had been read before
		w.do(TimerDue{Timer: timer})
	}
}

func TestRestartCopiesNameVersionInputAndTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(Start{Request: &dtspb.CreateInstanceRequest{
		InstanceId: "a", Name: "orc", Version: text1("1"), Input: text1("in"), Tags: map[string]string{"k": "v"}, ScheduledStartTimestamp: at(w.now.Add(time.Hour)),
	}})
	if err := w.try(Restart{ID: "a"}); !errors.Is(err, ErrConflict) {
		t.Errorf("restart of a live instance: got %v, want ErrConflict", err)
	}
	if err := w.try(Restart{ID: "nobody"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("restart of nobody: got %v, want ErrNotFound", err)
	}
	w.do(Restart{ID: "a", As: "b"})
	if err := w.try(Restart{ID: "a", As: "b"}); !errors.Is(err, ErrExists) {
		t.Errorf("restart under an id that is taken: got %v, want ErrExists", err)
	}
	w.do(Terminate{ID: "a"})
	w.do(Restart{ID: "a"})
	for _, id := range []string{"a", "b"} {
		in := w.live[id]
		if in.Record.GetName() != "orc" || in.Record.GetVersion().GetValue() != "1" || in.Started().GetInput().GetValue() != "in" ||
			in.Record.GetTags()["k"] != "v" || !in.Deliverable(w.now) || in.Record.GetScheduled() != 0 {
			t.Errorf("%s: got %v", id, in.Record)
		}
	}
}

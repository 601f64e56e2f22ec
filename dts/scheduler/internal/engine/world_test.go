package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// world is what surrounds the engine: instances in memory, rows on disk, and the
// time. After each decision it holds the two against each other.
type world struct {
	t    tester
	now  time.Time
	live map[string]*Instance
	rows rows
	fx   Effects // of the last decision
	ids  int
	gen  uint64
	gens map[uint64]bool
}

const maxPayload = 64

// tester is what a *testing.T and a *rapid.T have in common.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

func newWorld(t tester) *world {
	return &world{
		t: t, now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
		live: map[string]*Instance{}, rows: newRows(), gens: map[uint64]bool{},
	}
}

func (w *world) state() *State {
	return &State{
		NewID:         func() string { w.ids++; return fmt.Sprintf("%032x", w.ids) },
		NewGeneration: func() uint64 { w.gen++; return w.gen },
		MaxPayload:    maxPayload,
	}
}

// try decides a command as a hub does.
func (w *world) try(cmd Command) error {
	w.t.Helper()
	s := w.state()
	for missing := Touches(s, cmd); len(missing) > 0; missing = Touches(s, cmd) {
		for _, id := range missing {
			if wire.IsEntity(id) {
				s.PutEntity(LoadEntity(id, nil, nil, false, w.now))
			} else {
				s.Put(id, w.live[id])
			}
		}
	}
	w.now = w.now.Add(time.Millisecond)
	before := w.picture()
	fx, err := Apply(s, cmd, w.now)
	if err != nil {
		if len(fx.Writes)+len(fx.Tasks)+len(fx.Timers)+len(fx.Withdrawn) > 0 {
			w.t.Errorf("%T is refused with %v and has effects %+v", cmd, err, fx)
		}
		if diff := gocmp.Diff(before, w.picture(), pictures); diff != "" {
			w.t.Errorf("%T is refused with %v and changed (-before +after):\n%s", cmd, err, diff)
		}
		return err
	}
	w.fx = fx
	for _, p := range s.parts {
		switch {
		case p.entity != nil:
		case p.in == nil:
			delete(w.live, p.id)
		default:
			w.live[p.id] = p.in
		}
	}
	w.rows.fold(w.t, fx.Writes)
	w.check()
	return nil
}

func (w *world) do(cmd Command) {
	w.t.Helper()
	if err := w.try(cmd); err != nil {
		w.t.Fatalf("%T: %v", cmd, err)
	}
}

// picture is a copy of all there is, in memory and on disk.
type picture struct {
	Live map[string]*Instance
	Rows rows
}

var pictures = gocmp.Options{
	protocmp.Transform(), cmpopts.EquateEmpty(),
	gocmp.AllowUnexported(Instance{}, open{}),
}

func (w *world) picture() picture {
	p := picture{Live: map[string]*Instance{}, Rows: w.rows.clone()}
	for id, in := range w.live {
		p.Live[id] = copyOf(in)
	}
	return p
}

func copyOf(in *Instance) *Instance {
	c := *in
	c.Record = proto.CloneOf(in.Record)
	c.History, c.Inbox, c.open = slices.Clone(in.History), slices.Clone(in.Inbox), maps.Clone(in.open)
	return &c
}

// check holds the instances in memory against those that the rows make, and the
// indexes against both.
func (w *world) check() {
	w.t.Helper()
	if len(w.live) != len(w.rows.Instances) {
		w.t.Fatalf("%d instances live, %d on disk", len(w.live), len(w.rows.Instances))
	}
	for id, in := range w.live {
		loaded := w.rows.load(id, w.now)
		if diff := gocmp.Diff(stored(in), stored(loaded), pictures); diff != "" {
			w.t.Fatalf("instance %q (-live +loaded):\n%s", id, diff)
		}
		bytes := 0
		for _, m := range in.Inbox {
			bytes += m.Size
		}
		if in.bytes != bytes {
			w.t.Fatalf("instance %q has messages of %d bytes and counts %d", id, bytes, in.bytes)
		}
		if n := len(in.History); int(in.Record.GetEvents()) != n {
			w.t.Fatalf("instance %q has %d events and counts %d", id, n, in.Record.GetEvents())
		}
	}
	w.rows.checkIndexes(w.t, w.live, w.now)
}

// stored returns in with what is on disk of it: nobody knows there which
// messages are at a worker, and fired timers are open ones.
func stored(in *Instance) *Instance {
	c := copyOf(in)
	c.Delivered, c.tail, c.bytes = 0, 0, 0
	c.Inbox = slices.DeleteFunc(c.Inbox, func(m Message) bool { return !m.Stored })
	for id, o := range c.open {
		o.fired = false
		c.open[id] = o
	}
	return c
}

// start starts an instance of an orchestrator of the same name.
func (w *world) start(id string) *Instance {
	w.t.Helper()
	w.do(Start{Request: &dtspb.CreateInstanceRequest{InstanceId: id, Name: "orc", Input: text1("in")}})
	return w.live[id]
}

// deliver hands the next turn of an instance to a worker.
func (w *world) deliver(id string) []*dtspb.HistoryEvent {
	w.t.Helper()
	w.now = w.now.Add(time.Millisecond)
	in := w.live[id]
	if in == nil || !in.Deliverable(w.now) {
		w.t.Fatalf("instance %q has no turn to deliver", id)
	}
	return in.Deliver(w.now)
}

// turn hands a turn to a worker and commits its answer.
func (w *world) turn(id string, actions ...*dtspb.OrchestratorAction) []*dtspb.HistoryEvent {
	w.t.Helper()
	events := w.deliver(id)
	w.do(w.answer(id, events, actions...))
	return events
}

// answer is the answer to a turn.
func (w *world) answer(id string, events []*dtspb.HistoryEvent, actions ...*dtspb.OrchestratorAction) Turn {
	return Turn{
		ID: id, Gen: w.live[id].Record.GetGeneration(), Started: events[0],
		Response: &dtspb.OrchestratorResponse{InstanceId: id, Actions: actions},
	}
}

// activityDone completes an activity of the current execution.
func (w *world) activityDone(id string, task int32, result string) {
	w.t.Helper()
	w.do(ActivityDone{Task: TaskKey{id, w.live[id].Record.GetGeneration(), task}, Result: text1(result)})
}

// restart forgets all that is not on disk.
func (w *world) restart() {
	for id := range w.live {
		w.live[id] = w.rows.load(id, w.now)
	}
}

// wait lets time pass and fires what is due.
func (w *world) wait(d time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(d)
	for _, t := range slices.SortedFunc(maps.Keys(w.rows.Timers), compareTimers) {
		if t.Due <= w.now.UnixNano() {
			w.do(TimerDue{Timer: t})
		}
	}
}

func compareTimers(a, b Timer) int {
	return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Gen, b.Gen), cmp.Compare(a.TaskID, b.TaskID))
}

func (w *world) wantStatus(id string, want dtspb.OrchestrationStatus) {
	w.t.Helper()
	if in := w.live[id]; in == nil || in.Record.GetStatus() != want {
		w.t.Errorf("instance %q: got %v, want %v", id, in.Record.GetStatus(), want)
	}
}

// wantHistory compares the committed history in the form of short.
func (w *world) wantHistory(id string, want ...string) {
	w.t.Helper()
	if diff := gocmp.Diff(want, shorts(w.live[id].History)); diff != "" {
		w.t.Errorf("history of %q (-want +got):\n%s", id, diff)
	}
}

// wantInbox compares the messages that wait in the form of short.
func (w *world) wantInbox(id string, want ...string) {
	w.t.Helper()
	var events []*dtspb.HistoryEvent
	for _, m := range w.live[id].Inbox {
		events = append(events, m.Event)
	}
	if diff := gocmp.Diff(want, shorts(events), cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("inbox of %q (-want +got):\n%s", id, diff)
	}
}

func shorts(events []*dtspb.HistoryEvent) []string {
	var s []string
	for _, e := range events {
		s = append(s, short(e))
	}
	return s
}

// short is an event in a word: its id, its kind and what tells it apart.
func short(e *dtspb.HistoryEvent) string {
	detail := ""
	if id, _, ok := outcomeOf(e); ok {
		detail = fmt.Sprintf(" of %d", id)
	}
	switch t := e.GetEventType().(type) {
	case *dtspb.HistoryEvent_TaskScheduled:
		detail = " " + t.TaskScheduled.GetName()
	case *dtspb.HistoryEvent_SubOrchestrationInstanceCreated:
		detail = " " + t.SubOrchestrationInstanceCreated.GetInstanceId()
	case *dtspb.HistoryEvent_SubOrchestrationInstanceFailed:
		detail += " " + t.SubOrchestrationInstanceFailed.GetFailureDetails().GetErrorType()
	case *dtspb.HistoryEvent_EventRaised:
		detail = " " + t.EventRaised.GetName()
	case *dtspb.HistoryEvent_EventSent:
		detail = " " + t.EventSent.GetName()
	case *dtspb.HistoryEvent_ExecutionCompleted:
		detail = " " + statusName(t.ExecutionCompleted.GetOrchestrationStatus())
	}
	kind := e.ProtoReflect().WhichOneof(e.ProtoReflect().Descriptor().Oneofs().Get(0)).Name()
	return fmt.Sprintf("%d %s%s", e.GetEventId(), kind, detail)
}

func text1(s string) *wrapperspb.StringValue { return wrapperspb.String(s) }

func at(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }

func actTask(id int32, name string) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_ScheduleTask{
		ScheduleTask: &dtspb.ScheduleTaskAction{Name: name, Input: text1("x")},
	}}
}

func actTimer(id int32, fireAt time.Time) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CreateTimer{
		CreateTimer: &dtspb.CreateTimerAction{FireAt: at(fireAt)},
	}}
}

func actChild(id int32, child string) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CreateSubOrchestration{
		CreateSubOrchestration: &dtspb.CreateSubOrchestrationAction{InstanceId: child, Name: "child", Input: text1("x")},
	}}
}

func actSend(id int32, target, name string) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_SendEvent{
		SendEvent: &dtspb.SendEventAction{Instance: &dtspb.OrchestrationInstance{InstanceId: target}, Name: name, Data: text1("x")},
	}}
}

func actTerminate(id int32, target string, recurse bool) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_TerminateOrchestration{
		TerminateOrchestration: &dtspb.TerminateOrchestrationAction{InstanceId: target, Reason: text1("stop"), Recurse: recurse},
	}}
}

func actComplete(id int32, status dtspb.OrchestrationStatus, result string) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CompleteOrchestration{
		CompleteOrchestration: &dtspb.CompleteOrchestrationAction{OrchestrationStatus: status, Result: text1(result)},
	}}
}

// Statuses, shorter.
const (
	pending    = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_PENDING
	running    = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_RUNNING
	suspended  = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_SUSPENDED
	completed  = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED
	failed     = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED
	terminated = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED
	canceled   = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CANCELED
	continued  = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CONTINUED_AS_NEW
)

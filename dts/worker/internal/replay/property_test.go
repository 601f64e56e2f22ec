package replay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// step is a piece of a random orchestrator.
type step struct {
	kind stepKind
	n    int
	body []step // of a coroutine
}

type stepKind int

// The interesting ones come first: small numbers are drawn more often.
const (
	sideBySide stepKind = iota
	together
	waitEvent
	waitEventOrTimer
	fanOutFirst
	fanOut
	callOne
	sleepOnce
	callChild
	forget
	sendOne
	setStatus
	callEntity
	callEntities
	signalEntity
	lockEntities
	kinds
)

// perform does steps; what happened goes to log, which becomes the result.
func perform(t *Turn, steps []step, log *[]string) {
	say := func(format string, args ...any) { *log = append(*log, fmt.Sprintf(format, args...)) }
	for _, s := range steps {
		switch s.kind {
		case callOne:
			say("call %s", await(t.Activity("one", []byte(t.NewID()), nil, nil)))
		case fanOut, fanOutFirst:
			var tasks []*Task
			for i := range s.n {
				tasks = append(tasks, t.Activity("many", fmt.Append(nil, i), nil, nil))
			}
			if s.kind == fanOutFirst {
				t.Until(func() bool { return first(tasks) >= 0 })
				say("first %d", first(tasks))
				continue
			}
			for _, k := range tasks {
				say("many %s", await(k))
			}
		case forget:
			t.Activity("forgotten", nil, nil, nil)
		case sleepOnce:
			await(t.Timer(t.Now().Add(time.Duration(s.n) * time.Minute)))
			say("slept until %s", t.Now())
		case waitEvent:
			say("event %s", await(t.Event(fmt.Sprint("e", s.n%2))))
		case waitEventOrTimer:
			timer, event := t.Timer(t.Now().Add(time.Minute)), t.Event(fmt.Sprint("E", s.n%2))
			t.Until(func() bool { return timer.Done() || event.Done() })
			timer.Cancel()
			event.Cancel()
			say("race %s %s", outcome(timer), outcome(event))
		case callChild:
			say("child %s", await(t.Orchestration("child", "", nil, nil, nil)))
		case sendOne:
			t.SendEvent("other", "hi", []byte(t.NewID()))
		case setStatus:
			t.SetStatus(fmt.Append(nil, len(*log)))
		case callEntity:
			say("entity %s", await(t.CallEntity(entityID(s.n), "op", nil)))
		case callEntities:
			a, b := t.CallEntity(entityID(s.n), "op", nil), t.CallEntity(entityID(1), "op", nil)
			say("entities %s %s", await(b), await(a))
		case signalEntity:
			say("signal %s", t.SignalEntity(entityID(s.n), "op", nil, time.Time{}).GetErrorMessage())
		case lockEntities:
			lock, release := t.Lock([]string{entityID(s.n), entityID(1)})
			if s.n == 2 {
				release() // too early
			}
			say("lock %s", await(lock))
			say("locked %s", await(t.CallEntity(entityID(1), "op", nil)))
			if s.n != 3 { // else it is left to the end
				release()
			}
		case sideBySide, together:
			ended := false
			t.Go("side", func() {
				perform(t, s.body, log)
				ended = true
			})
			if s.kind == together {
				t.Until(func() bool { return ended })
			}
		}
	}
}

func entityID(n int) string { return fmt.Sprint("@e@", n) }

func first(tasks []*Task) int {
	for i, k := range tasks {
		if k.Done() {
			return i
		}
	}
	return -1
}

func steps(depth int) *rapid.Generator[[]step] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		from := sideBySide
		if depth == 0 {
			from = waitEvent
		}
		s := step{kind: stepKind(rapid.IntRange(int(from), int(kinds)-1).Draw(t, "kind")), n: rapid.IntRange(1, 3).Draw(t, "n")}
		if s.kind < waitEvent {
			s.body = steps(depth-1).Draw(t, "body")
		}
		return s
	}), 1, 5)
}

// confirmation is the event that the scheduler writes for an action, and the
// outcomes it may lead to.
func confirmation(a *dtspb.OrchestratorAction) (*dtspb.HistoryEvent, []*dtspb.HistoryEvent) {
	id := a.GetId()
	switch k := a.GetOrchestratorActionType().(type) {
	case *dtspb.OrchestratorAction_ScheduleTask:
		return taskScheduled(id, k.ScheduleTask.GetName()), []*dtspb.HistoryEvent{taskCompleted(id, fmt.Sprint("r", id)), taskFailed(id, "no")}
	case *dtspb.OrchestratorAction_CreateTimer:
		return timerCreated(id), []*dtspb.HistoryEvent{timerFired(id)}
	case *dtspb.OrchestratorAction_CreateSubOrchestration:
		return childCreated(id, k.CreateSubOrchestration.GetName()), []*dtspb.HistoryEvent{childCompleted(id, "c"), childFailed(id, "no")}
	case *dtspb.OrchestratorAction_SendEvent:
		return eventSent(id, k.SendEvent.GetName()), nil
	case *dtspb.OrchestratorAction_SendEntityMessage:
		return entityConfirmation(id, k.SendEntityMessage)
	default:
		return executionCompleted(id), nil
	}
}

func entityConfirmation(id int32, m *dtspb.SendEntityMessageAction) (*dtspb.HistoryEvent, []*dtspb.HistoryEvent) {
	switch k := m.GetEntityMessageType().(type) {
	case *dtspb.SendEntityMessageAction_EntityOperationCalled:
		r := k.EntityOperationCalled.GetRequestId()
		return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_EntityOperationCalled{EntityOperationCalled: k.EntityOperationCalled}},
			[]*dtspb.HistoryEvent{operationCompleted(r, fmt.Sprint("o", id)), operationFailed(r, "no")}
	case *dtspb.SendEntityMessageAction_EntityOperationSignaled:
		return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_EntityOperationSignaled{EntityOperationSignaled: k.EntityOperationSignaled}}, nil
	case *dtspb.SendEntityMessageAction_EntityLockRequested:
		return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_EntityLockRequested{EntityLockRequested: k.EntityLockRequested}},
			[]*dtspb.HistoryEvent{lockGranted(k.EntityLockRequested.GetCriticalSectionId())}
	default:
		return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_EntityUnlockSent{EntityUnlockSent: m.GetEntityUnlockSent()}}, nil
	}
}

// TestColdReplayEqualsTheRunningTurn lets a random orchestrator run against a
// random scheduler, once warm, applying only what is new, and once per turn from
// nothing. All must answer the same at every prefix.
func TestColdReplayEqualsTheRunningTurn(t *testing.T) {
	t.Parallel()
	for i := range 8 { // rapid's default of 100 checks is not quite enough for rare meetings
		t.Run(fmt.Sprint("round ", i), rapid.MakeCheck(func(t *rapid.T) {
			program := steps(2).Draw(t, "program")
			again := rapid.Bool().Draw(t, "continues as new")
			run := func(x *Turn, _ []byte) ([]byte, *dtspb.TaskFailureDetails) {
				var log []string
				perform(x, program, &log)
				if again {
					x.ContinueAsNew([]byte(strings.Join(log, ";")), nil, false)
					return nil, nil
				}
				return []byte(strings.Join(log, ";")), nil
			}
			warm := New(only(run), &nobody{}, "i", "e")
			defer warm.Close()

			var past, confirmed history
			var open [][]*dtspb.HistoryEvent // outcomes to choose from
			for n := range 25 {
				events := history{turn(n)}
				if n == 0 {
					events = append(events, begun("in"))
				}
				for range rapid.IntRange(0, 3).Draw(t, "messages") {
					switch what := rapid.IntRange(0, 19).Draw(t, "message"); {
					case what == 18:
						events = append(events, suspended())
					case what == 17 || what == 19:
						events = append(events, resumed())
					case what < 4:
						events = append(events, raised(rapid.SampledFrom([]string{"e0", "e1"}).Draw(t, "event"), fmt.Sprint(n)))
					case len(open) > 0:
						i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
						events = append(events, rapid.SampledFrom(open[i]).Draw(t, "outcome"))
						if what != 16 { // else it comes twice
							open = append(open[:i], open[i+1:]...)
						}
					}
				}
				warm.Apply(confirmed, true)
				warm.Apply(events, false)
				actions := warm.Actions()
				want := append(show(actions), "status "+warm.CustomStatus().GetValue())

				all := slices.Concat(past, events)
				for _, cut := range []int{len(past), 0, len(all), rapid.IntRange(0, len(all)).Draw(t, "cut")} {
					coldActions, status := coldTurn(run, all[:cut], all[cut:])
					if diff := cmp.Diff(want, append(show(coldActions), "status "+status)); diff != "" {
						t.Fatalf("turn %d, cold with %d events of %d as past (-warm +cold):\n%s", n, cut, len(all), diff)
					}
				}
				confirmed = nil
				for _, a := range actions {
					if a.GetCompleteOrchestration() != nil {
						return
					}
					event, outcomes := confirmation(a)
					confirmed = append(confirmed, event)
					if outcomes != nil {
						open = append(open, outcomes)
					}
				}
				past = slices.Concat(all, confirmed)
			}
		}))
	}
}

// FuzzHistory feeds nonsense: whatever a scheduler sends becomes actions or a
// failure, never a panic, and nothing keeps running.
func FuzzHistory(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 2, 0, 3, 0})
	f.Add([]byte{1, 0, 2, 0, 2, 1, 4, 0, 5, 1, 9, 0, 3, 1, 10, 0, 8, 1, 11, 0})
	f.Add([]byte{1, 0, 13, 0, 13, 1, 2, 200})
	program := []step{
		{kind: sideBySide, body: []step{{kind: waitEventOrTimer, n: 1}, {kind: callChild}, {kind: waitEvent}}},
		{kind: fanOut, n: 2},
		{kind: together, body: []step{{kind: sleepOnce, n: 1}}},
		{kind: fanOutFirst, n: 2},
		{kind: lockEntities, n: 1},
		{kind: callEntities, n: 1},
	}
	run := func(x *Turn, _ []byte) ([]byte, *dtspb.TaskFailureDetails) {
		var log []string
		perform(x, program, &log)
		x.ContinueAsNew([]byte(strings.Join(log, ";")), nil, false)
		return nil, nil
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var events history
		for ; len(data) >= 2; data = data[2:] {
			id := int32(int8(data[1]))
			all := history{
				turn(int(id)), begun("in"), taskScheduled(id, "many"), taskCompleted(id, "r"), taskFailed(id, "no"),
				timerCreated(id), timerFired(id), childCreated(id, "child"), childCompleted(id, "c"), childFailed(id, "no"),
				raised(fmt.Sprint("e", id%2), "x"), suspended(), resumed(), terminated("t"), rewound(""), executionCompleted(id),
				eventSent(id, "x"), nil,
				{},
				{EventType: &dtspb.HistoryEvent_TaskFailed{}},
				{EventType: &dtspb.HistoryEvent_EventRaised{}},
				{EventType: &dtspb.HistoryEvent_ExecutionStarted{}},
				begunAs("other", ""),
				{EventId: id, EventType: &dtspb.HistoryEvent_EntityOperationCalled{}},
				operationCalled(id, "op", "@e@1"), operationCompleted(requestOf(id), "r"), operationFailed(requestOf(id), "no"),
				lockRequested(id, "@e@1"), lockGranted(requestOf(id)), unlockSent(id, "@e@1"),
			}
			events = append(events, all[int(data[0])%len(all)])
		}
		actions, _ := coldTurn(run, events[:len(events)/2], events[len(events)/2:])
		ends := 0
		for i, a := range actions {
			if a.GetOrchestratorActionType() == nil {
				t.Errorf("action %d is empty", i)
			}
			if i > 0 && a.GetId() <= actions[i-1].GetId() {
				t.Errorf("action ids do not rise: %q", show(actions))
			}
			if a.GetCompleteOrchestration() != nil {
				ends++
			}
		}
		if ends > 1 {
			t.Errorf("the execution ends %d times: %q", ends, show(actions))
		}
		if _, ok := Rewind(events, events, func() string { return "new" }); ok && len(events) != 2 {
			t.Error("taken for a rewind")
		}
	})
}

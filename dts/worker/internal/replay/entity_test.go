package replay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// requestOf is the id of the request that the turns of these tests make with the
// sequence id n.
func requestOf(n int32) string {
	return (&Turn{instanceID: "i", executionID: "e", pending: pending{last: n}}).nextRequest()
}

func operationCalled(id int32, op, target string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_EntityOperationCalled{EntityOperationCalled: &dtspb.EntityOperationCalledEvent{
		RequestId: requestOf(id), Operation: op, TargetInstanceId: text(target),
	}}}
}

func operationSignaled(id int32, op, target string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_EntityOperationSignaled{EntityOperationSignaled: &dtspb.EntityOperationSignaledEvent{
		RequestId: requestOf(id), Operation: op, TargetInstanceId: text(target),
	}}}
}

func operationCompleted(request, output string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_EntityOperationCompleted{EntityOperationCompleted: &dtspb.EntityOperationCompletedEvent{
		RequestId: request, Output: text(output),
	}}}
}

func operationFailed(request, message string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_EntityOperationFailed{EntityOperationFailed: &dtspb.EntityOperationFailedEvent{
		RequestId: request, FailureDetails: &dtspb.TaskFailureDetails{ErrorType: "T", ErrorMessage: message},
	}}}
}

func lockRequested(id int32, set ...string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_EntityLockRequested{EntityLockRequested: &dtspb.EntityLockRequestedEvent{
		CriticalSectionId: requestOf(id), LockSet: set,
	}}}
}

func lockGranted(request string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_EntityLockGranted{EntityLockGranted: &dtspb.EntityLockGrantedEvent{CriticalSectionId: request}}}
}

func unlockSent(id int32, target string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_EntityUnlockSent{EntityUnlockSent: &dtspb.EntityUnlockSentEvent{TargetInstanceId: text(target)}}}
}

// showEntity writes a message with the sequence id that its request was made
// with: an unlock has that of its lock.
func showEntity(m *dtspb.SendEntityMessageAction) string {
	by := func(request string) string {
		for n := range int32(20) {
			if requestOf(n) == request {
				return fmt.Sprint(" #", n)
			}
		}
		return " #" + request
	}
	switch k := m.GetEntityMessageType().(type) {
	case *dtspb.SendEntityMessageAction_EntityOperationCalled:
		c := k.EntityOperationCalled
		return join("call", c.GetOperation()+c.GetTargetInstanceId().GetValue(), c.GetInput(), nil) + by(c.GetRequestId())
	case *dtspb.SendEntityMessageAction_EntityOperationSignaled:
		s := join("signal", k.EntityOperationSignaled.GetOperation()+k.EntityOperationSignaled.GetTargetInstanceId().GetValue(), k.EntityOperationSignaled.GetInput(), nil)
		if at := k.EntityOperationSignaled.GetScheduledTime(); at != nil {
			s += " at " + at.AsTime().Sub(epoch).String()
		}
		return s + by(k.EntityOperationSignaled.GetRequestId())
	case *dtspb.SendEntityMessageAction_EntityLockRequested:
		return "lock " + strings.Join(k.EntityLockRequested.GetLockSet(), " ") + by(k.EntityLockRequested.GetCriticalSectionId())
	case *dtspb.SendEntityMessageAction_EntityUnlockSent:
		return "unlock " + k.EntityUnlockSent.GetTargetInstanceId().GetValue() + by(k.EntityUnlockSent.GetCriticalSectionId())
	default:
		return fmt.Sprintf("%T", k)
	}
}

// problem is the text of a refusal, cut to its first half.
func problem(f *dtspb.TaskFailureDetails) string {
	if f.GetErrorType() != typeSection || !f.GetIsNonRetriable() {
		return fmt.Sprintf("not a permanent %s: %v", typeSection, f)
	}
	text, _, _ := strings.Cut(f.GetErrorMessage(), ";")
	return text
}

func refusal(k *Task) string {
	if k.state != done {
		return "not refused"
	}
	return problem(k.failure)
}

const a1, a2, b1 = "@a@1", "@a@2", "@b@1"

func TestTurnAsksEntitiesAndTakesTheirAnswers(t *testing.T) {
	t.Parallel()
	call := returns(func(t *Turn, _ string) string { return await(t.CallEntity(a1, "add", []byte("in"))) })
	both := returns(func(t *Turn, _ string) string {
		x, y := t.CallEntity(a1, "get", nil), t.CallEntity(a1, "get", nil)
		return await(y) + await(x)
	})
	section := func(inside func(t *Turn) string) Func {
		return returns(func(t *Turn, _ string) string {
			lock, release := t.Lock([]string{b1, a1, b1})
			lock.Await()
			result := inside(t)
			release()
			release()
			return result
		})
	}
	simple := section(func(t *Turn) string { return await(t.CallEntity(a1, "get", nil)) })
	held := history{turn(0), begun(""), lockRequested(0, a1, b1), turn(1), lockGranted(requestOf(0))}
	early := returns(func(t *Turn, _ string) string {
		lock, release := t.Lock([]string{a1, b1})
		await(t.Event("enough"))
		release()
		return outcome(lock) + await(t.Event("go"))
	})
	for _, test := range []struct {
		name         string
		run          Func
		past, events history
		want         []string
	}{
		{
			name: "call", run: call,
			events: history{turn(0), begun("")},
			want:   []string{"0 call add@a@1 <in> #0"},
		}, {
			name: "result of a call", run: call,
			past:   history{turn(0), begun(""), operationCalled(0, "add", a1)},
			events: history{turn(1), operationCompleted(requestOf(0), "out")},
			want:   []string{"1 end COMPLETED <out>"},
		}, {
			name: "failure of a call", run: call,
			past:   history{turn(0), begun(""), operationCalled(0, "add", a1)},
			events: history{turn(1), operationFailed(requestOf(0), "no")},
			want:   []string{"1 end COMPLETED <failed:no>"},
		}, {
			name: "answers find their calls in any order, once", run: both,
			past:   history{turn(0), begun(""), operationCalled(0, "get", a1), operationCalled(1, "get", a1)},
			events: history{turn(1), operationCompleted(requestOf(1), "y"), operationCompleted(requestOf(1), "again"), operationCompleted("?", "?"), operationCompleted(requestOf(0), "x")},
			want:   []string{"2 end COMPLETED <yx>"},
		}, {
			name: "answer by the id that history has, as after a rewind", run: call,
			past: history{turn(0), begun(""), {EventType: &dtspb.HistoryEvent_EntityOperationCalled{EntityOperationCalled: &dtspb.EntityOperationCalledEvent{
				RequestId: "before", Operation: "add", TargetInstanceId: text(a1),
			}}}},
			events: history{turn(1), operationCompleted("before", "out")},
			want:   []string{"1 end COMPLETED <out>"},
		}, {
			name: "request does not depend on ids that were made before it",
			run: returns(func(t *Turn, _ string) string {
				t.NewID()
				return await(t.CallEntity(a1, "add", nil))
			}),
			events: history{turn(0), begun("")},
			want:   []string{"0 call add@a@1 #0"},
		}, {
			name: "signals",
			run: returns(func(t *Turn, _ string) string {
				t.SignalEntity(a1, "add", []byte("in"), time.Time{})
				t.SignalEntity(a1, "clear", nil, t.Now().Add(time.Hour))
				return await(t.Event("go"))
			}),
			events: history{turn(0), begun("")},
			want:   []string{"0 signal add@a@1 <in> #0", "1 signal clear@a@1 at 1h0m0s #1"},
		}, {
			name: "signals in history",
			run: returns(func(t *Turn, _ string) string {
				t.SignalEntity(a1, "add", nil, time.Time{})
				return await(t.Event("go"))
			}),
			past:   history{turn(0), begun(""), operationSignaled(0, "add", a1)},
			events: history{turn(1), raised("go", "on")},
			want:   []string{"1 end COMPLETED <on>"},
		}, {
			name: "lock on a sorted set without repeats", run: simple,
			events: history{turn(0), begun("")},
			want:   []string{"0 lock @a@1 @b@1 #0"},
		}, {
			name: "lock in the order of names, then keys",
			run: returns(func(t *Turn, _ string) string {
				lock, _ := t.Lock([]string{"@a@2", "@a-b@1", "@a@10"})
				return await(lock)
			}),
			events: history{turn(0), begun("")},
			want:   []string{"0 lock @a@10 @a@2 @a-b@1 #0"},
		}, {
			name: "call of a locked entity", run: simple,
			past:   history{turn(0), begun(""), lockRequested(0, a1, b1)},
			events: history{turn(1), lockGranted(requestOf(0))},
			want:   []string{"1 call get@a@1 #1"},
		}, {
			name: "release of each entity, once", run: simple,
			past:   append(held, operationCalled(1, "get", a1)),
			events: history{turn(2), operationCompleted(requestOf(1), "x")},
			want:   []string{"2 unlock @a@1 #0", "3 unlock @b@1 #0", "4 end COMPLETED <x>"},
		}, {
			name: "releases in history",
			run: returns(func(t *Turn, _ string) string {
				lock, release := t.Lock([]string{a1})
				lock.Await()
				release()
				return await(t.Event("go"))
			}),
			past:   history{turn(0), begun(""), lockRequested(0, a1), turn(1), lockGranted(requestOf(0)), unlockSent(1, a1)},
			events: history{turn(2), raised("go", "on")},
			want:   []string{"2 end COMPLETED <on>"},
		}, {
			name: "another section after the first",
			run: returns(func(t *Turn, _ string) string {
				for range 2 {
					lock, release := t.Lock([]string{a1})
					lock.Await()
					release()
				}
				return ""
			}),
			past:   history{turn(0), begun(""), lockRequested(0, a1)},
			events: history{turn(1), lockGranted(requestOf(0))},
			want:   []string{"1 unlock @a@1 #0", "2 lock @a@1 #2"},
		}, {
			name: "lock that nobody released is released at the end",
			run: returns(func(t *Turn, _ string) string {
				lock, _ := t.Lock([]string{a1, b1})
				return await(lock)
			}),
			past:   history{turn(0), begun(""), lockRequested(0, a1, b1)},
			events: history{turn(1), lockGranted(requestOf(0))},
			want:   []string{"1 unlock @a@1 #0", "2 unlock @b@1 #0", "3 end COMPLETED <>"},
		}, {
			name:   "lock is released when the orchestrator panics",
			run:    section(func(*Turn) string { panic("oh") }),
			past:   history{turn(0), begun(""), lockRequested(0, a1, b1)},
			events: history{turn(1), lockGranted(requestOf(0))},
			want:   []string{"1 unlock @a@1 #0", "2 unlock @b@1 #0", "3 end FAILED (panic: oh)"},
		}, {
			name: "lock that is not granted is released at the end",
			run: returns(func(t *Turn, _ string) string {
				t.Lock([]string{a1})
				return "done"
			}),
			events: history{turn(0), begun("")},
			want:   []string{"0 lock @a@1 #0", "1 unlock @a@1 #0", "2 end COMPLETED <done>"},
		}, {
			name: "lock given up too early is released when it is granted", run: early,
			past:   history{turn(0), begun(""), lockRequested(0, a1, b1)},
			events: history{turn(1), raised("enough", ""), lockGranted(requestOf(0))},
			want:   []string{"1 unlock @a@1 #0", "2 unlock @b@1 #0"},
		}, {
			name: "lock given up too early is canceled", run: early,
			past:   history{turn(0), begun(""), lockRequested(0, a1, b1)},
			events: history{turn(1), raised("enough", ""), raised("go", " went")},
			want:   []string{"1 unlock @a@1 #0", "2 unlock @b@1 #0", "3 end COMPLETED <canceled went>"},
		}, {
			name: "continue-as-new with a lock fails and releases it",
			run: func(t *Turn, _ []byte) ([]byte, *dtspb.TaskFailureDetails) {
				lock, _ := t.Lock([]string{a1})
				lock.Await()
				t.ContinueAsNew(nil, nil, false)
				return nil, nil
			},
			past:   history{turn(0), begun(""), lockRequested(0, a1)},
			events: history{turn(1), lockGranted(requestOf(0))},
			want: []string{
				"1 unlock @a@1 #0",
				"2 end FAILED (CriticalSectionError: the orchestrator continues as new while entities are locked (@a@1); release the lock first)",
			},
		}, {
			name: "terminate leaves the lock to the scheduler", run: simple,
			past:   held,
			events: history{turn(2), terminated("why")},
			want:   []string{"2 end TERMINATED <why>"},
		}, {
			name: "suspended: answers wait", run: call,
			past:   history{turn(0), begun(""), operationCalled(0, "add", a1)},
			events: history{turn(1), suspended(), operationCompleted(requestOf(0), "out")},
		}, {
			name: "resumed: answers are taken", run: call,
			past:   history{turn(0), begun(""), operationCalled(0, "add", a1), turn(1), suspended(), operationCompleted(requestOf(0), "out")},
			events: history{turn(2), resumed()},
			want:   []string{"1 end COMPLETED <out>"},
		}, {
			name: "suspended: a granted lock waits", run: simple,
			past:   history{turn(0), begun(""), lockRequested(0, a1, b1)},
			events: history{turn(1), suspended(), lockGranted(requestOf(0))},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, cold(t, test.run, test.past, test.events)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}

// The rules of critical sections: what is refused asks for nothing.
func TestSectionRefusesWhatCouldWaitForItself(t *testing.T) {
	t.Parallel()
	var got []string
	note := func(s string) { got = append(got, s) }
	run := returns(func(t *Turn, _ string) string {
		lock, _ := t.Lock(nil)
		note(refusal(lock))
		lock, release := t.Lock([]string{a1, b1})
		note(refusal(t.CallEntity(a1, "get", nil)))
		note(refusal(t.CallEntity(a2, "get", nil)))
		lock.Await()
		nested, nothing := t.Lock([]string{a2})
		note(refusal(nested))
		nothing()
		note(refusal(t.CallEntity(a2, "get", nil)))
		note(problem(t.SignalEntity(b1, "add", nil, time.Time{})))
		note(refusal(t.Orchestration("child", "", nil, nil, nil)))
		t.CallEntity(a1, "get", nil)
		note(refusal(t.CallEntity(a1, "get", nil)))
		t.SignalEntity(a2, "add", nil, time.Time{})
		t.CallEntity(b1, "get", nil)
		release()
		t.CallEntity(a2, "get", nil)
		t.Orchestration("child", "", nil, nil, nil)
		return await(t.Event("go"))
	})
	actions := cold(t, run, history{turn(0), begun(""), lockRequested(0, a1, b1)}, history{turn(1), lockGranted(requestOf(0))})
	want := []string{
		"1 call get@a@1 #1", "2 signal add@a@2 #2", "3 call get@b@1 #3", "4 unlock @a@1 #0", "5 unlock @b@1 #0", "6 call get@a@2 #6", "7 child child/e:0007",
	}
	if diff := cmp.Diff(want, actions); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	want = []string{
		"a lock needs at least one entity",
		"entity @a@1 cannot be called before the lock on @a@1, @b@1 is granted",
		"entity @a@2 cannot be called before the lock on @a@1, @b@1 is granted",
		"the orchestration has a lock already, on @a@1, @b@1",
		"entity @a@2 is not locked",
		"entity @b@1 cannot be signaled by the orchestration that has locked it",
		`orchestrator "child" cannot be called while entities are locked (@a@1, @b@1)`,
		"entity @a@1 has a call of this orchestration under way",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
}

func TestHistoryOfEntitiesThatDoesNotFitIsNamed(t *testing.T) {
	t.Parallel()
	run := returns(func(t *Turn, _ string) string {
		lock, release := t.Lock([]string{a1, b1})
		lock.Await()
		await(t.CallEntity(a1, "get", nil))
		release()
		t.SignalEntity(a1, "add", nil, time.Time{})
		return await(t.Event("go"))
	})
	granted := history{turn(0), begun(""), lockRequested(0, a1, b1), lockGranted(requestOf(0))}
	after := slices.Concat(granted, history{operationCalled(1, "get", a1), operationCompleted(requestOf(1), "")})
	for _, test := range []struct {
		name  string
		past  history
		event *dtspb.HistoryEvent
		want  string
	}{
		{"another set", history{turn(0), begun("")}, lockRequested(0, a1), `id 0 history has entity lock "@a@1", the code has entity lock "@a@1, @b@1"`},
		{"a call", history{turn(0), begun("")}, operationCalled(0, "get", a1), `id 0 history has entity call "get" of @a@1, the code has entity lock "@a@1, @b@1"`},
		{"another operation", granted, operationCalled(1, "put", a1), `id 1 history has entity call "put" of @a@1, the code has entity call "get" of @a@1`},
		{"another entity", granted, operationCalled(1, "get", b1), `id 1 history has entity call "get" of @b@1, the code has entity call "get" of @a@1`},
		{"a signal", granted, operationSignaled(1, "get", a1), `id 1 history has entity signal "get" of @a@1, the code has entity call "get" of @a@1`},
		{"another unlock", after, unlockSent(2, b1), `id 2 history has entity unlock of @b@1, the code has entity unlock of @a@1`},
		{"another signal", after, operationSignaled(4, "add", b1), `id 4 history has entity signal "add" of @b@1, the code has entity signal "add" of @a@1`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			actions, _ := coldTurn(run, append(slices.Clip(test.past), test.event), history{turn(1)})
			if len(actions) != 1 || !strings.Contains(actions[0].GetCompleteOrchestration().GetFailureDetails().GetErrorMessage(), test.want) {
				t.Errorf("got %q, want only a failure with %q", show(actions), test.want)
			}
		})
	}
	// What does not say its target is not held to it: the protocol leaves it open.
	events := history{turn(0), begun(""), lockRequested(0, a1, b1), lockGranted(requestOf(0)), operationCalled(1, "get", "")}
	if got := cold(t, run, events, history{turn(1)}); len(got) > 0 {
		t.Errorf("a call without a target in history gives %q, want nothing", got)
	}
}

func TestRequestsSayWhoAsks(t *testing.T) {
	t.Parallel()
	run := returns(func(t *Turn, _ string) string {
		t.CallEntity(a1, "get", nil)
		t.Lock([]string{b1})
		return ""
	})
	actions, _ := coldTurn(run, nil, history{turn(0), begun("")})
	call := actions[0].GetSendEntityMessage().GetEntityOperationCalled()
	if call.GetParentInstanceId().GetValue() != "i" || call.GetParentExecutionId().GetValue() != "e" {
		t.Errorf("call is %v, want instance i and execution e as its parent", call)
	}
	lock := actions[1].GetSendEntityMessage().GetEntityLockRequested()
	if lock.GetParentInstanceId().GetValue() != "i" || lock.GetPosition() != 0 {
		t.Errorf("lock is %v, want instance i as its parent and position 0", lock)
	}
	if unlock := actions[2].GetSendEntityMessage().GetEntityUnlockSent(); unlock.GetParentInstanceId().GetValue() != "i" {
		t.Errorf("unlock is %v, want instance i as its parent", unlock)
	}
}

func TestRewindForgetsTheUnlocksOfTheFailure(t *testing.T) {
	t.Parallel()
	past := history{
		turn(0), begun(""), lockRequested(0, a1), turn(1), lockGranted(requestOf(0)), unlockSent(1, a1), lockRequested(2, b1),
		turn(2), lockGranted(requestOf(2)), taskScheduled(3, "work"),
		turn(3), taskFailed(3, "no"), unlockSent(4, b1), executionCompleted(5),
	}
	events := history{turn(4), rewound("")}
	action, ok := Rewind(past, events, func() string { return "new" })
	if !ok {
		t.Fatal("not taken for a rewind")
	}
	run := returns(func(t *Turn, _ string) string {
		for _, id := range []string{a1, b1} {
			lock, release := t.Lock([]string{id})
			lock.Await()
			if id == b1 {
				await(t.Activity("work", nil, nil, nil))
			}
			release()
		}
		return ""
	})
	again := action.GetRewindOrchestration().GetNewHistory()
	if diff := cmp.Diff([]string{"3 activity work"}, cold(t, run, again, nil)); diff != "" {
		t.Errorf("actions after the rewind (-want +got):\n%s", diff)
	}
	if id := again[1].GetExecutionStarted().GetOrchestrationInstance().GetExecutionId(); id.GetValue() != "new" {
		t.Errorf("execution is %v, want %v", id, wrapperspb.String("new"))
	}
}

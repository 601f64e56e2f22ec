package replay

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// await returns the outcome as one text, the way the orchestrators below pass it on.
func await(k *Task) string {
	k.Await()
	return outcome(k)
}

func outcome(k *Task) string {
	if k.Canceled() {
		return "canceled"
	}
	result, failure := k.Outcome()
	if failure != nil {
		return "failed:" + failure.GetErrorMessage()
	}
	return result.GetValue()
}

// returns makes an orchestrator of a function that has only a result.
func returns(f func(t *Turn, input string) string) Func {
	return func(t *Turn, input []byte) ([]byte, *dtspb.TaskFailureDetails) {
		return []byte(f(t, string(input))), nil
	}
}

func cities(t *Turn, _ string) string {
	var greetings []string
	for _, city := range []string{"Tokyo", "Seattle", "London"} {
		greetings = append(greetings, await(t.Activity("hello", []byte(city), nil, nil)))
	}
	return strings.Join(greetings, ",")
}

func TestTurnAnswersWithWhatHistoryDoesNotConfirm(t *testing.T) {
	t.Parallel()
	version := "v2"
	mixed := returns(func(t *Turn, _ string) string {
		a := await(t.Activity("work", nil, nil, nil))
		await(t.Timer(t.Now().Add(time.Hour)))
		return a + await(t.Orchestration("child", "", nil, nil, nil))
	})
	race := returns(func(t *Turn, _ string) string {
		timeout, event := t.Timer(t.Now().Add(time.Hour)), t.Event("go")
		t.Until(func() bool { return timeout.Done() || event.Done() })
		if event.Done() {
			timeout.Cancel()
			return "event " + outcome(event) + ", timer " + outcome(timeout)
		}
		event.Cancel()
		return "timer, event " + outcome(event)
	})
	two := returns(func(t *Turn, _ string) string {
		first, second := t.Event("go"), t.Event("GO")
		return await(second) + await(first)
	})
	once := func(then ...func(t *Turn)) Func {
		return func(t *Turn, input []byte) ([]byte, *dtspb.TaskFailureDetails) {
			await(t.Event("go"))
			for _, f := range then {
				f(t)
			}
			return nil, nil
		}
	}
	again := func(drop bool) Func {
		return func(t *Turn, input []byte) ([]byte, *dtspb.TaskFailureDetails) {
			await(t.Activity("work", nil, nil, nil))
			t.ContinueAsNew([]byte("next"), &version, drop)
			return []byte("ignored"), nil
		}
	}

	for _, test := range []struct {
		name         string
		run          Func
		past, events history
		want         []string
	}{
		{
			name: "first activity has id 0", run: returns(cities),
			events: history{turn(0), begun("")},
			want:   []string{"0 activity hello <Tokyo>"},
		}, {
			name: "second activity after the first result", run: returns(cities),
			past:   history{turn(0), begun(""), taskScheduled(0, "hello")},
			events: history{turn(1), taskCompleted(0, "Hi Tokyo")},
			want:   []string{"1 activity hello <Seattle>"},
		}, {
			name: "result at the end has the next id", run: returns(cities),
			past: history{
				turn(0), begun(""), taskScheduled(0, "hello"), turn(1), taskCompleted(0, "a"), taskScheduled(1, "hello"),
				turn(2), taskCompleted(1, "b"), taskScheduled(2, "hello"),
			},
			events: history{turn(3), taskCompleted(2, "c")},
			want:   []string{"3 end COMPLETED <a,b,c>"},
		}, {
			name: "turn in which nothing was awaited answers nothing", run: returns(cities),
			past:   history{turn(0), begun(""), taskScheduled(0, "hello")},
			events: history{turn(1), raised("noise", "")},
		}, {
			name: "activity, timer and sub-orchestration of sdk.md 4.2, first turn", run: mixed,
			events: history{turn(0), begun("")},
			want:   []string{"0 activity work"},
		}, {
			name: "activity, timer and sub-orchestration of sdk.md 4.2, second turn", run: mixed,
			past:   history{turn(0), begun(""), taskScheduled(0, "work")},
			events: history{turn(1), taskCompleted(0, "x")},
			want:   []string{"1 timer 1h1m0s"},
		}, {
			name: "activity, timer and sub-orchestration of sdk.md 4.2, third turn", run: mixed,
			past:   history{turn(0), begun(""), taskScheduled(0, "work"), turn(1), taskCompleted(0, "x"), timerCreated(1)},
			events: history{turn(61), timerFired(1)},
			want:   []string{"2 child child/e:0002"},
		}, {
			name: "activity, timer and sub-orchestration of sdk.md 4.2, last turn", run: mixed,
			past: history{
				turn(0), begun(""), taskScheduled(0, "work"), turn(1), taskCompleted(0, "x"), timerCreated(1),
				turn(61), timerFired(1), childCreated(2, "child"),
			},
			events: history{turn(62), childCompleted(2, "y")},
			want:   []string{"3 end COMPLETED <xy>"},
		}, {
			name: "failure of a child", run: mixed,
			past: history{
				turn(0), begun(""), taskScheduled(0, "work"), turn(1), taskCompleted(0, "x"), timerCreated(1),
				turn(61), timerFired(1), childCreated(2, "child"),
			},
			events: history{turn(62), childFailed(2, "no")},
			want:   []string{"3 end COMPLETED <xfailed:no>"},
		}, {
			name:   "failure of an activity without details is one all the same",
			run:    returns(func(t *Turn, _ string) string { return await(t.Activity("work", nil, nil, nil)) }),
			past:   history{turn(0), begun(""), taskScheduled(0, "work")},
			events: history{turn(1), &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_TaskFailed{TaskFailed: &dtspb.TaskFailedEvent{}}}},
			want:   []string{"1 end COMPLETED <failed:the scheduler reported a failure without details>"},
		}, {
			name: "options reach the actions",
			run: returns(func(t *Turn, _ string) string {
				t.Activity("a", []byte("in"), &version, nil)
				t.Orchestration("o", "my-id", []byte("in"), &version, nil)
				t.SendEvent("other", "ping", []byte("data"))
				return await(t.Activity("b", []byte{}, nil, nil))
			}),
			events: history{turn(0), begun("")},
			want:   []string{"0 activity a <in> @v2", "1 child o/my-id <in> @v2", "2 send ping/other <data>", "3 activity b <>"},
		}, {
			name: "confirmed fan-out leaves what is not confirmed",
			run: returns(func(t *Turn, _ string) string {
				a, _, c := t.Activity("a", nil, nil, nil), t.Activity("b", nil, nil, nil), t.Activity("c", nil, nil, nil)
				return await(a) + await(c)
			}),
			past:   history{turn(0), begun(""), taskScheduled(1, "b"), taskScheduled(0, "a")},
			events: history{turn(1), taskCompleted(0, "x")},
			want:   []string{"2 activity c"},
		}, {
			name: "tasks that nobody awaits go along with the end",
			run: returns(func(t *Turn, _ string) string {
				t.Activity("a", nil, nil, nil)
				t.SendEvent("other", "ping", nil)
				return "done"
			}),
			events: history{turn(0), begun("")},
			want:   []string{"0 activity a", "1 send ping/other", "2 end COMPLETED <done>"},
		}, {
			name:   "duplicate completion is ignored",
			run:    returns(cities),
			past:   history{turn(0), begun(""), taskScheduled(0, "hello"), turn(1), taskCompleted(0, "a"), taskScheduled(1, "hello")},
			events: history{turn(2), taskCompleted(0, "again"), taskCompleted(77, "?"), timerFired(1), taskFailed(-5, "?"), taskCompleted(1, "b")},
			want:   []string{"2 activity hello <London>"},
		}, {
			name:   "unknown and uninteresting events are ignored",
			run:    returns(cities),
			events: history{turn(0), begun(""), {}, {EventType: &dtspb.HistoryEvent_GenericEvent{}}, executionCompleted(9), begun("again"), nil},
			want:   []string{"0 activity hello <Tokyo>"},
		}, {
			name: "buffered event is taken at once, any case", run: once(),
			events: history{turn(0), raised("GO", "early"), begun("")},
			want:   []string{"0 end COMPLETED"},
		}, {
			name: "oldest waiter gets the event", run: two,
			events: history{turn(0), begun(""), raised("Go", "1"), raised("gO", "2")},
			want:   []string{"0 end COMPLETED <21>"},
		}, {
			name: "buffered events come in their order",
			run: returns(func(t *Turn, _ string) string {
				await(t.Event("start"))
				return await(t.Event("b")) + await(t.Event("a")) + await(t.Event("a"))
			}),
			events: history{turn(0), begun(""), raised("a", "1"), raised("b", "2"), raised("a", "3"), raised("start", "")},
			want:   []string{"0 end COMPLETED <213>"},
		}, {
			name: "event wins against the timer, which is dropped", run: race,
			past:   history{turn(0), begun(""), timerCreated(0)},
			events: history{turn(1), raised("go", "x"), timerFired(0)},
			want:   []string{"1 end COMPLETED <event x, timer canceled>"},
		}, {
			name: "timer wins against the event", run: race,
			past:   history{turn(0), begun(""), timerCreated(0)},
			events: history{turn(1), timerFired(0), raised("go", "x")},
			want:   []string{"1 end COMPLETED <timer, event canceled>"},
		}, {
			name: "event goes past a canceled wait to the next",
			run: returns(func(t *Turn, _ string) string {
				first := t.Event("go")
				first.Cancel()
				return await(first) + await(t.Event("go"))
			}),
			events: history{turn(0), begun(""), raised("go", "x")},
			want:   []string{"0 end COMPLETED <canceledx>"},
		}, {
			name: "unregistered orchestrator fails and says so", run: returns(cities),
			events: history{turn(0), begunAs("other", "")},
			want:   []string{`0 end FAILED (OrchestratorTaskNotFound: version "v1" of orchestrator "other" is not registered in this worker)`},
		}, {
			name: "failure that the orchestrator returns",
			run: func(t *Turn, _ []byte) ([]byte, *dtspb.TaskFailureDetails) {
				return []byte("ignored"), &dtspb.TaskFailureDetails{ErrorType: "X", ErrorMessage: "no"}
			},
			events: history{turn(0), begun("")},
			want:   []string{"0 end FAILED (X: no)"},
		}, {
			name: "failure wins against continue-as-new",
			run: func(t *Turn, _ []byte) ([]byte, *dtspb.TaskFailureDetails) {
				t.ContinueAsNew(nil, nil, false)
				return nil, &dtspb.TaskFailureDetails{ErrorType: "X", ErrorMessage: "no"}
			},
			events: history{turn(0), begun("")},
			want:   []string{"0 end FAILED (X: no)"},
		}, {
			name: "panic is a failure", run: once(func(*Turn) { panic("oh") }),
			events: history{turn(0), begun(""), raised("go", "")},
			want:   []string{"0 end FAILED (panic: oh)"},
		}, {
			name: "panic of a coroutine names it",
			run: once(func(t *Turn) {
				t.Go("bad", func() { panic("oh") })
				t.Until(func() bool { return false })
			}),
			events: history{turn(0), begun(""), raised("go", "")},
			want:   []string{`0 end FAILED (panic: coroutine "bad": oh)`},
		}, {
			name: "panic of a condition is a failure", run: once(func(t *Turn) { t.Until(func() bool { panic("oh") }) }),
			events: history{turn(0), begun(""), raised("go", "")},
			want:   []string{"0 end FAILED (panic: oh)"},
		}, {
			name: "suspended: nothing moves and nothing is answered", run: returns(cities),
			past:   history{turn(0), begun(""), taskScheduled(0, "hello")},
			events: history{turn(1), suspended(), taskCompleted(0, "a"), suspended()},
		}, {
			name: "actions of the batch that suspended wait as well", run: returns(cities),
			past:   history{turn(0), begun(""), taskScheduled(0, "hello")},
			events: history{turn(1), taskCompleted(0, "a"), suspended()},
		}, {
			name: "resumed: what arrived is applied in order", run: returns(cities),
			past:   history{turn(0), begun(""), taskScheduled(0, "hello"), turn(1), suspended(), taskCompleted(0, "a")},
			events: history{turn(2), resumed()},
			want:   []string{"1 activity hello <Seattle>"},
		}, {
			name: "suspended before it began, resumed later", run: returns(cities),
			past:   history{turn(0), suspended(), begun("")},
			events: history{turn(1), resumed()},
			want:   []string{"0 activity hello <Tokyo>"},
		}, {
			name: "resume without suspension changes nothing", run: returns(cities),
			events: history{turn(0), begun(""), resumed()},
			want:   []string{"0 activity hello <Tokyo>"},
		}, {
			name: "end that came before the suspension stands", run: once(),
			events: history{turn(0), begun(""), raised("go", ""), suspended()},
			want:   []string{"0 end COMPLETED"},
		}, {
			name: "clock goes on while suspended",
			run: returns(func(t *Turn, _ string) string {
				await(t.Event("go"))
				return t.Now().Sub(epoch).String()
			}),
			past:   history{turn(0), begun(""), turn(1), suspended(), raised("go", "")},
			events: history{turn(2), resumed()},
			want:   []string{"0 end COMPLETED <2m0s>"},
		}, {
			name: "terminate is the only answer", run: returns(cities),
			events: history{turn(0), begun(""), terminated("why"), raised("go", "")},
			want:   []string{"1 end TERMINATED <why>"},
		}, {
			name: "terminate wins while suspended", run: returns(cities),
			events: history{turn(0), begun(""), suspended(), terminated("")},
			want:   []string{"1 end TERMINATED"},
		}, {
			name: "terminate wins against a result of the same batch", run: once(),
			events: history{turn(0), begun(""), raised("go", ""), terminated("why"), terminated("later")},
			want:   []string{"0 end TERMINATED <why>"},
		}, {
			name: "terminate wins against continue-as-new", run: again(false),
			past:   history{turn(0), begun(""), taskScheduled(0, "work")},
			events: history{turn(1), taskCompleted(0, ""), terminated("why")},
			want:   []string{"1 end TERMINATED <why>"},
		}, {
			name: "terminate wins against a history that does not fit", run: returns(cities),
			past:   history{turn(0), begun(""), taskScheduled(0, "other")},
			events: history{turn(1), terminated("why")},
			want:   []string{"1 end TERMINATED <why>"},
		}, {
			name: "continue-as-new takes unread events along, also later ones", run: again(false),
			past:   history{turn(0), begun(""), taskScheduled(0, "work"), turn(1), raised("a", "1")},
			events: history{turn(2), raised("b", "2"), taskCompleted(0, ""), raised("a", "3")},
			want:   []string{"1 end CONTINUED_AS_NEW <next> @v2 +a=1 +b=2 +a=3"},
		}, {
			name: "continue-as-new drops events if told to", run: again(true),
			past:   history{turn(0), begun(""), taskScheduled(0, "work"), turn(1), raised("a", "1")},
			events: history{turn(2), taskCompleted(0, "")},
			want:   []string{"1 end CONTINUED_AS_NEW <next> @v2"},
		}, {
			name: "event that a finished orchestrator waits for is not lost on it",
			run: func(t *Turn, _ []byte) ([]byte, *dtspb.TaskFailureDetails) {
				t.Event("a")
				t.ContinueAsNew(nil, nil, false)
				return nil, nil
			},
			events: history{turn(0), begun(""), raised("a", "1")},
			want:   []string{"0 end CONTINUED_AS_NEW +a=1"},
		}, {
			name: "rewound event without an end in history is nothing", run: returns(cities),
			events: history{turn(0), begun(""), rewound("")},
			want:   []string{"0 activity hello <Tokyo>"},
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

func TestHistoryThatDoesNotFitIsNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		past history
		want string
	}{
		{"another activity", history{turn(0), begun(""), taskScheduled(0, "other")}, `sequence id 0 history has activity "other", the code has activity "hello"`},
		{"another kind", history{turn(0), begun(""), timerCreated(0)}, `sequence id 0 history has timer, the code has activity "hello"`},
		{"nothing at that id", history{turn(0), begun(""), childCreated(4, "c")}, `sequence id 4 history has sub-orchestration "c", the code has nothing`},
		{"the same confirmation twice", history{turn(0), begun(""), taskScheduled(0, "hello"), taskScheduled(0, "hello")}, `sequence id 0 history has activity "hello", the code has nothing`},
		{"an event sent", history{turn(0), begun(""), eventSent(0, "e")}, `sequence id 0 history has event "e", the code has activity "hello"`},
		{
			"an end that came too early",
			history{
				turn(0), begun(""), taskScheduled(0, "hello"), taskCompleted(0, ""), taskScheduled(1, "hello"), taskCompleted(1, ""),
				taskScheduled(2, "hello"), taskCompleted(2, ""), taskScheduled(3, "hello"), timerCreated(7),
			},
			`sequence id 3 history has activity "hello", the code has end of the orchestrator`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			actions, _ := coldTurn(returns(cities), test.past, history{turn(1), raised("noise", "")})
			if len(actions) != 1 {
				t.Fatalf("got actions %q, want the failure alone", show(actions))
			}
			f := actions[0].GetCompleteOrchestration().GetFailureDetails()
			if f.GetErrorType() != "NonDeterminismError" || !f.GetIsNonRetriable() || !strings.Contains(f.GetErrorMessage(), test.want) {
				t.Errorf("got failure %v, want a non-retriable NonDeterminismError with %q", f, test.want)
			}
		})
	}
}

func TestCoroutinesRunInTurnOldestFirst(t *testing.T) {
	t.Parallel()
	var log []string
	say := func(s string) { log = append(log, s) }
	run := returns(func(t *Turn, _ string) string {
		n := 0
		for _, name := range []string{"a", "b"} {
			t.Go(name, func() {
				say(name + "1")
				await(t.Activity(name, nil, nil, nil))
				say(name + "2")
				n++
			})
		}
		say("main")
		t.Until(func() bool { return n == 2 })
		return "done"
	})
	past := history{turn(0), begun(""), taskScheduled(0, "a"), taskScheduled(1, "b")}
	got := cold(t, run, past, history{turn(1), taskCompleted(1, ""), taskCompleted(0, "")})
	if diff := cmp.Diff([]string{"2 end COMPLETED <done>"}, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"main", "a1", "b1", "b2", "a2"}, log); diff != "" {
		t.Errorf("order of coroutines (-want +got):\n%s", diff)
	}
}

func TestConditionOfOneCoroutineSeesWhatAnotherDid(t *testing.T) {
	t.Parallel()
	run := returns(func(t *Turn, _ string) string {
		var first, second bool
		t.Go("first", func() { // waits before the one it depends on
			t.Until(func() bool { return second })
			first = true
		})
		t.Go("second", func() {
			await(t.Event("go"))
			second = true
		})
		t.Until(func() bool { return first })
		return "done"
	})
	got := cold(t, run, nil, history{turn(0), begun(""), raised("go", "")})
	if diff := cmp.Diff([]string{"0 end COMPLETED <done>"}, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
}

func TestSeveralCoroutinesAwaitOneTask(t *testing.T) {
	t.Parallel()
	run := returns(func(t *Turn, _ string) string {
		k := t.Activity("a", nil, nil, nil)
		var got string
		for _, name := range []string{"x", "y", "z"} {
			t.Go(name, func() { got += name + await(k) })
		}
		t.Until(func() bool { return len(got) == 6 })
		return got
	})
	got := cold(t, run, history{turn(0), begun(""), taskScheduled(0, "a")}, history{turn(1), taskCompleted(0, "1")})
	if diff := cmp.Diff([]string{"1 end COMPLETED <x1y1z1>"}, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
}

func TestClockAndReplayFlagFollowTheHistory(t *testing.T) {
	t.Parallel()
	type moment struct {
		Minutes   float64
		Replaying bool
	}
	var got []moment
	run := returns(func(t *Turn, _ string) string {
		note := func() { got = append(got, moment{t.Now().Sub(epoch).Minutes(), t.Replaying()}) }
		note()
		await(t.Activity("a", nil, nil, nil))
		note()
		await(t.Event("go"))
		note()
		await(t.Event("go"))
		note()
		return ""
	})
	cold(t, run, history{turn(0), begun(""), taskScheduled(0, "a"), turn(1), taskCompleted(0, "")},
		history{turn(2), raised("go", ""), raised("go", "")})
	if diff := cmp.Diff([]moment{{0, true}, {1, true}, {2, false}, {2, false}}, got); diff != "" {
		t.Errorf("moments (-want +got):\n%s", diff)
	}
}

func TestCustomStatusIsSentInEveryTurn(t *testing.T) {
	t.Parallel()
	run := returns(func(t *Turn, _ string) string {
		t.SetStatus([]byte("early"))
		return cities(t, "")
	})
	_, got := coldTurn(run, history{turn(0), begun(""), taskScheduled(0, "hello")}, history{turn(1), taskCompleted(0, "")})
	if got != "early" {
		t.Errorf("custom status is %q, want %q", got, "early")
	}
	x := New(only(returns(cities)), &nobody{}, "i", "e")
	defer x.Close()
	x.Apply(history{turn(0), begun("")}, false)
	if got := x.CustomStatus(); got != nil {
		t.Errorf("custom status that was never set is %v, want none", got)
	}
}

func TestNewIDHasTheFormOfDotNet(t *testing.T) {
	t.Parallel()
	run := returns(func(t *Turn, _ string) string { return t.NewID() + " " + t.NewID() })
	// Made with Python: uuid.uuid5(namespace, "i_2026-01-02T03:04:05.1234567Z_0"), and _1.
	want := []string{"0 end COMPLETED <1a7a63ec-ada8-5f86-bc83-6514e717a7ab 8237cc76-0bf0-519c-a725-d21acded99cd>"}
	if diff := cmp.Diff(want, cold(t, run, nil, history{turn(0), begun("")})); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
}

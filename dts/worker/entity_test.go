package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// notebook is an entity whose state is the text that "write" adds to. Other
// operations go wrong after they have done all they can.
func notebook(ctx *EntityContext, op string, in []byte) ([]byte, error) {
	if op == "read" {
		return ctx.State(), nil
	}
	ctx.SetState(append(ctx.State()[:len(ctx.State()):len(ctx.State())], in...))
	if err := ctx.Signal(dts.EntityID{Name: "Log", Key: "K"}, "note", in, time.Time{}); err != nil {
		return nil, err
	}
	switch op {
	case "write":
		return in, nil
	case "erase":
		ctx.SetState(nil)
		return nil, nil
	case "fail":
		return nil, declined{true}
	case "panic":
		panic("oh")
	case "exit":
		runtime.Goexit()
	case "large result":
		return make([]byte, 1<<20+1), nil
	case "large state":
		ctx.SetState(make([]byte, 1<<20+1))
	case "start":
		id, err := ctx.StartOrchestration("o", in, StartOptions{ID: "o-7", Version: "v2", At: time.Unix(9, 0)})
		return []byte(id), err
	case "start any":
		id, err := ctx.StartOrchestration("o", nil, StartOptions{})
		if len(id) != 32 {
			return nil, fmt.Errorf("the id is %q", id)
		}
		return nil, err
	case "misuse":
		return nil, errors.Join(
			ctx.Signal(dts.EntityID{Name: "a@b"}, "op", nil, time.Time{}),
			ctx.Signal(dts.EntityID{Name: "a"}, "op", make([]byte, 1<<20+1), time.Time{}),
			second(ctx.StartOrchestration("o", nil, StartOptions{ID: "@a@b"})),
			second(ctx.StartOrchestration("o", nil, StartOptions{ID: strings.Repeat("i", 101)})),
			second(ctx.StartOrchestration("\xff", nil, StartOptions{})),
		)
	case "flood":
		for range 5 {
			if err := ctx.Signal(dts.EntityID{Name: "a"}, "op", make([]byte, 1<<20), time.Time{}); err != nil {
				return nil, err
			}
		}
	case "much":
		return make([]byte, 1<<20), nil
	case "where":
		return []byte(ctx.ID().String()), ctx.Context().Err()
	}
	return nil, nil
}

func second[T any](_ T, err error) error { return err }

func called(request, op, input string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_EntityOperationCalled{EntityOperationCalled: &dtspb.EntityOperationCalledEvent{
		RequestId: request, Operation: op, Input: text(input), ParentInstanceId: text("parent"), ParentExecutionId: text("x"),
	}}}
}

func signaled(op, input string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_EntityOperationSignaled{EntityOperationSignaled: &dtspb.EntityOperationSignaledEvent{
		RequestId: "s", Operation: op, Input: text(input),
	}}}
}

func batchOf(id, state string, requests ...*dtspb.HistoryEvent) *dtspb.WorkItem {
	return &dtspb.WorkItem{CompletionToken: "token", Request: &dtspb.WorkItem_EntityRequestV2{EntityRequestV2: &dtspb.EntityRequest{
		InstanceId: id, ExecutionId: "e", EntityState: text(state), OperationRequests: requests,
	}}}
}

// entityAnswer gives a batch to a worker that has the notebook.
func entityAnswer(t *testing.T, item *dtspb.WorkItem) *dtspb.EntityBatchResult {
	t.Helper()
	r := NewRegistry()
	if err := r.Entity("Book", notebook); err != nil {
		t.Fatal(err)
	}
	g := start(t, &fake{}, r)
	g.connected().items <- item
	answer := (<-g.answers).(*dtspb.EntityBatchResult)
	if answer.GetCompletionToken() != "token" {
		t.Errorf("token of the answer is %q, want token", answer.GetCompletionToken())
	}
	return answer
}

// showAnswer writes an answer in lines: results, actions, state.
func showAnswer(a *dtspb.EntityBatchResult) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, r := range a.GetResults() {
		switch f := r.GetFailure().GetFailureDetails(); {
		case f != nil && f.GetIsNonRetriable():
			add("permanently %s: %s", f.GetErrorType(), f.GetErrorMessage())
		case f != nil:
			add("%s: %s", f.GetErrorType(), f.GetErrorMessage())
		default:
			add("ok %s", short(wire.ToPayload(r.GetSuccess().GetResult())))
		}
	}
	for _, x := range a.GetActions() {
		if s := x.GetSendSignal(); s != nil {
			add("%d signal %s%s %s", x.GetId(), s.GetName(), s.GetInstanceId(), short(wire.ToPayload(s.GetInput())))
		} else {
			s := x.GetStartNewOrchestration()
			add("%d start %s/%s %s", x.GetId(), s.GetName(), s.GetInstanceId(), short(wire.ToPayload(s.GetInput())))
		}
	}
	add("state %s", short(wire.ToPayload(a.GetEntityState())))
	return lines
}

func short(p []byte) string {
	switch {
	case p == nil:
		return "none"
	case len(p) > 100:
		return fmt.Sprint(len(p), " bytes")
	default:
		return "<" + string(p) + ">"
	}
}

func TestBatchIsDoneInOrderAndFailuresLeaveNoTrace(t *testing.T) {
	t.Parallel()
	const exited = "the function ended its goroutine with runtime.Goexit, as t.Fatal does; return an error instead"
	limit := func(what string) string {
		return what + " has 1048577 bytes, the limit is 1048576 (1 MiB): store large data elsewhere and pass a reference"
	}
	for _, test := range []struct {
		name     string
		state    string
		requests []*dtspb.HistoryEvent
		want     []string
	}{
		{
			"calls and signals build on each other", "",
			[]*dtspb.HistoryEvent{called("1", "write", "a"), signaled("write", "b"), called("2", "read", "")},
			[]string{"ok <a>", "ok <b>", "ok <ab>", "0 signal note@log@K <a>", "1 signal note@log@K <b>", "state <ab>"},
		},
		{
			"reading keeps the state", "old",
			[]*dtspb.HistoryEvent{called("1", "read", "")},
			[]string{"ok <old>", "state <old>"},
		},
		{
			"reading of nothing makes nothing", "",
			[]*dtspb.HistoryEvent{called("1", "read", "")},
			[]string{"ok none", "state none"},
		},
		{
			"a failure is rolled back, those after it go on", "old ",
			[]*dtspb.HistoryEvent{called("1", "fail", "lost"), signaled("panic", "lost"), signaled("write", "new"), called("2", "large result", "lost"), called("3", "large state", "lost")},
			[]string{
				"permanently worker.declined: card declined", "panic: oh", "ok <new>",
				"permanently InvalidPayload: " + limit(`result of operation "large result"`),
				"permanently InvalidPayload: " + limit("state of entity @book@Ana"),
				"0 signal note@log@K <new>", "state <old new>",
			},
		},
		{
			"a deleted state is none, and can be again", "old",
			[]*dtspb.HistoryEvent{signaled("erase", "x"), called("1", "read", ""), signaled("write", "new")},
			[]string{"ok none", "ok none", "ok <new>", "0 signal note@log@K <x>", "1 signal note@log@K <new>", "state <new>"},
		},
		{
			"an entity can end", "old",
			[]*dtspb.HistoryEvent{signaled("erase", "x")},
			[]string{"ok none", "0 signal note@log@K <x>", "state none"},
		},
		{
			"one that ends its goroutine fails; the rest is left to the scheduler", "old ",
			[]*dtspb.HistoryEvent{signaled("write", "a"), called("1", "exit", "lost"), called("2", "read", "")},
			[]string{"ok <a>", "Goexit: " + exited, "0 signal note@log@K <a>", "state <old a>"},
		},
		{
			"orchestrations are started", "",
			[]*dtspb.HistoryEvent{called("1", "start", "in")},
			[]string{"ok <o-7>", "0 signal note@log@K <in>", "1 start o/o-7 <in>", "state <in>"},
		},
		{
			"what the scheduler would refuse fails", "",
			[]*dtspb.HistoryEvent{called("1", "misuse", "")},
			[]string{
				"errors.joinError: " + strings.Join([]string{
					`signal operation "op" to entity "@a@b@": the name of the entity, "a@b", contains @`,
					`signal operation "op" to entity "@a@": ` + limit("payload"),
					`start orchestrator "o": instance id "@a@b" begins with @, as only those of entities do`,
					`start orchestrator "o": instance id has 101 characters, the limit is 100`,
					`start orchestrator "\xff": name "\xff" is not valid UTF-8`,
				}, "\n"),
				"state none",
			},
		},
		{
			"too much for one message is left to the scheduler", "",
			[]*dtspb.HistoryEvent{called("1", "much", ""), called("2", "much", ""), called("3", "much", ""), called("4", "much", "")},
			[]string{
				"ok 1048576 bytes", "ok 1048576 bytes", "ok 1048576 bytes",
				"0 signal note@log@K none", "1 signal note@log@K none", "2 signal note@log@K none", "state none",
			},
		},
		{
			"too much of one operation fails", "",
			[]*dtspb.HistoryEvent{signaled("flood", "")},
			[]string{
				`permanently AnswerTooLarge: operation "flood" with its signals and starts has 5243218 bytes, the limit is 4089446: send less at once`,
				"state none",
			},
		},
		{
			"an operation knows where it is", "",
			[]*dtspb.HistoryEvent{called("1", "where", "")},
			[]string{"ok <@book@Ana>", "0 signal note@log@K none", "state none"},
		},
		{
			"nothing to do", "old", nil,
			[]string{"state <old>"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got := showAnswer(entityAnswer(t, batchOf("@book@Ana", test.state, test.requests...)))
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestStartOfAnEntityCarriesItsOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer := entityAnswer(t, batchOf("@book@Ana", "", called("1", "start", "in"), called("2", "start any", "")))
		got := answer.GetActions()[1].GetStartNewOrchestration()
		want := &dtspb.StartNewOrchestrationAction{
			InstanceId: "o-7", Name: "o", Version: text("v2"), Input: text("in"), ScheduledTime: &timestamppb.Timestamp{Seconds: 9}, RequestTime: timestamppb.Now(),
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("start (-want +got):\n%s", diff)
		}
		if f := answer.GetResults()[1].GetFailure(); f != nil {
			t.Errorf("start without an id: %v", f)
		}
	})
}

func TestResultsSayForWhomAndWhen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry()
		err := r.Entity("book", func(_ *EntityContext, op string, _ []byte) ([]byte, error) {
			time.Sleep(time.Second)
			if op == "fail" {
				return nil, errors.New("no")
			}
			return nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		g := start(t, &fake{}, r)
		began := time.Now()
		g.connected().items <- batchOf("@book@Ana", "", called("1", "fail", ""), signaled("op", ""), &dtspb.HistoryEvent{
			EventType: &dtspb.HistoryEvent_EntityLockRequested{EntityLockRequested: &dtspb.EntityLockRequestedEvent{}},
		})
		answer := (<-g.answers).(*dtspb.EntityBatchResult)
		at := func(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(began.Add(d)) }
		want := &dtspb.EntityBatchResult{
			CompletionToken: "token",
			Results: []*dtspb.OperationResult{
				{ResultType: &dtspb.OperationResult_Failure{Failure: &dtspb.OperationResultFailure{
					FailureDetails: &dtspb.TaskFailureDetails{ErrorType: "errors.errorString", ErrorMessage: "no"}, StartTimeUtc: at(0), EndTimeUtc: at(time.Second),
				}}},
				{ResultType: &dtspb.OperationResult_Success{Success: &dtspb.OperationResultSuccess{StartTimeUtc: at(time.Second), EndTimeUtc: at(2 * time.Second)}}},
			},
			OperationInfos: []*dtspb.OperationInfo{
				{RequestId: "1", ResponseDestination: &dtspb.OrchestrationInstance{InstanceId: "parent", ExecutionId: text("x")}},
				{RequestId: "s"},
			},
		}
		if diff := cmp.Diff(want, answer, protocmp.Transform()); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
	})
}

func TestOldFormOfABatchIsDoneToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer := entityAnswer(t, &dtspb.WorkItem{CompletionToken: "token", Request: &dtspb.WorkItem_EntityRequest{EntityRequest: &dtspb.EntityBatchRequest{
			InstanceId: "@book@Ana", EntityState: text("old"), Operations: []*dtspb.OperationRequest{{Operation: "read", RequestId: "1"}},
		}}})
		if diff := cmp.Diff([]string{"ok <old>", "state <old>"}, showAnswer(answer)); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		if len(answer.GetOperationInfos()) > 0 {
			t.Errorf("infos are %v, want none", answer.GetOperationInfos())
		}
	})
}

func TestEntityThatIsNotRegisteredFailsEachOperation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer := entityAnswer(t, batchOf("@other@Ana", "old", called("1", "read", ""), signaled("write", "x")))
		const want = `permanently EntityTaskNotFound: entity "other" is not registered in this worker`
		if diff := cmp.Diff([]string{want, want, "state <old>"}, showAnswer(answer)); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
	})
}

func TestBatchWithAnIDThatIsNoneFailsWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer := entityAnswer(t, batchOf("book", "", called("1", "read", "")))
		if f := answer.GetFailureDetails(); f.GetErrorType() != "InvalidEntityID" || len(answer.GetResults()) > 0 {
			t.Errorf("answer is %v, want no results and an InvalidEntityID", answer)
		}
	})
}

func TestEntityIsAbandonedWhenTheDrainBudgetIsSpent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, runs := NewRegistry(), 0
		err := r.Entity("book", func(ctx *EntityContext, _ string, _ []byte) ([]byte, error) {
			runs++
			<-ctx.Context().Done()
			return nil, context.Cause(ctx.Context())
		})
		if err != nil {
			t.Fatal(err)
		}
		g := start(t, &fake{}, r, WithDrain(time.Second))
		g.connected().items <- batchOf("@book@Ana", "", called("1", "wait", ""), called("2", "wait", ""))
		synctest.Wait()
		g.stop()
		if got := <-g.abandoned; got != "token" {
			t.Errorf("abandoned %q, want token", got)
		}
		<-g.ended
		if runs != 1 || len(g.answers) > 0 {
			t.Errorf("%d operations ran and %d answers were sent, want 1 and none", runs, len(g.answers))
		}
	})
}

func TestEntitiesOfOneNameAreRegisteredOnce(t *testing.T) {
	t.Parallel()
	r := NewRegistry()
	if err := r.Entity("Cart", notebook); err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		`register entity "cart": the name is already taken`: r.Entity("cart", notebook),
		"register entity: name is empty":                    r.Entity("", notebook),
		`"a@b", contains @`:                                 r.Entity("a@b", notebook),
		`register entity "b": function is nil`:              r.Entity("b", nil),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestOrchestratorIsToldWhatItCannotAskOfEntities(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad := dts.EntityID{Name: "a@b"}
		g := start(t, &fake{}, orchestrators(t, func(ctx *Context, _ []byte) ([]byte, error) {
			lock, release := ctx.Lock(dts.EntityID{Name: "a"}, bad)
			release()
			return nil, errors.Join(
				second(ctx.CallEntity(bad, "op", nil).Await()),
				ctx.SignalEntity(bad, "op", nil, time.Time{}),
				second(lock.Await()),
			)
		}))
		g.connected().items <- turnItemOf("token", &dtspb.OrchestratorRequest{NewEvents: firstTurn("o", "")})
		answer := (<-g.answers).(*dtspb.OrchestratorResponse)
		const refused = `InvalidEntityID: the name of the entity, "a@b", contains @`
		want := strings.Join([]string{refused, refused, refused}, "\n")
		if got := answer.GetActions()[0].GetCompleteOrchestration().GetFailureDetails().GetErrorMessage(); got != want || len(answer.GetActions()) != 1 {
			t.Errorf("answer is %v, want only a failure that says\n%s", answer, want)
		}
	})
}

package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

type declined struct{ permanent bool }

func (declined) Error() string        { return "card declined" }
func (d declined) NonRetriable() bool { return d.permanent }

type BookingError struct{ cause *dts.Failure }

func (BookingError) Error() string   { return "no seat" }
func (e BookingError) Unwrap() error { return e.cause }

type inWordsError struct{ cause *dts.Failure }

func (inWordsError) Error() string   { return "in other words" }
func (e inWordsError) Unwrap() error { return e.cause }

func TestLogSaysWhatFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry()
		if err := r.Activity("a", func(context.Context, []byte) ([]byte, error) {
			return nil, errors.New("card declined by " + strings.Repeat("x", 2*maxNoted) + "\nsecond line")
		}); err != nil {
			t.Fatal(err)
		}
		var log logged
		g := start(t, &fake{}, r, log.option())
		g.connected().items <- activityItemOf("token", "a", "in")
		<-g.answers
		got := log.String()
		if !strings.Contains(got, `activity=a instance=i type=errors.errorString error="card declined by xxx`) {
			t.Errorf("the log says %q, want type and text of the failure", got)
		}
		if strings.Contains(got, "second") || len(got) > 3*maxNoted {
			t.Errorf("the log says %q, want the first line, cut", got)
		}
	})
}

func TestActivityIsAnsweredByItsToken(t *testing.T) {
	t.Parallel()
	kept := &dts.Failure{Type: "Custom", Message: "kept", NonRetriable: true, Properties: map[string]any{"n": 1.0}}
	for _, test := range []struct {
		name string
		run  Activity
		want *dtspb.ActivityResponse
	}{
		{
			"with its result", func(_ context.Context, in []byte) ([]byte, error) { return append([]byte("got "), in...), nil },
			&dtspb.ActivityResponse{Result: text("got in")},
		},
		{"without a result", nothing, &dtspb.ActivityResponse{}},
		{
			"with its error", func(context.Context, []byte) ([]byte, error) { return nil, fmt.Errorf("pay: %w", errors.New("no")) },
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{
				ErrorType: "errors.errorString", ErrorMessage: "pay: no",
				InnerFailure: &dtspb.TaskFailureDetails{ErrorType: "errors.errorString", ErrorMessage: "no"},
			}},
		},
		{
			"with a permanent error", func(context.Context, []byte) ([]byte, error) { return nil, fmt.Errorf("pay: %w", declined{true}) },
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{
				ErrorType: "worker.declined", ErrorMessage: "pay: card declined", IsNonRetriable: true,
				InnerFailure: &dtspb.TaskFailureDetails{ErrorType: "worker.declined", ErrorMessage: "card declined", IsNonRetriable: true},
			}},
		},
		{
			"with an error that could be permanent but is not", func(context.Context, []byte) ([]byte, error) { return nil, declined{false} },
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{ErrorType: "worker.declined", ErrorMessage: "card declined"}},
		},
		{
			"with a failure as it is", func(context.Context, []byte) ([]byte, error) {
				return nil, &dts.Failure{Type: "T", Message: "m", Stack: "s"}
			},
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{ErrorType: "T", ErrorMessage: "m", StackTrace: text("s")}},
		},
		{
			"with a wrapped failure inside", func(context.Context, []byte) ([]byte, error) { return nil, fmt.Errorf("pay: %w", kept) },
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{
				ErrorType: "Custom", ErrorMessage: "pay: Custom: kept", IsNonRetriable: true, InnerFailure: details(kept),
			}},
		},
		{
			"with the type of its own around a failure", func(context.Context, []byte) ([]byte, error) { return nil, BookingError{kept} },
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{
				ErrorType: "worker.BookingError", ErrorMessage: "no seat", IsNonRetriable: true, InnerFailure: details(kept),
			}},
		},
		{
			"with the type of a failure that was put into words", func(context.Context, []byte) ([]byte, error) { return nil, inWordsError{kept} },
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{
				ErrorType: "Custom", ErrorMessage: "in other words", IsNonRetriable: true, InnerFailure: details(kept),
			}},
		},
		{
			"with a failure although it is nil", func(context.Context, []byte) ([]byte, error) { var f *dts.Failure; return nil, f },
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{ErrorType: "dts.Failure", ErrorMessage: "a nil *dts.Failure was returned as error"}},
		},
		{
			"with its panic", func(context.Context, []byte) ([]byte, error) { panic("oh") },
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{ErrorType: "panic", ErrorMessage: "oh", StackTrace: text("stack")}},
		},
		{
			"after it ended its goroutine", func(context.Context, []byte) ([]byte, error) { runtime.Goexit(); return nil, nil },
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{
				ErrorType: "Goexit", ErrorMessage: "the function ended its goroutine with runtime.Goexit, as t.Fatal does; return an error instead", StackTrace: text("stack"),
			}},
		},
		{
			"if it is not registered", nil,
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{
				ErrorType: "ActivityTaskNotFound", ErrorMessage: `version "v1" of activity "a" is not registered in this worker`, IsNonRetriable: true,
			}},
		},
		{
			"if its result is too large", func(context.Context, []byte) ([]byte, error) { return make([]byte, 1<<20+1), nil },
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{
				ErrorType:    "InvalidPayload",
				ErrorMessage: `result of activity "a" has 1048577 bytes, the limit is 1048576 (1 MiB): store large data elsewhere and pass a reference`, IsNonRetriable: true,
			}},
		},
		{
			"if its result is not text", func(context.Context, []byte) ([]byte, error) { return []byte{0xff}, nil },
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{
				ErrorType:    "InvalidPayload",
				ErrorMessage: `result of activity "a" is not valid UTF-8: the protocol carries text, encode binary data first`, IsNonRetriable: true,
			}},
		},
		{
			"with an error text that was cut", func(context.Context, []byte) ([]byte, error) { return nil, errors.New(strings.Repeat("é", 1<<20)) },
			&dtspb.ActivityResponse{FailureDetails: &dtspb.TaskFailureDetails{
				ErrorType: "errors.errorString", ErrorMessage: strings.Repeat("é", 32<<10) + " … (cut)",
			}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := NewRegistry()
				if test.run != nil {
					if err := r.Activity("a", test.run); err != nil {
						t.Fatal(err)
					}
				}
				g := start(t, &fake{}, r)
				g.connected().items <- activityItemOf("token", "a", "in")
				got := (<-g.answers).(*dtspb.ActivityResponse)
				if s := got.GetFailureDetails().GetStackTrace(); strings.Contains(s.GetValue(), "item_test.go") {
					s.Value = "stack"
				}
				test.want.InstanceId, test.want.TaskId, test.want.CompletionToken = "i", 7, "token"
				if diff := cmp.Diff(test.want, got, protocmp.Transform()); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestActivityKnowsForWhomItRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, got := NewRegistry(), make(chan ActivityInfo, 1)
		err := r.Activity("a", func(ctx context.Context, _ []byte) ([]byte, error) {
			ctx, cancel := context.WithCancel(ctx) // also through derived contexts
			defer cancel()
			info, _ := ActivityInfoFrom(ctx)
			got <- info
			return nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		g := start(t, &fake{}, r)
		g.connected().items <- activityItemOf("token", "a", "")
		want := ActivityInfo{InstanceID: "i", ExecutionID: "e", Name: "a", Version: "v1", TaskID: 7, Tags: map[string]string{"k": "v"}}
		if diff := cmp.Diff(want, <-got); diff != "" {
			t.Errorf("info (-want +got):\n%s", diff)
		}
		if _, ok := ActivityInfoFrom(t.Context()); ok {
			t.Error("another context has info as well")
		}
	})
}

func TestActivitiesRunBesideEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var meet sync.WaitGroup
		meet.Add(20)
		r := NewRegistry()
		err := r.Activity("a", func(context.Context, []byte) ([]byte, error) {
			meet.Done()
			meet.Wait()
			return nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		g := start(t, &fake{}, r)
		s := g.connected()
		for i := range 20 {
			s.items <- activityItemOf(fmt.Sprint(i), "a", "")
		}
		for range 20 {
			<-g.answers
		}
	})
}

// orchestrators registers run as "o".
func orchestrators(t *testing.T, run Orchestrator) *Registry {
	t.Helper()
	r := NewRegistry()
	if err := r.Orchestrator("o", run); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTurnIsAnsweredByItsToken(t *testing.T) {
	t.Parallel()
	end := func(id int32, c *dtspb.CompleteOrchestrationAction) *dtspb.OrchestratorResponse {
		return &dtspb.OrchestratorResponse{Actions: []*dtspb.OrchestratorAction{
			{Id: id, OrchestratorActionType: &dtspb.OrchestratorAction_CompleteOrchestration{CompleteOrchestration: c}},
		}}
	}
	refused := func(id int32, kind, text string) *dtspb.OrchestratorResponse {
		return end(id, &dtspb.CompleteOrchestrationAction{
			OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED,
			FailureDetails:      &dtspb.TaskFailureDetails{ErrorType: kind, ErrorMessage: text, IsNonRetriable: true},
		})
	}
	big := make([]byte, 1<<20+1)
	const limit = "has 1048577 bytes, the limit is 1048576 (1 MiB): store large data elsewhere and pass a reference"
	version := "v2"
	for _, test := range []struct {
		name string
		run  Orchestrator
		want *dtspb.OrchestratorResponse
	}{
		{
			"with its result and status",
			func(ctx *Context, in []byte) ([]byte, error) { ctx.SetStatus([]byte("done")); return in, nil },
			func() *dtspb.OrchestratorResponse {
				r := end(0, &dtspb.CompleteOrchestrationAction{
					OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED, Result: text("in"),
				})
				r.CustomStatus = text("done")
				return r
			}(),
		},
		{
			"with its error",
			func(*Context, []byte) ([]byte, error) { return nil, declined{} },
			end(0, &dtspb.CompleteOrchestrationAction{
				OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED,
				FailureDetails:      &dtspb.TaskFailureDetails{ErrorType: "worker.declined", ErrorMessage: "card declined"},
			}),
		},
		{
			"with continue-as-new, also wrapped",
			func(ctx *Context, _ []byte) ([]byte, error) {
				return nil, fmt.Errorf("again: %w", ctx.ContinueAsNew([]byte("next"), ContinueOptions{Version: &version}))
			},
			end(0, &dtspb.CompleteOrchestrationAction{
				OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CONTINUED_AS_NEW, Result: text("next"), NewVersion: text("v2"),
			}),
		},
		{
			"with a result although continue-as-new was made but not returned",
			func(ctx *Context, in []byte) ([]byte, error) {
				_ = ctx.ContinueAsNew(nil, ContinueOptions{})
				return in, nil
			},
			end(0, &dtspb.CompleteOrchestrationAction{OrchestrationStatus: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED, Result: text("in")}),
		},
		{
			"if its result is too large", func(*Context, []byte) ([]byte, error) { return big, nil },
			refused(0, "InvalidPayload", `result of orchestrator "o" `+limit),
		},
		{
			"if an input is too large",
			func(ctx *Context, _ []byte) ([]byte, error) { return ctx.Activity("a", big, ActivityOptions{}).Await() },
			refused(1, "InvalidPayload", `input of activity "a" `+limit),
		},
		{
			"if the input of a child is too large",
			func(ctx *Context, _ []byte) ([]byte, error) {
				return ctx.Orchestration("c", big, OrchestrationOptions{}).Await()
			},
			refused(1, "InvalidPayload", `input of orchestration "c" `+limit),
		},
		{
			"if an event is too large",
			func(ctx *Context, _ []byte) ([]byte, error) { ctx.SendEvent("x", "e", big); return nil, nil },
			refused(2, "InvalidPayload", `payload of event "e" `+limit),
		},
		{
			"if the next input is too large",
			func(ctx *Context, _ []byte) ([]byte, error) { return nil, ctx.ContinueAsNew(big, ContinueOptions{}) },
			refused(1, "InvalidPayload", `input for continue-as-new `+limit),
		},
		{
			"if the status is too large",
			func(ctx *Context, _ []byte) ([]byte, error) { ctx.SetStatus(big); return nil, nil },
			refused(1, "InvalidPayload", `custom status `+limit),
		},
		{
			"if a name is not text",
			func(ctx *Context, _ []byte) ([]byte, error) {
				return ctx.Activity("\xff", nil, ActivityOptions{}).Await()
			},
			refused(1, "InvalidPayload", `name "\xff" is not valid UTF-8`),
		},
		{
			"if the id of a child is not text",
			func(ctx *Context, _ []byte) ([]byte, error) {
				return ctx.Orchestration("c", nil, OrchestrationOptions{ID: "\xff"}).Await()
			},
			refused(1, "InvalidPayload", `instance id "\xff" is not valid UTF-8`),
		},
		{
			"if the target of an event is not text",
			func(ctx *Context, _ []byte) ([]byte, error) { ctx.SendEvent("\xff", "e", nil); return nil, nil },
			refused(2, "InvalidPayload", `instance id "\xff" is not valid UTF-8`),
		},
		{
			"if a tag is not text",
			func(ctx *Context, _ []byte) ([]byte, error) {
				return ctx.Activity("a", nil, ActivityOptions{Tags: map[string]string{"customer": "Andr\xc3"}}).Await()
			},
			refused(1, "InvalidPayload", `value of tag "customer": "Andr\xc3" is not valid UTF-8`),
		},
		{
			"if a version is not text",
			func(ctx *Context, _ []byte) ([]byte, error) {
				version := "\xff"
				return nil, ctx.ContinueAsNew(nil, ContinueOptions{Version: &version})
			},
			refused(1, "InvalidPayload", `version "\xff" is not valid UTF-8`),
		},
		{
			"if tags make an action too large",
			func(ctx *Context, _ []byte) ([]byte, error) {
				return ctx.Activity("a", nil, ActivityOptions{Tags: map[string]string{"k": strings.Repeat("v", 5<<20)}}).Await()
			},
			refused(1, "AnswerTooLarge", "one action of the orchestrator has 5242907 bytes, the limit is 4089446: "+
				"pass fewer events on when continuing as new, or use smaller tags"),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := start(t, &fake{}, orchestrators(t, test.run))
				trace := &dtspb.OrchestrationTraceContext{SpanID: text("span")}
				g.connected().items <- turnItemOf("token", &dtspb.OrchestratorRequest{NewEvents: firstTurn("o", "in"), OrchestrationTraceContext: trace})
				test.want.InstanceId, test.want.CompletionToken, test.want.OrchestrationTraceContext = "i", "token", trace
				if diff := cmp.Diff(test.want, <-g.answers, protocmp.Transform()); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestTaskTellsItsOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, &fake{}, orchestrators(t, func(ctx *Context, _ []byte) ([]byte, error) {
			good, bad, event := ctx.Activity("a", nil, ActivityOptions{}), ctx.Activity("a", nil, ActivityOptions{}), ctx.Event("e")
			_, early := good.Result()
			result, err := good.Await()
			_, failure := bad.Await()
			event.Cancel()
			_, canceled := event.Await()
			f, ok := errors.AsType[*dts.Failure](failure)
			return fmt.Appendf(nil, "%v; %s %v; %v %q; %v", early, result, err, ok, f.Type, errors.Is(canceled, ErrCanceled)), nil
		}))
		past := append(firstTurn("o", ""),
			&dtspb.HistoryEvent{EventId: 0, EventType: &dtspb.HistoryEvent_TaskScheduled{TaskScheduled: &dtspb.TaskScheduledEvent{Name: "a"}}},
			&dtspb.HistoryEvent{EventId: 1, EventType: &dtspb.HistoryEvent_TaskScheduled{TaskScheduled: &dtspb.TaskScheduledEvent{Name: "a"}}},
			&dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_TaskFailed{TaskFailed: &dtspb.TaskFailedEvent{TaskScheduledId: 1, FailureDetails: &dtspb.TaskFailureDetails{ErrorType: "T"}}}})
		g.connected().items <- turnItemOf("token", &dtspb.OrchestratorRequest{PastEvents: past, NewEvents: []*dtspb.HistoryEvent{
			{EventType: &dtspb.HistoryEvent_TaskCompleted{TaskCompleted: &dtspb.TaskCompletedEvent{TaskScheduledId: 0, Result: text("r")}}},
		}})
		answer := (<-g.answers).(*dtspb.OrchestratorResponse)
		want := `task is not done: await it first; r <nil>; true "T"; true`
		if got := answer.GetActions()[0].GetCompleteOrchestration().GetResult().GetValue(); got != want {
			t.Errorf("result is %q, want %q", got, want)
		}
	})
}

func TestLongHistoryIsFetched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := firstTurn("o", "in")
		g := start(t, &fake{history: []*dtspb.HistoryChunk{{Events: first[:1]}, {}, {Events: first[1:]}}},
			orchestrators(t, func(ctx *Context, in []byte) ([]byte, error) { return ctx.Event("e").Await() }))
		g.connected().items <- turnItemOf("token", &dtspb.OrchestratorRequest{
			RequiresHistoryStreaming: true,
			NewEvents: []*dtspb.HistoryEvent{
				{EventType: &dtspb.HistoryEvent_EventRaised{EventRaised: &dtspb.EventRaisedEvent{Name: "e", Input: text("x")}}},
			},
		})
		answer := (<-g.answers).(*dtspb.OrchestratorResponse)
		if got := answer.GetActions()[0].GetCompleteOrchestration().GetResult().GetValue(); got != "x" {
			t.Errorf("result is %q, want x", got)
		}
	})
}

func TestTurnWithoutAStartIsAbandoned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, &fake{}, orchestrators(t, func(*Context, []byte) ([]byte, error) { return nil, nil }))
		g.connected().items <- turnItemOf("token", &dtspb.OrchestratorRequest{})
		if got := <-g.abandoned; got != "token" {
			t.Errorf("abandoned %q, want token", got)
		}
	})
}

func TestRewindIsAnsweredWithoutRunningAnything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, &fake{}, orchestrators(t, func(*Context, []byte) ([]byte, error) { panic("BUG: ran") }))
		g.connected().items <- turnItemOf("token", &dtspb.OrchestratorRequest{
			PastEvents: append(firstTurn("o", ""), &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_ExecutionCompleted{}}),
			NewEvents:  []*dtspb.HistoryEvent{firstTurn("", "")[0], {EventType: &dtspb.HistoryEvent_ExecutionRewound{ExecutionRewound: &dtspb.ExecutionRewoundEvent{}}}},
		})
		answer := (<-g.answers).(*dtspb.OrchestratorResponse)
		history := answer.GetActions()[0].GetRewindOrchestration().GetNewHistory()
		if len(history) != 4 {
			t.Fatalf("new history has %d events, want 4", len(history))
		}
		if id := history[1].GetExecutionStarted().GetOrchestrationInstance().GetExecutionId().GetValue(); len(id) != 32 {
			t.Errorf("new execution id is %q, want 32 digits", id)
		}
	})
}

// The mistake every Go author makes once: goroutines and a WaitGroup. Here the
// orchestrator even hangs, since nobody calls Done.
func TestOrchestratorThatHangsOnForeignGoroutinesFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := start(t, &fake{}, orchestrators(t, func(ctx *Context, _ []byte) ([]byte, error) {
			go func() {
				_, _ = ctx.Activity("a", nil, ActivityOptions{}).Await()
			}()
			<-release
			return nil, nil
		}))
		g.connected().items <- turnItemOf("token", &dtspb.OrchestratorRequest{NewEvents: firstTurn("o", "")})
		answer := (<-g.answers).(*dtspb.OrchestratorResponse)
		f := answer.GetActions()[0].GetCompleteOrchestration().GetFailureDetails()
		if f.GetErrorType() != "ForeignGoroutine" || !strings.Contains(f.GetErrorMessage(), "use Context.Go") {
			t.Errorf("got failure %v, want a ForeignGoroutine with the way out", f)
		}
		close(release)
		synctest.Wait()
		select {
		case again := <-g.answers:
			t.Errorf("item was answered again with %v", again)
		default:
		}
	})
}

func TestRegistryRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	r := NewRegistry()
	run := func(*Context, []byte) ([]byte, error) { return nil, nil }
	for _, err := range []error{r.Activity("n", nothing), r.Orchestrator("n", run)} {
		if err != nil {
			t.Errorf("first registration: %v", err)
		}
	}
	for want, err := range map[string]error{
		`register activity "n": the name is already taken`:     r.Activity("n", nothing),
		`register orchestrator "n": the name is already taken`: r.Orchestrator("n", run),
		`register activity: name is empty`:                     r.Activity("", nothing),
		`register orchestrator: name is empty`:                 r.Orchestrator("", run),
		`register activity "x": function is nil`:               r.Activity("x", nil),
		`register orchestrator "x": function is nil`:           r.Orchestrator("x", nil),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}

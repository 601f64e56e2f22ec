package replay

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// The clock of the histories below: turn n begins n minutes after epoch.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)

func at(minute int) *timestamppb.Timestamp {
	return timestamppb.New(epoch.Add(time.Duration(minute) * time.Minute))
}

type history []*dtspb.HistoryEvent

// turn is the event that begins turn n.
func turn(n int) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, Timestamp: at(n), EventType: &dtspb.HistoryEvent_OrchestratorStarted{OrchestratorStarted: &dtspb.OrchestratorStartedEvent{}}}
}

func begun(input string) *dtspb.HistoryEvent { return begunAs("main", input) }

func begunAs(name, input string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_ExecutionStarted{ExecutionStarted: &dtspb.ExecutionStartedEvent{
		Name: name, Input: text(input), Version: text("v1"),
		OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: "i", ExecutionId: wrapperspb.String("e")},
	}}}
}

func taskScheduled(id int32, name string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_TaskScheduled{TaskScheduled: &dtspb.TaskScheduledEvent{Name: name}}}
}

func taskCompleted(id int32, result string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_TaskCompleted{TaskCompleted: &dtspb.TaskCompletedEvent{TaskScheduledId: id, Result: text(result)}}}
}

func taskFailed(id int32, message string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_TaskFailed{TaskFailed: &dtspb.TaskFailedEvent{
		TaskScheduledId: id, FailureDetails: &dtspb.TaskFailureDetails{ErrorType: "T", ErrorMessage: message},
	}}}
}

func childCreated(id int32, name string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_SubOrchestrationInstanceCreated{SubOrchestrationInstanceCreated: &dtspb.SubOrchestrationInstanceCreatedEvent{Name: name}}}
}

func childCompleted(id int32, result string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_SubOrchestrationInstanceCompleted{SubOrchestrationInstanceCompleted: &dtspb.SubOrchestrationInstanceCompletedEvent{TaskScheduledId: id, Result: text(result)}}}
}

func childFailed(id int32, message string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_SubOrchestrationInstanceFailed{SubOrchestrationInstanceFailed: &dtspb.SubOrchestrationInstanceFailedEvent{
		TaskScheduledId: id, FailureDetails: &dtspb.TaskFailureDetails{ErrorType: "T", ErrorMessage: message},
	}}}
}

func timerCreated(id int32) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_TimerCreated{TimerCreated: &dtspb.TimerCreatedEvent{}}}
}

func timerFired(id int32) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_TimerFired{TimerFired: &dtspb.TimerFiredEvent{TimerId: id}}}
}

func eventSent(id int32, name string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_EventSent{EventSent: &dtspb.EventSentEvent{Name: name}}}
}

func raised(name, input string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_EventRaised{EventRaised: &dtspb.EventRaisedEvent{Name: name, Input: text(input)}}}
}

func suspended() *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_ExecutionSuspended{ExecutionSuspended: &dtspb.ExecutionSuspendedEvent{}}}
}

func resumed() *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_ExecutionResumed{ExecutionResumed: &dtspb.ExecutionResumedEvent{}}}
}

func terminated(output string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_ExecutionTerminated{ExecutionTerminated: &dtspb.ExecutionTerminatedEvent{Input: text(output)}}}
}

func executionCompleted(id int32) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: id, EventType: &dtspb.HistoryEvent_ExecutionCompleted{ExecutionCompleted: &dtspb.ExecutionCompletedEvent{}}}
}

func rewound(parentExecution string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_ExecutionRewound{ExecutionRewound: &dtspb.ExecutionRewoundEvent{ParentExecutionId: text(parentExecution)}}}
}

// text is a payload; an empty string here means there is none.
func text(s string) *wrapperspb.StringValue {
	if s == "" {
		return nil
	}
	return wrapperspb.String(s)
}

// show writes actions the way the tables below do.
func show(actions []*dtspb.OrchestratorAction) []string {
	var lines []string
	for _, a := range actions {
		var s string
		switch k := a.GetOrchestratorActionType().(type) {
		case *dtspb.OrchestratorAction_ScheduleTask:
			s = join("activity", k.ScheduleTask.GetName(), k.ScheduleTask.GetInput(), k.ScheduleTask.GetVersion())
		case *dtspb.OrchestratorAction_CreateTimer:
			s = fmt.Sprintf("timer %s", k.CreateTimer.GetFireAt().AsTime().Sub(epoch))
		case *dtspb.OrchestratorAction_CreateSubOrchestration:
			s = join("child", k.CreateSubOrchestration.GetName()+"/"+k.CreateSubOrchestration.GetInstanceId(), k.CreateSubOrchestration.GetInput(), k.CreateSubOrchestration.GetVersion())
		case *dtspb.OrchestratorAction_SendEvent:
			s = join("send", k.SendEvent.GetName()+"/"+k.SendEvent.GetInstance().GetInstanceId(), k.SendEvent.GetData(), nil)
		case *dtspb.OrchestratorAction_SendEntityMessage:
			s = showEntity(k.SendEntityMessage)
		case *dtspb.OrchestratorAction_CompleteOrchestration:
			c := k.CompleteOrchestration
			status := strings.TrimPrefix(c.GetOrchestrationStatus().String(), "ORCHESTRATION_STATUS_")
			s = join("end", status, c.GetResult(), c.GetNewVersion())
			if f := c.GetFailureDetails(); f != nil {
				s += fmt.Sprintf(" (%s: %s)", f.GetErrorType(), f.GetErrorMessage())
			}
			for _, e := range c.GetCarryoverEvents() {
				s += fmt.Sprintf(" +%s=%s", e.GetEventRaised().GetName(), e.GetEventRaised().GetInput().GetValue())
			}
		default:
			s = fmt.Sprintf("%T", k)
		}
		lines = append(lines, fmt.Sprintf("%d %s", a.GetId(), s))
	}
	return lines
}

func join(kind, name string, input, version *wrapperspb.StringValue) string {
	s := kind + " " + name
	if input != nil {
		s += " <" + input.GetValue() + ">"
	}
	if version != nil {
		s += " @" + version.GetValue()
	}
	return s
}

// nobody owns the turns of tests; what it is told it keeps.
type nobody struct{ failure *dtspb.TaskFailureDetails }

func (n *nobody) Trespassed(f *dtspb.TaskFailureDetails) { n.failure = f }

// only finds fn under the name main.
func only(fn Func) *Config {
	return &Config{Logger: slog.New(slog.DiscardHandler), Find: func(name, _ string) Func {
		if name == "main" {
			return fn
		}
		return nil
	}}
}

// cold runs one turn from nothing and returns its actions.
func cold(t testing.TB, fn Func, past, events history) []string {
	t.Helper()
	actions, _ := coldTurn(fn, past, events)
	return show(actions)
}

func coldTurn(fn Func, past, events history) ([]*dtspb.OrchestratorAction, string) {
	x := New(only(fn), &nobody{}, "i", "e")
	defer x.Close()
	x.Apply(past, true)
	x.Apply(events, false)
	return x.Actions(), x.CustomStatus().GetValue()
}

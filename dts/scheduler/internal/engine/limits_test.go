package engine

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

var (
	longName  = strings.Repeat("x", MaxName+1)
	manyTags  = map[string]string{"tag": strings.Repeat("x", MaxTags)}
	longTrace = &dtspb.TraceContext{TraceParent: strings.Repeat("x", MaxTrace+1)}
)

func actEntity(m *dtspb.SendEntityMessageAction) *dtspb.OrchestratorAction {
	return &dtspb.OrchestratorAction{OrchestratorActionType: &dtspb.OrchestratorAction_SendEntityMessage{SendEntityMessage: m}}
}

func signalOf(s *dtspb.EntityOperationSignaledEvent) *dtspb.OrchestratorAction {
	s.TargetInstanceId = text1("@e@a")
	return actEntity(&dtspb.SendEntityMessageAction{EntityMessageType: &dtspb.SendEntityMessageAction_EntityOperationSignaled{EntityOperationSignaled: s}})
}

func callOf(c *dtspb.EntityOperationCalledEvent) *dtspb.OrchestratorAction {
	c.TargetInstanceId = text1("@e@a")
	return actEntity(&dtspb.SendEntityMessageAction{EntityMessageType: &dtspb.SendEntityMessageAction_EntityOperationCalled{EntityOperationCalled: c}})
}

// TestActionsHaveLimitsInAllTheirFields: a name or tag of some MiB made work that
// no worker could receive, and that took others down with it.
func TestActionsHaveLimitsInAllTheirFields(t *testing.T) {
	t.Parallel()
	task := func(a *dtspb.ScheduleTaskAction) *dtspb.OrchestratorAction {
		return &dtspb.OrchestratorAction{OrchestratorActionType: &dtspb.OrchestratorAction_ScheduleTask{ScheduleTask: a}}
	}
	child := func(a *dtspb.CreateSubOrchestrationAction) *dtspb.OrchestratorAction {
		return &dtspb.OrchestratorAction{OrchestratorActionType: &dtspb.OrchestratorAction_CreateSubOrchestration{CreateSubOrchestration: a}}
	}
	next := func(a *dtspb.CompleteOrchestrationAction) *dtspb.OrchestratorAction {
		a.OrchestrationStatus = continued
		return &dtspb.OrchestratorAction{OrchestratorActionType: &dtspb.OrchestratorAction_CompleteOrchestration{CompleteOrchestration: a}}
	}
	raised := &dtspb.HistoryEvent{EventType: &dtspb.HistoryEvent_EventRaised{EventRaised: &dtspb.EventRaisedEvent{Name: longName}}}
	for name, a := range map[string]*dtspb.OrchestratorAction{
		"name of an activity":      task(&dtspb.ScheduleTaskAction{Name: longName}),
		"version of an activity":   task(&dtspb.ScheduleTaskAction{Name: "a", Version: text1(longName)}),
		"tags of an activity":      task(&dtspb.ScheduleTaskAction{Name: "a", Tags: manyTags}),
		"trace of an activity":     task(&dtspb.ScheduleTaskAction{Name: "a", ParentTraceContext: longTrace}),
		"name of a child":          child(&dtspb.CreateSubOrchestrationAction{Name: longName}),
		"version of a child":       child(&dtspb.CreateSubOrchestrationAction{Name: "a", Version: text1(longName)}),
		"id of a child":            child(&dtspb.CreateSubOrchestrationAction{Name: "a", InstanceId: longName}),
		"tags of a child":          child(&dtspb.CreateSubOrchestrationAction{Name: "a", Tags: manyTags}),
		"tags with those above":    child(&dtspb.CreateSubOrchestrationAction{Name: "a", Tags: map[string]string{"b": strings.Repeat("x", MaxTags-10)}}),
		"trace of a child":         child(&dtspb.CreateSubOrchestrationAction{Name: "a", ParentTraceContext: longTrace}),
		"name of an event":         actSend(0, "b", longName),
		"target of an event":       actSend(0, longName, "e"),
		"version of the next":      next(&dtspb.CompleteOrchestrationAction{NewVersion: text1(longName)}),
		"event that is taken over": next(&dtspb.CompleteOrchestrationAction{CarryoverEvents: []*dtspb.HistoryEvent{raised}}),
		"name of a signal":         signalOf(&dtspb.EntityOperationSignaledEvent{Operation: longName}),
		"id of a signal":           signalOf(&dtspb.EntityOperationSignaledEvent{RequestId: longName}),
		"name of a call":           callOf(&dtspb.EntityOperationCalledEvent{Operation: longName}),
		"id of a call":             callOf(&dtspb.EntityOperationCalledEvent{RequestId: longName}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.do(Start{Request: &dtspb.CreateInstanceRequest{InstanceId: "a", Name: "orc", Tags: map[string]string{"a": "0123456789"}}})
			w.turn("a", a)
			w.wantStatus("a", failed)
			if f := w.live["a"].Record.GetFailure(); f.GetErrorType() != PayloadTooLarge || !f.GetIsNonRetriable() || len(f.GetErrorMessage()) > 200 {
				t.Errorf("got %v", f)
			}
		})
	}
}

func TestActionsOfEntitiesHaveLimitsInAllTheirFields(t *testing.T) {
	t.Parallel()
	signal := func(a *dtspb.SendSignalAction) *dtspb.OperationAction {
		a.InstanceId = "@e@b"
		return &dtspb.OperationAction{OperationActionType: &dtspb.OperationAction_SendSignal{SendSignal: a}}
	}
	start := func(a *dtspb.StartNewOrchestrationAction) *dtspb.OperationAction {
		a.InstanceId = "a"
		return &dtspb.OperationAction{OperationActionType: &dtspb.OperationAction_StartNewOrchestration{StartNewOrchestration: a}}
	}
	for name, tc := range map[string]struct {
		action *dtspb.OperationAction
		want   string
	}{
		"name of a signal":   {signal(&dtspb.SendSignalAction{Name: longName}), PayloadTooLarge},
		"name of a start":    {start(&dtspb.StartNewOrchestrationAction{Name: longName}), PayloadTooLarge},
		"version of a start": {start(&dtspb.StartNewOrchestrationAction{Name: "a", Version: text1(longName)}), PayloadTooLarge},
		"trace of a start":   {start(&dtspb.StartNewOrchestrationAction{Name: "a", ParentTraceContext: longTrace}), PayloadTooLarge},
		"start at no time":   {start(&dtspb.StartNewOrchestrationAction{Name: "a", ScheduledTime: &timestamppb.Timestamp{Nanos: -5}}), UnsupportedAction},
		"start beyond time":  {start(&dtspb.StartNewOrchestrationAction{Name: "a", ScheduledTime: &timestamppb.Timestamp{Seconds: 1 << 62}}), UnsupportedAction},
		"signal at no time":  {signal(&dtspb.SendSignalAction{Name: "a", ScheduledTime: &timestamppb.Timestamp{Nanos: -5}}), UnsupportedAction},
		"an ordinary one":    {start(&dtspb.StartNewOrchestrationAction{Name: "a", ScheduledTime: timestamppb.Now()}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newWorld(t).state().checkBatch(&dtspb.EntityBatchResult{Actions: []*dtspb.OperationAction{tc.action}})
			if f.GetErrorType() != tc.want {
				t.Errorf("got %v, want %q", f, tc.want)
			}
		})
	}
}

package cli

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts"
)

// maxDetail is how much of a payload stands in a line of a history.
const maxDetail = 60

func historyCommand(s surroundings) *cobra.Command {
	return s.onHub(&cobra.Command{
		Use:     "history ID",
		Short:   "Shows what an orchestration has done, step by step.",
		Example: "  funchost history order-7",
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, h hub, args []string) error {
		var events []dts.HistoryEvent
		for e, err := range h.History(ctx, args[0]) {
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		if h.json {
			return h.printJSON(viewHistory(args[0], events))
		}
		return h.printHistory(events)
	})
}

func (h hub) printHistory(events []dts.HistoryEvent) error {
	t := newTable(h.out)
	t.row("TIME", "EVENT", "OF", "DETAIL")
	names := make(map[int]string) // what was scheduled under a number
	for _, e := range events {
		name := e.Name
		switch {
		case answersTask[e.Kind]:
			name = names[e.TaskID]
		case e.EventID >= 0:
			names[e.EventID] = e.Name
		}
		t.row(e.Timestamp.UTC().Format("2006-01-02 15:04:05.000Z"), e.Kind, name, detail(e))
	}
	return t.print()
}

// answersTask are the kinds of entries whose TaskID counts.
var answersTask = map[string]bool{
	"TaskCompleted": true, "TaskFailed": true, "TimerFired": true,
	"SubOrchestrationInstanceCompleted": true, "SubOrchestrationInstanceFailed": true,
}

// detail is what matters most of an entry.
func detail(e dts.HistoryEvent) string {
	switch {
	case e.Failure != nil:
		return cut(e.Failure.Error(), 2*maxDetail)
	case e.Kind == "ExecutionCompleted" && e.Result == nil:
		return e.Status.String()
	case e.Kind == "ExecutionCompleted":
		return e.Status.String() + " " + cut(string(e.Result), maxDetail)
	case e.Result != nil:
		return cut(string(e.Result), maxDetail)
	case e.Input != nil:
		return cut(string(e.Input), maxDetail)
	case e.Kind == "TimerCreated":
		return "due " + moment(e.FireAt)
	default:
		return cut(e.Reason, 2*maxDetail)
	}
}

// historyView is a history in JSON.
type historyView struct {
	ID     string      `json:"id"`
	Events []eventView `json:"events"`
}

// eventView is an entry of a history in JSON. Fields that its kind does not have
// are left out.
type eventView struct {
	EventID    int             `json:"eventId"`
	Timestamp  time.Time       `json:"timestamp"`
	Kind       string          `json:"kind"`
	Name       string          `json:"name,omitempty"`
	Version    string          `json:"version,omitempty"`
	TaskID     json.Number     `json:"taskId,omitempty"`
	InstanceID string          `json:"instanceId,omitempty"`
	RequestID  string          `json:"requestId,omitempty"`
	Input      json.RawMessage `json:"input,omitempty"`
	Result     json.RawMessage `json:"result,omitempty"`
	Failure    *failureView    `json:"failure,omitempty"`
	FireAt     time.Time       `json:"fireAt,omitzero"`
	Status     string          `json:"status,omitempty"`
	Reason     string          `json:"reason,omitempty"`
}

func viewHistory(id string, events []dts.HistoryEvent) historyView {
	view := historyView{ID: id, Events: make([]eventView, 0, len(events))}
	for _, e := range events {
		v := eventView{
			EventID: e.EventID, Timestamp: e.Timestamp, Kind: e.Kind, Name: e.Name, Version: e.Version,
			InstanceID: e.InstanceID, RequestID: e.RequestID,
			Input: asJSON(e.Input), Result: asJSON(e.Result), Failure: viewFailure(e.Failure),
			FireAt: e.FireAt, Reason: e.Reason,
		}
		if answersTask[e.Kind] { // 0 is a number like any other there
			v.TaskID = json.Number(strconv.Itoa(e.TaskID))
		}
		if e.Status != 0 {
			v.Status = e.Status.String()
		}
		view.Events = append(view.Events, v)
	}
	return view
}

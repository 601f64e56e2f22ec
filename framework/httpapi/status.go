package httpapi

import (
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/funchost/funchost/dts"
)

// timeLayout has seconds, as Azure's answers have.
const timeLayout = "2006-01-02T15:04:05Z"

// status is an instance as the API shows it. Field names and order are Azure's.
type status struct {
	Name         string          `json:"name"`
	ID           string          `json:"instanceId"`
	Status       string          `json:"runtimeStatus"`
	Input        json.RawMessage `json:"input"`
	CustomStatus json.RawMessage `json:"customStatus"`
	Output       json.RawMessage `json:"output"`
	Created      string          `json:"createdTime"`
	Updated      string          `json:"lastUpdatedTime"`
	History      []historyEntry  `json:"historyEvents,omitzero"` // nil when not asked for
}

func statusOf(in *dts.Instance, withInput bool) status {
	s := status{
		Name:         in.Name,
		ID:           in.ID,
		Status:       in.Status.String(),
		CustomStatus: value(in.CustomStatus),
		Output:       value(in.Output),
		Created:      in.Created.UTC().Format(timeLayout),
		Updated:      in.Updated.UTC().Format(timeLayout),
	}
	if withInput {
		s.Input = value(in.Input)
	}
	if in.Failure != nil && in.Output == nil {
		s.Output = text(in.Failure.Error())
	}
	return s
}

// value shows a payload: as it is when it is JSON, else as a string, since
// workers in other languages may encode as they like.
func value(payload []byte) json.RawMessage {
	if payload == nil || json.Valid(payload) {
		return payload
	}
	return text(string(payload))
}

func text(s string) json.RawMessage {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("BUG: encode string: %v", err))
	}
	return quoted
}

// historyEntry is one row of the history, in Azure's spelling.
type historyEntry struct {
	EventType           string          `json:"EventType"`
	Timestamp           string          `json:"Timestamp"`
	FunctionName        string          `json:"FunctionName,omitempty"`
	Name                string          `json:"Name,omitempty"`
	ScheduledTime       string          `json:"ScheduledTime,omitempty"`
	Result              json.RawMessage `json:"Result,omitempty"`
	Reason              string          `json:"Reason,omitempty"`
	Details             string          `json:"Details,omitempty"`
	FireAt              string          `json:"FireAt,omitempty"`
	OrchestrationStatus string          `json:"OrchestrationStatus,omitempty"`

	merged bool // its answer tells it all
}

// history renders events the way Azure does: what was scheduled and has an
// answer becomes part of that answer, and turns are left out.
func history(events iter.Seq2[dts.HistoryEvent, error], withResults bool) ([]historyEntry, error) {
	var (
		rows      []historyEntry
		scheduled = make(map[int]int) // event id to row
	)
	for e, err := range events {
		if err != nil {
			return nil, err
		}
		row := historyEntry{
			EventType: e.Kind,
			Timestamp: e.Timestamp.UTC().Format(time.RFC3339Nano),
			Reason:    e.Reason,
		}
		if withResults {
			row.Result = value(e.Result)
		}
		if e.Failure != nil {
			row.Reason, row.Details = e.Failure.Error(), e.Failure.Stack
		}
		if !e.FireAt.IsZero() {
			row.FireAt = e.FireAt.UTC().Format(time.RFC3339Nano)
		}
		switch e.Kind {
		case "OrchestratorStarted", "OrchestratorCompleted":
			continue
		case "ExecutionStarted":
			row.FunctionName = e.Name
		case "ExecutionCompleted":
			row.OrchestrationStatus = e.Status.String()
		case "TaskScheduled", "SubOrchestrationInstanceCreated":
			row.FunctionName = e.Name
			scheduled[e.EventID] = len(rows)
		case "TimerCreated":
			scheduled[e.EventID] = len(rows)
		case "TaskCompleted", "TaskFailed", "SubOrchestrationInstanceCompleted", "SubOrchestrationInstanceFailed", "TimerFired":
			if i, ok := scheduled[e.TaskID]; ok {
				row.FunctionName, row.ScheduledTime = rows[i].FunctionName, rows[i].Timestamp
				rows[i].merged = true
			}
		default:
			row.Name = e.Name
		}
		rows = append(rows, row)
	}
	kept := make([]historyEntry, 0, len(rows))
	for _, row := range rows {
		if !row.merged {
			kept = append(kept, row)
		}
	}
	return kept, nil
}

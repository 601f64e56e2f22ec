package dts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// History is the history of one execution of an instance as it is kept in files:
// `funchost history --output json` prints it. What package json makes of it comes back
// the same, except for the blanks and escapes in payloads.
type History struct {
	ID     string         `json:"id"`
	Events []HistoryEvent `json:"events"`
}

// historyEventJSON is an entry of a history in JSON. Fields that its kind does not
// have are left out.
type historyEventJSON struct {
	EventID     int               `json:"eventId"`
	Timestamp   time.Time         `json:"timestamp"`
	Kind        string            `json:"kind"`
	Name        string            `json:"name,omitempty"`
	Version     string            `json:"version,omitempty"`
	TaskID      json.Number       `json:"taskId,omitempty"`
	InstanceID  string            `json:"instanceId,omitempty"`
	ExecutionID string            `json:"executionId,omitempty"`
	ParentID    string            `json:"parentId,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	RequestID   string            `json:"requestId,omitempty"`
	Input       json.RawMessage   `json:"input,omitempty"`
	Result      json.RawMessage   `json:"result,omitempty"`
	// Text says that input and result are no JSON, but the text in the string.
	Text    bool      `json:"text,omitempty"`
	Failure *Failure  `json:"failure,omitempty"`
	FireAt  time.Time `json:"fireAt,omitzero"`
	Status  string    `json:"status,omitempty"`
	Reason  string    `json:"reason,omitempty"`
}

// AnswersTask reports whether the entry is the outcome of what an earlier one has
// scheduled. Its TaskID counts then, also when it is 0.
func (e HistoryEvent) AnswersTask() bool {
	switch e.Kind {
	case "TaskCompleted", "TaskFailed", "TimerFired", "SubOrchestrationInstanceCompleted", "SubOrchestrationInstanceFailed":
		return true
	default:
		return false
	}
}

// MarshalJSON writes payloads as the JSON that they are, or as a string if they are
// none.
func (e HistoryEvent) MarshalJSON() ([]byte, error) {
	j := historyEventJSON{
		EventID: e.EventID, Timestamp: e.Timestamp, Kind: e.Kind, Name: e.Name, Version: e.Version,
		InstanceID: e.InstanceID, ExecutionID: e.ExecutionID, ParentID: e.ParentID, Tags: e.Tags, RequestID: e.RequestID,
		Input: e.Input, Result: e.Result, Failure: e.Failure, FireAt: e.FireAt, Reason: e.Reason,
	}
	if e.AnswersTask() {
		j.TaskID = json.Number(strconv.Itoa(e.TaskID))
	}
	if e.Status != 0 {
		j.Status = e.Status.String()
	}
	// An entry has one payload at most.
	for _, payload := range []*json.RawMessage{&j.Input, &j.Result} {
		if *payload != nil && !json.Valid(*payload) {
			text, err := marshal(string(*payload))
			if err != nil {
				return nil, err
			}
			*payload, j.Text = text, true
		}
	}
	return marshal(j)
}

// marshal is json.Marshal without the escapes for HTML pages.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// UnmarshalJSON reads what MarshalJSON has written.
func (e *HistoryEvent) UnmarshalJSON(data []byte) error {
	var j historyEventJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*e = HistoryEvent{
		EventID: j.EventID, Timestamp: j.Timestamp, Kind: j.Kind, Name: j.Name, Version: j.Version,
		InstanceID: j.InstanceID, ExecutionID: j.ExecutionID, ParentID: j.ParentID, Tags: j.Tags, RequestID: j.RequestID,
		Failure: j.Failure, FireAt: j.FireAt, Reason: j.Reason,
	}
	var err error
	if j.TaskID != "" {
		if e.TaskID, err = strconv.Atoi(j.TaskID.String()); err != nil {
			return fmt.Errorf("taskId: %w", err)
		}
	}
	if j.Status != "" {
		if e.Status, err = ParseStatus(j.Status); err != nil {
			return err
		}
	}
	if e.Input, err = readPayload(j.Input, j.Text); err == nil {
		e.Result, err = readPayload(j.Result, j.Text)
	}
	return err
}

// readPayload undoes what a pretty printer has done to a payload, or takes the text
// out of the string.
func readPayload(data json.RawMessage, isText bool) ([]byte, error) {
	if data == nil {
		return nil, nil
	}
	if isText {
		var text string
		err := json.Unmarshal(data, &text)
		return []byte(text), err
	}
	var b bytes.Buffer
	err := json.Compact(&b, data)
	return b.Bytes(), err
}

package dts_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
)

func TestHistoryComesBackFromJSON(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 17, 5, 34, 123456789, time.UTC)
	want := dts.History{ID: "o-7", Events: []dts.HistoryEvent{
		{EventID: -1, Timestamp: at, Kind: "OrchestratorStarted"},
		{
			EventID: -1, Timestamp: at, Kind: "ExecutionStarted", Name: "n", Version: "2", Input: []byte(`{"a":[1,"<&>"]}`),
			InstanceID: "o-7", ExecutionID: "e-1", ParentID: "o-1", Tags: map[string]string{"k": "v"}, FireAt: at,
		},
		{EventID: 0, Timestamp: at, Kind: "TaskScheduled", Name: "a", Input: []byte(`"text in JSON"`)},
		{EventID: -1, Timestamp: at, Kind: "TaskCompleted", TaskID: 0, Result: []byte("no JSON")},
		{EventID: 1, Timestamp: at, Kind: "TaskScheduled", Name: "a", Input: []byte{}},
		{EventID: -1, Timestamp: at, Kind: "TaskFailed", TaskID: 1, Failure: &dts.Failure{
			Type: "t", Message: "m", Stack: "s", NonRetriable: true, Properties: map[string]any{"p": 1.5}, Inner: &dts.Failure{Message: "i"},
		}},
		{EventID: 2, Timestamp: at, Kind: "EntityOperationCalled", Name: "add", InstanceID: "@cart@a", RequestID: "r", Input: []byte("null")},
		{EventID: -1, Timestamp: at, Kind: "ExecutionSuspended", Reason: "hold"},
		{EventID: 3, Timestamp: at, Kind: "ExecutionCompleted", Status: dts.StatusFailed, Result: []byte("12345678901234567890")},
	}}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(want); err != nil {
		t.Fatal(err)
	}
	var got dts.History
	if err := json.Unmarshal([]byte(text.String()), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after %s (-want +got):\n%s", text.String(), diff)
	}
	for _, line := range []string{`"taskId": 0,`, `"text": true`, `"status": "Failed"`} {
		if !strings.Contains(text.String(), line) {
			t.Errorf("%s is not in %s", line, text.String())
		}
	}
}

func TestHistoryThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"events":[{"kind":7}]}`, `{"events":[{"taskId":"x"}]}`, `{"events":[{"taskId":1.5}]}`,
		`{"events":[{"status":"Asleep"}]}`, `{"events":[{"text":true,"input":{}}]}`,
	} {
		var h dts.History
		if err := json.Unmarshal([]byte(text), &h); err == nil {
			t.Errorf("%s was read as %+v", text, h)
		}
	}
}

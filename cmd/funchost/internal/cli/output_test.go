package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/funchost/funchost/cmd/funchost/internal/devloop"
	"github.com/funchost/funchost/dts"
)

func TestTextOfAHubDoesNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"São Paulo \"7\"":        "São Paulo \"7\"",
		"a\nb\tc\x00":            `a\nb\tc\x00`,
		"\x1b]0;title\a\x9b":     `\x1b]0;title\a` + "\ufffd",
		"left\u202eright\u200b!": `left\u202eright\u200b!`,
	} {
		if got := plain(text); got != want {
			t.Errorf("plain(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestWorkerWithoutAListenerHasNoStatusAddress(t *testing.T) {
	t.Parallel()
	program, err := devloop.Find(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	for listen, want := range map[string]bool{"": false, "127.0.0.1:7071": true} {
		var out bytes.Buffer
		view := runView{console: console{out: &out}, program: program}
		view.show(devloop.Event{Kind: devloop.Ready, Report: devloop.Report{Listen: listen, Admin: "127.0.0.1:7072"}})
		if got := strings.Contains(out.String(), "status "); got != want {
			t.Errorf("listening at %q it prints %s; a status address: %t, want %t", listen, out.String(), got, want)
		}
	}
}

func TestPayloadThatIsNoJSONBecomesAString(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{`{"a":1}`: `{"a":1}`, "": `""`, "a<b": `"a\u003cb"`, "\xff": `"` + `\ufffd` + `"`} {
		if got := string(asJSON([]byte(payload))); got != want {
			t.Errorf("asJSON(%q) = %s, want %s", payload, got, want)
		}
	}
	if got := asJSON(nil); got != nil {
		t.Errorf("asJSON(nil) = %q, want nil", got)
	}
}

func TestLongTextIsCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	if got := cut("été", 3); got != "été" {
		t.Errorf("got %q, want all of it", got)
	}
	if got := cut("étés", 3); got != "été…" {
		t.Errorf("got %q, want three characters", got)
	}
}

func TestDetailIsWhatMattersOfAnEntry(t *testing.T) {
	t.Parallel()
	due := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	for want, e := range map[string]dts.HistoryEvent{
		"Timeout: too late":        {Kind: "TaskFailed", Failure: &dts.Failure{Type: "Timeout", Message: "too late"}},
		"due 2026-11-23 03:00:00Z": {Kind: "TimerCreated", FireAt: due},
		"Terminated":               {Kind: "ExecutionCompleted", Status: dts.StatusTerminated},
		"Completed 7":              {Kind: "ExecutionCompleted", Status: dts.StatusCompleted, Result: []byte("7")},
		"stocktaking":              {Kind: "ExecutionSuspended", Reason: "stocktaking"},
		`"approved"`:               {Kind: "EventRaised", Input: []byte(`"approved"`)},
		"":                         {Kind: "OrchestratorStarted"},
	} {
		if got := detail(e); got != want {
			t.Errorf("detail of %s = %q, want %q", e.Kind, got, want)
		}
	}
}

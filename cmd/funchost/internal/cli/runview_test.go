package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/cmd/funchost/internal/devloop"
)

func TestLineToTryIsOneThatWorks(t *testing.T) {
	t.Parallel()
	const events = "application/cloudevents+json"
	event := devloop.Route{Method: "POST", Pattern: "/events", Orchestrator: "prepare", MediaType: events, Sample: json.RawMessage(`{"id":"it's"}`)}
	unknown := devloop.Route{Method: "POST", Pattern: "/unknown", Orchestrator: "prepare", MediaType: events}
	order := devloop.Route{Method: "POST", Pattern: "/orders", Orchestrator: "process", Sample: json.RawMessage(`[1]`)}
	wild := devloop.Route{Method: "POST", Pattern: "/orders/{id}", Orchestrator: "process"}
	status := devloop.Route{Method: "GET", Pattern: "/status"}
	for _, tc := range []struct {
		name   string
		routes []devloop.Route
		want   string
	}{
		{"an event", []devloop.Route{event}, `curl -i -X POST http://h/events -H 'Content-Type: application/cloudevents+json' -d '{"id":"it'\''s"}'`},
		{"an event that nobody can make up", []devloop.Route{unknown}, ""},
		{"not that event", []devloop.Route{unknown, order}, `curl -i -X POST http://h/orders -H 'Content-Type: application/json' -d '[1]'`},
		{"rather what starts something", []devloop.Route{status, order}, `curl -i -X POST http://h/orders -H 'Content-Type: application/json' -d '[1]'`},
		{"without wildcards", []devloop.Route{wild, status}, `curl -i -X GET http://h/status`},
		{"nothing", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := tryLine("http://h", tc.routes); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestSchedulesAreShownWithTheirNextDueTimes(t *testing.T) {
	t.Parallel()
	program, err := devloop.Find(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	view := runView{console: console{out: &out}, program: program}
	due := time.Date(2026, 11, 23, 6, 0, 0, 0, time.FixedZone("", 3600))
	report := devloop.Report{Schedules: []devloop.Schedule{
		{Trigger: "nightly", Spec: "0 6 * * *", Orchestrator: "report", Next: []time.Time{due, due.AddDate(0, 0, 1).UTC()}},
		{Trigger: "clean-up", Spec: "@hourly"},
	}}
	view.show(devloop.Event{Kind: devloop.Ready, Report: report})
	want := `
  0 6 * * *  starts report
    next  Mon 2026-11-23 06:00:00+01:00
          Tue 2026-11-24 05:00:00Z

  @hourly  starts clean-up

`
	if !strings.Contains(out.String(), want) {
		t.Errorf("it prints %s, want %s in it", out.String(), want)
	}
	out.Reset()
	view.show(devloop.Event{Kind: devloop.Ready, Again: true, Report: report})
	report.Schedules = report.Schedules[1:]
	view.show(devloop.Event{Kind: devloop.Ready, Again: true, Report: report})
	if diff := cmp.Diff("funchost is ready again (0s)\nfunchost is ready again (0s)\n  @hourly  starts clean-up\n\n", out.String()); diff != "" {
		t.Errorf("what changes is shown, and nothing else (-want +got):\n%s", diff)
	}
}

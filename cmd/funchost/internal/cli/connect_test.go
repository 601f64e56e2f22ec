package cli

import (
	"strings"
	"testing"
)

func TestConnectionAndHubAreChosenByRank(t *testing.T) {
	t.Parallel()
	const elsewhere, hubA = "Endpoint=http://elsewhere;Authentication=None", "Endpoint=http://elsewhere;Authentication=None;TaskHub=a"
	for _, tc := range []struct {
		name            string
		env             map[string]string
		connection, hub string
		want            string // endpoint and hub, or the error
	}{
		{name: "this machine"},
		{name: "flag", connection: hubA, env: map[string]string{"DTS_CONNECTION_STRING": "nonsense"}, want: "http://elsewhere a"},
		{name: "first variable", env: map[string]string{
			"DTS_CONNECTION_STRING": hubA, "DURABLE_TASK_SCHEDULER_CONNECTION_STRING": "nonsense",
		}, want: "http://elsewhere a"},
		{name: "second variable", env: map[string]string{"DURABLE_TASK_SCHEDULER_CONNECTION_STRING": elsewhere}, want: "http://elsewhere "},
		{name: "nonsense in a variable", env: map[string]string{"DTS_CONNECTION_STRING": "nonsense"}, want: "error DTS_CONNECTION_STRING: connection string"},
		{name: "hub of the environment", env: map[string]string{"TASKHUB_NAME": "b"}, connection: elsewhere, want: "http://elsewhere b"},
		{name: "hub of this machine", hub: "b", want: localEndpoint + " b"},
		{name: "one hub named twice", env: map[string]string{"TASKHUB_NAME": "a"}, connection: hubA, hub: "a", want: "http://elsewhere a"},
		{name: "hub flag over the environment", env: map[string]string{"DTS_CONNECTION_STRING": hubA, "TASKHUB_NAME": "b"}, hub: "c", want: "http://elsewhere c"},
		{
			name: "two hubs in the environment", env: map[string]string{"DTS_CONNECTION_STRING": hubA, "TASKHUB_NAME": "b"},
			want: `error two task hubs are named: "a" (DTS_CONNECTION_STRING) and "b" (TASKHUB_NAME)`,
		},
		{name: "two hubs in flags", connection: hubA, hub: "b", want: `error two task hubs are named: "a" (--connection) and "b" (--hub)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := surroundings{getenv: func(name string) string { return tc.env[name] }}
			want := tc.want
			if want == "" {
				want = localEndpoint + " "
			}
			got, err := s.choose(tc.connection, tc.hub)
			text := got.Endpoint + " " + got.TaskHub
			if err != nil {
				text = "error " + err.Error()
			}
			if text != want && (err == nil || !strings.HasPrefix(text, want)) {
				t.Errorf("got %q, want %q", text, want)
			}
			if err != nil && !calledWrongly(err) {
				t.Errorf("%v is not the caller's mistake", err)
			}
		})
	}
}

package triggers_test

import (
	"context"
	"testing"

	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

// What `funchost run` suggests to try must work as it stands.
func TestSampleOfAnEventIsTaken(t *testing.T) {
	t.Parallel()
	large := triggers.Filter(func(e durable.EventAttributes) bool { return e.Subject == "large" })
	always := triggers.Filter(func(durable.EventAttributes) bool { return true })
	for _, tc := range []struct {
		name    string
		trigger framework.Trigger
		starts  string
		input   string
	}{
		{"by type and source", ordersEvents(), "placed", `{"ID":"text","Cents":1}`},
		{"without a filter", triggers.CloudEvents("/events", triggers.Match(text)), "text", `"text"`},
		{"by what only a function knows", triggers.CloudEvents("/events", triggers.Match(text, triggers.Type("text"), always)), "text", `"text"`},
		{"of the rule that it is known for", triggers.CloudEvents("/events", triggers.Match(placed, large), triggers.Match(text)), "text", `"text"`},
		{"bytes", triggers.CloudEvents("/events", triggers.Match(blob)), "blob", `"IkFRPT0i"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, dtstest.Start(t).Client(), tc.trigger)
			info := tc.trigger.Describe()
			in := h.started(h.do("POST", "/events", string(info.Sample), "Content-Type", info.MediaType))
			if in.Name != tc.starts || string(in.Input) != tc.input {
				t.Errorf("sample %s starts %s with %s, want %s with %s", info.Sample, in.Name, in.Input, tc.starts, tc.input)
			}
		})
	}
	t.Run("of a function", func(t *testing.T) {
		t.Parallel()
		got := ""
		trigger := triggers.EventFunc("/events", func(_ context.Context, e durable.CloudEvent[string]) error {
			got = e.Data
			return nil
		})
		info := trigger.Describe()
		h := serve(t, dtstest.Start(t).Client(), trigger)
		if a := h.do("POST", "/events", string(info.Sample), "Content-Type", info.MediaType); a.code != 204 || got != "text" {
			t.Errorf("sample %s is answered with %d, the function got %q", info.Sample, a.code, got)
		}
	})
	for name, trigger := range map[string]framework.Trigger{
		"filters that nobody can guess": triggers.CloudEvents("/events", triggers.Match(text, large)),
		"a type that never comes":       triggers.CloudEvents("/events", triggers.Match(text, triggers.Type())),
		"senders that must show up":     triggers.CloudEvents("/events", triggers.Match(text), triggers.Origins("example.com")),
		"a mistake":                     triggers.CloudEvents("/events", triggers.Match(text, nil)),
	} {
		if info := trigger.Describe(); info.Sample != nil || info.MediaType != structured {
			t.Errorf("%s: sample %s of %s, want none of %s", name, info.Sample, info.MediaType, structured)
		}
	}
}

package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

func TestFailureSurvivesTheWire(t *testing.T) {
	t.Parallel()
	want := &dts.Failure{
		Type: "*errors.errorString", Message: "card declined", Stack: "main.go:7", NonRetriable: true,
		Inner:      &dts.Failure{Message: "inner", Properties: map[string]any{"n": 1.5, "ok": true, "list": []any{"a", nil}}},
		Properties: map[string]any{"code": "51"},
	}
	if diff := cmp.Diff(want, send(t, want)); diff != "" {
		t.Errorf("failure (-sent +received):\n%s", diff)
	}
	if got := wire.ToFailure[dts.Failure](nil); got != nil {
		t.Errorf("no failure became %v", got)
	}
	if got := wire.FromFailure[dts.Failure](nil); got != nil {
		t.Errorf("no failure became %v", got)
	}
}

func TestFailureThatTheProtocolCannotCarryIsRepaired(t *testing.T) {
	t.Parallel()
	got := send(t, &dts.Failure{
		Type: "a\xffb", Message: "\xfe", Stack: "s\xff",
		Properties: map[string]any{"k\xff": "v\xff", "when": struct{ A int }{7}},
	})
	want := &dts.Failure{
		Type: "a\uFFFDb", Message: "\uFFFD", Stack: "s\uFFFD",
		Properties: map[string]any{"k\uFFFD": "v\uFFFD", "when": "{7}"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failure (-want +got):\n%s", diff)
	}
}

// send passes a failure through its encoded form.
func send(t *testing.T, f *dts.Failure) *dts.Failure {
	t.Helper()
	encoded, err := proto.Marshal(wire.FromFailure(f))
	if err != nil {
		t.Fatal(err)
	}
	d := &dtspb.TaskFailureDetails{}
	if err := proto.Unmarshal(encoded, d); err != nil {
		t.Fatal(err)
	}
	return wire.ToFailure[dts.Failure](d)
}

func TestNoPayloadAndEmptyPayloadStayApart(t *testing.T) {
	t.Parallel()
	for _, want := range [][]byte{nil, {}, []byte("null")} {
		if got := wire.ToPayload(wire.FromPayload(want)); fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
			t.Errorf("%#v became %#v", want, got)
		}
	}
	if wire.FromText("") != nil || wire.FromText("x").GetValue() != "x" {
		t.Error("FromText: want nothing for an empty text and the text otherwise")
	}
}

func TestLimitsAreInclusive(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err error
		ok  bool
	}{
		"an id of 100 characters":    {wire.CheckID(strings.Repeat("é", wire.MaxID)), true},
		"an id of 101 characters":    {wire.CheckID(strings.Repeat("é", wire.MaxID+1)), false},
		"an empty id":                {wire.CheckID(""), false},
		"a binary id":                {wire.CheckID("\xff"), false},
		"an id with a zero byte":     {wire.CheckID("a\x00b"), false},
		"no payload":                 {wire.CheckPayload("input", nil), true},
		"a payload of 1 MiB":         {wire.CheckPayload("input", make([]byte, wire.MaxPayload)), true},
		"a payload of 1 MiB and one": {wire.CheckPayload("input", make([]byte, wire.MaxPayload+1)), false},
		"a binary payload":           {wire.CheckPayload("input", []byte{0xff}), false},
	} {
		if (tc.err == nil) != tc.ok {
			t.Errorf("%s: got %v", name, tc.err)
		}
	}
}

func TestUserAgentNamesTheRole(t *testing.T) {
	t.Parallel()
	if got := wire.UserAgent(wire.RoleWorker); !strings.HasPrefix(got, "funchost-go/") || !strings.HasSuffix(got, " (Worker)") {
		t.Errorf("user agent is %q", got)
	}
}

package durable

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
)

func testCodec(t *testing.T) codec {
	t.Helper()
	c, err := dts.Dial(dts.ConnectionString{Endpoint: "http://127.0.0.1:1", TaskHub: "default", Authentication: dts.AuthNone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return codec{c.Converter()}
}

func TestNoneIsNoPayload(t *testing.T) {
	t.Parallel()
	c := testCodec(t)
	if data, err := c.encode(None{}); data != nil || err != nil {
		t.Errorf("encode(None{}) = %q, %v, want nil, nil", data, err)
	}
	if _, err := decode[None](c, []byte(`"whatever a peer sends"`)); err != nil {
		t.Errorf("decode[None] = %v, want nil", err)
	}
}

func TestNoPayloadIsTheZeroValue(t *testing.T) {
	t.Parallel()
	if got, err := decode[[]string](testCodec(t), nil); got != nil || err != nil {
		t.Errorf("decode[[]string](nil) = %v, %v, want nil, nil", got, err)
	}
}

func TestInputWrappedInAnArrayIsRead(t *testing.T) {
	t.Parallel()
	c := testCodec(t)
	for _, tt := range []struct{ name, data, want, problem string }{
		{name: "a plain value", data: `"Tokyo"`, want: "Tokyo"},
		{name: "a value in an array", data: `["Tokyo"]`, want: "Tokyo"},
		{name: "nothing in an array", data: `[null]`, want: ""},
		{name: "more than one value", data: `["Tokyo","Lisbon"]`, problem: "cannot unmarshal array"},
		{name: "the wrong value in an array", data: `[7]`, problem: "cannot unmarshal array"},
		{name: "no JSON", data: `[Tokyo`, problem: "invalid character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeInput[string](c, []byte(tt.data))
			if tt.problem == "" && err != nil || tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem)) {
				t.Errorf("error = %v, want %q in it", err, tt.problem)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	got, err := decodeInput[[]string](c, []byte(`[["Tokyo","Lisbon"]]`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Tokyo", "Lisbon"}, got); diff != "" {
		t.Errorf("a list in an array (-want +got):\n%s", diff)
	}
}

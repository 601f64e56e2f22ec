package wire

import "google.golang.org/protobuf/types/known/wrapperspb"

// FromPayload writes a payload. Nil is no payload and stays apart from an empty
// one: other SDKs read the first as "no input" and the second as text.
func FromPayload(p []byte) *wrapperspb.StringValue {
	if p == nil {
		return nil
	}
	return wrapperspb.String(string(p))
}

// ToPayload reads a payload; the result is the caller's own.
func ToPayload(v *wrapperspb.StringValue) []byte {
	if v == nil {
		return nil
	}
	return []byte(v.GetValue())
}

// FromText writes an optional text of which the empty form means none.
func FromText(s string) *wrapperspb.StringValue {
	if s == "" {
		return nil
	}
	return wrapperspb.String(s)
}

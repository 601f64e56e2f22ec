package dts

import "encoding/json"

// Failure is an error of a function as it travels between processes and
// languages. It is itself an error; find it in a chain with [errors.AsType].
type Failure struct { //nolint:errname // the protocol's word; it is data before it is an error
	// Type names the kind of error in the language it was raised in.
	Type string
	// Message is the text of the error.
	Message string
	// Stack is where it was raised, in the form of that language; may be empty.
	Stack string
	// Inner is the failure behind this one, or nil.
	Inner *Failure
	// NonRetriable tells retry policies to give up.
	NonRetriable bool
	// Properties are values that the raising side attached; numbers arrive as
	// float64.
	Properties map[string]any
}

// Error is the message, with the type in front when there is one.
func (f *Failure) Error() string {
	switch {
	case f.Type == "":
		return f.Message
	case f.Message == "":
		return f.Type
	default:
		return f.Type + ": " + f.Message
	}
}

// Unwrap is the inner failure, if any.
func (f *Failure) Unwrap() error {
	if f.Inner == nil {
		return nil // a nil *Failure in an error interface would not be nil
	}
	return f.Inner
}

// failureJSON is a [Failure] with its names in JSON.
type failureJSON struct {
	Type         string         `json:"type"`
	Message      string         `json:"message"`
	Stack        string         `json:"stack,omitempty"`
	Inner        *Failure       `json:"inner,omitempty"`
	NonRetriable bool           `json:"nonRetriable,omitempty"`
	Properties   map[string]any `json:"properties,omitempty"`
}

// MarshalJSON writes type, message, stack, inner, nonRetriable and properties.
func (f *Failure) MarshalJSON() ([]byte, error) { return marshal((*failureJSON)(f)) }

// UnmarshalJSON reads what MarshalJSON has written.
func (f *Failure) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, (*failureJSON)(f)) }

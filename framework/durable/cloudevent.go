package durable

import "time"

// CloudEvent is an event with its attributes, as the input of an orchestrator
// that a CloudEvents trigger starts. An orchestrator that needs the data alone
// takes T itself.
type CloudEvent[T any] struct {
	EventAttributes

	// Data is what the event says. Of an event in JSON it is the JSON value. A T of
	// string or []byte takes data of any media type.
	Data T `json:"data"`
}

// EventAttributes are the context attributes of a [CloudEvent], version 1.0. ID,
// Source and Type are never empty; ID and Source together tell an event from all
// others.
type EventAttributes struct {
	ID              string            `json:"id"`
	Source          string            `json:"source"`
	Type            string            `json:"type"`
	Subject         string            `json:"subject,omitempty"`
	Time            time.Time         `json:"time,omitzero"`
	DataContentType string            `json:"datacontenttype,omitempty"`
	DataSchema      string            `json:"dataschema,omitempty"`
	Extensions      map[string]string `json:"extensions,omitempty"` // by their names, in lower case
}

// Parts gives the attributes and a pointer to the data, for code that fills
// events of a type it does not know.
func (e *CloudEvent[T]) Parts() (attributes *EventAttributes, data any) {
	return &e.EventAttributes, &e.Data
}

package durabletest

import (
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// SendEvent sends a CloudEvent to a path of the app that is served, in structured mode.
// It needs ID, Source and Type; the same event twice is a redelivery.
func SendEvent[T any](e *Env, path string, event durable.CloudEvent[T]) *Response {
	e.Helper()
	attributes := map[string]any{"specversion": "1.0", "id": event.ID, "source": event.Source, "type": event.Type, "data": event.Data}
	for name, text := range map[string]string{
		"subject": event.Subject, "datacontenttype": event.DataContentType, "dataschema": event.DataSchema,
	} {
		if text != "" {
			attributes[name] = text
		}
	}
	if !event.Time.IsZero() {
		attributes["time"] = event.Time.Format(time.RFC3339Nano)
	}
	for name, text := range event.Extensions {
		attributes[name] = text
	}
	return e.ask("POST", path, attributes, "application/cloudevents+json")
}

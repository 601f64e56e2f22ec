package triggers

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// sample makes up an event that starts something, nil if it knows none: the
// filters are not all ours, or senders must show an origin.
func (t *eventTrigger) sample() json.RawMessage {
	if len(t.origins) > 0 {
		return nil
	}
	for _, r := range t.rules {
		// A person who tries it twice wants two instances, so the id is new each
		// time the host starts.
		e := durable.EventAttributes{ID: "try-" + time.Now().UTC().Format("150405.000"), Source: "/try", Type: "com.example.try"}
		for _, f := range r.filters {
			f.fit(&e)
		}
		if !r.means(e) {
			continue
		}
		text, err := json.Marshal(struct {
			Version string          `json:"specversion"`
			ID      string          `json:"id"`
			Source  string          `json:"source"`
			Type    string          `json:"type"`
			Data    json.RawMessage `json:"data,omitempty"`
		}{"1.0", e.ID, e.Source, e.Type, sample(dataOf(r.input))})
		if err == nil {
			return text
		}
	}
	return nil
}

// dataOf is the type of the data of an event that is decoded into an input.
func dataOf(input reflect.Type) reflect.Type {
	if event, ok := reflect.TypeAssert[eventParts](reflect.New(input)); ok {
		_, data := event.Parts()
		return reflect.TypeOf(data).Elem()
	}
	return input
}

// eventParts is a pointer to a [durable.CloudEvent] of whatever type.
type eventParts interface {
	Parts() (attributes *durable.EventAttributes, data any)
}

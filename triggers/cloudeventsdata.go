package triggers

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/httpapi"
)

// instanceID is the same for an event each time it is delivered: source and id
// together are unique. The orchestrator is a part of it since an event may be for
// several of them.
func (e *received) instanceID(orchestrator string) string {
	return "ce:" + hashed(orchestrator, e.Source, e.ID)
}

// trace is the trace context of the sender, if it came along in one piece.
func (e *received) trace() (parent, state string) {
	const example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	parent = e.Extensions["traceparent"]
	if len(parent) != len(example) || strings.Count(parent, "-") != strings.Count(example, "-") {
		return "", ""
	}
	return parent, e.Extensions["tracestate"]
}

// decode reads the event into what target points to: a [durable.CloudEvent], or
// what its data is. The error is an [*httpapi.Error].
func (e *received) decode(target any) error {
	if whole, ok := target.(eventParts); ok {
		attributes, data := whole.Parts()
		*attributes, target = e.EventAttributes, data
	}
	switch v := target.(type) {
	case *durable.None:
		return nil
	case *[]byte:
		*v = e.data
		return nil
	case *string:
		if e.isJSON() {
			break
		}
		if !utf8.Valid(e.data) {
			return malformed("the data is not text in UTF-8")
		}
		*v = string(e.data)
		return nil
	}
	t := reflect.TypeOf(target).Elem()
	switch {
	case len(e.data) == 0 && hasNothing(t):
		return nil
	case len(e.data) == 0:
		return malformed("the event has no data: want a JSON value for %v", t)
	case !e.isJSON():
		return &httpapi.Error{Status: http.StatusUnsupportedMediaType, Message: fmt.Sprintf("the data is %q: want JSON for %v", e.DataContentType, t)}
	}
	err := httpapi.CheckJSON(e.data)
	if err == nil {
		err = decodeJSON(e.data, target)
	}
	return inData(err)
}

// inData says that it is the data that is wrong, and in which lines are counted:
// the body is more than that in a structured event.
func inData(err error) error {
	if e, ok := errors.AsType[*httpapi.Error](err); ok {
		return &httpapi.Error{Status: e.Status, Message: "the data of the event: " + strings.TrimPrefix(e.Message, "the body ")}
	}
	return err
}

// isJSON says of data without a type that it is JSON, as the specification does.
func (e *received) isJSON() bool {
	return e.DataContentType == "" || httpapi.IsJSON(e.DataContentType)
}

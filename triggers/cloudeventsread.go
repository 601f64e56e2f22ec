package triggers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/httpapi"
)

// maxEvents bounds a batch.
const maxEvents = 100

// received is a valid event as it came.
type received struct {
	durable.EventAttributes

	data []byte // empty if there is none
}

// readEvents reads the events of a request in whatever mode. The error is an
// [*httpapi.Error].
func readEvents(w http.ResponseWriter, r *http.Request) (events []received, batch bool, err error) {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch media = strings.ToLower(strings.TrimSpace(media)); {
	case media == event.ApplicationCloudEventsJSON:
		events, err = readStructured(w, r)
	case media == event.ApplicationCloudEventsBatchJSON:
		events, err = readBatch(w, r)
		batch = true
	case strings.HasPrefix(media, "application/cloudevents"):
		err = &httpapi.Error{Status: http.StatusUnsupportedMediaType, Message: fmt.Sprintf("events of type %q are not known, want JSON", media)}
	default:
		events, err = readBinary(w, r)
	}
	return events, batch, err
}

func malformed(format string, args ...any) error {
	return &httpapi.Error{Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// inBatch says which event of a batch it is that is wrong.
func inBatch(i int, err error) error {
	if e, ok := errors.AsType[*httpapi.Error](err); ok {
		return &httpapi.Error{Status: e.Status, Message: fmt.Sprintf("event %d of the batch: %s", i+1, e.Message)}
	}
	return err
}

func readStructured(w http.ResponseWriter, r *http.Request) ([]received, error) {
	body, err := httpapi.ReadJSON(w, r)
	if err != nil {
		return nil, err
	}
	e, err := readJSONEvent(body)
	return []received{e}, err
}

func readBatch(w http.ResponseWriter, r *http.Request) ([]received, error) {
	body, err := httpapi.ReadJSON(w, r)
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if json.Unmarshal(body, &list) != nil || list == nil {
		return nil, malformed("the body is not an array of events")
	}
	if len(list) > maxEvents {
		return nil, &httpapi.Error{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the batch has %d events, the limit is %d", len(list), maxEvents)}
	}
	events := make([]received, len(list))
	for i, text := range list {
		if events[i], err = readJSONEvent(text); err != nil {
			return nil, inBatch(i, err)
		}
	}
	return events, nil
}

// readJSONEvent reads an event in the JSON format. The SDK does the attributes. The
// data is read here: the SDK takes it for text if its type is a +json one, and
// panics on base64 that is no string.
func readJSONEvent(text []byte) (received, error) {
	members, err := readMembers(text)
	if err != nil {
		return received{}, err
	}
	data, encoded := members["data"], members["data_base64"]
	delete(members, "data")
	delete(members, "data_base64")
	for name, value := range members {
		if httpapi.CheckText(value) != nil {
			return received{}, malformed("attribute %s has half a character, a \\u escape whose other half is missing", name)
		}
		switch name {
		case "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema":
			if value[0] != '"' && string(value) != "null" {
				return received{}, malformed("attribute %s is not a string", name)
			}
		default:
			if name == "" || value[0] == '{' || value[0] == '[' {
				return received{}, malformed("attribute %q has a value that no attribute can have", name)
			}
		}
	}
	var version string
	_ = json.Unmarshal(members["specversion"], &version) // one that is missing is empty
	if err := checkVersion(version); err != nil {
		return received{}, err
	}
	attributes, err := json.Marshal(members)
	if err != nil {
		return received{}, malformed("the event cannot be read: %v", err)
	}
	e := event.New()
	if err := e.UnmarshalJSON(attributes); err != nil {
		return received{}, malformed("the event cannot be read: %v", err)
	}
	got, err := receive(&e)
	if err != nil {
		return received{}, err
	}
	got.data, err = jsonData(data, encoded, got.isJSON())
	return got, err
}

// readMembers reads an object. A name that is there twice is refused, since readers
// differ in which of the two counts.
func readMembers(text []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('{') {
		return nil, malformed("the event is not a JSON object")
	}
	members := make(map[string]json.RawMessage)
	for decoder.More() {
		token, err := decoder.Token()
		name, _ := token.(string) // which all names in an object are
		var value json.RawMessage
		if err == nil {
			err = decoder.Decode(&value)
		}
		if err != nil {
			return nil, malformed("the event cannot be read: %v", err)
		}
		if _, twice := members[name]; twice {
			return nil, malformed("attribute %q is there twice", name)
		}
		members[name] = value
	}
	return members, nil
}

// jsonData is the data of an event in the JSON format: a JSON value as it is, a
// text as a string, anything as base64.
func jsonData(data, encoded json.RawMessage, isJSON bool) ([]byte, error) {
	switch {
	case data != nil && encoded != nil:
		return nil, malformed("the event has data and data_base64")
	case encoded != nil:
		var bytes []byte // which is base64 to encoding/json
		if json.Unmarshal(encoded, &bytes) != nil {
			return nil, malformed("data_base64 is not a string in base64")
		}
		return bytes, nil
	case data == nil || isJSON:
		return data, nil
	}
	var text string
	if data[0] != '"' {
		return nil, malformed("the data is of a type that is not JSON: it must be a string")
	}
	err := httpapi.DecodeJSON(data, &text)
	return []byte(text), err
}

// readBinary reads an event whose attributes are headers and whose data is the body.
func readBinary(w http.ResponseWriter, r *http.Request) ([]received, error) {
	required := []string{"Ce-Specversion", "Ce-Id", "Ce-Source", "Ce-Type"}
	if !slices.ContainsFunc(required, func(name string) bool { return r.Header.Get(name) != "" }) {
		return nil, &httpapi.Error{
			Status:  http.StatusUnsupportedMediaType,
			Message: "this is no CloudEvent: neither is the content type application/cloudevents+json, nor is there a header ce-specversion",
		}
	}
	header, err := eventHeader(r.Header)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(header.Get("Ce-Specversion")); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, httpapi.MaxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &httpapi.Error{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the body is larger than %d bytes", httpapi.MaxBody)}
	}
	if err != nil {
		return nil, malformed("the body ended early")
	}
	e, err := binding.ToEvent(r.Context(), cehttp.NewMessage(header, io.NopCloser(bytes.NewReader(body))))
	if err != nil {
		return nil, malformed("the event cannot be read: %v", err)
	}
	event, err := receive(e)
	return []received{event}, err
}

// eventHeader picks the headers that are attributes, with their values decoded.
func eventHeader(all http.Header) (http.Header, error) {
	header := http.Header{}
	if kind := all.Get("Content-Type"); kind != "" {
		if !utf8.ValidString(kind) {
			return nil, malformed("header Content-Type: it is not UTF-8")
		}
		header.Set("Content-Type", kind)
	}
	for name, values := range all {
		attribute, ok := strings.CutPrefix(name, "Ce-")
		switch {
		case !ok:
			continue
		case attribute == "":
			return nil, malformed("header %s names no attribute", name)
		case attribute == "Datacontenttype":
			return nil, malformed("the content type of the data is the header Content-Type, not %s", name)
		case len(values) != 1:
			return nil, malformed("header %s is there more than once", name)
		}
		value, err := headerText(values[0])
		if err != nil {
			return nil, malformed("header %s: %v", name, err)
		}
		header[name] = []string{value}
	}
	return header, nil
}

// headerText undoes what the HTTP binding does to a value: quotes around it, and
// characters written as %XX.
func headerText(value string) (string, error) {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
		var plain strings.Builder
		for i := 0; i < len(value); i++ {
			if value[i] == '\\' && i+1 < len(value) {
				i++
			}
			plain.WriteByte(value[i])
		}
		value = plain.String()
	}
	var text strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '%' && i+2 < len(value) {
			if n, err := strconv.ParseUint(value[i+1:i+3], 16, 8); err == nil {
				text.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		text.WriteByte(value[i])
	}
	if !utf8.ValidString(text.String()) {
		return "", errors.New("it is not UTF-8")
	}
	return text.String(), nil
}

func checkVersion(version string) error {
	if version != event.CloudEventsVersionV1 {
		return malformed("specversion is %q, want %q", version, event.CloudEventsVersionV1)
	}
	return nil
}

// receive validates an event and takes what we need of it.
func receive(e *event.Event) (received, error) {
	if err := e.Validate(); err != nil {
		return received{}, malformed("the event is not valid: %s", strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
	}
	got := received{durable.EventAttributes{
		ID: e.ID(), Source: e.Source(), Type: e.Type(), Subject: e.Subject(), Time: e.Time(),
		DataContentType: e.DataContentType(), DataSchema: e.DataSchema(),
	}, e.Data()}
	for name, value := range e.Extensions() {
		text, err := types.Format(value)
		if err != nil {
			return received{}, malformed("attribute %s: %v", name, err)
		}
		if got.Extensions == nil {
			got.Extensions = make(map[string]string)
		}
		got.Extensions[name] = text
	}
	return got, nil
}

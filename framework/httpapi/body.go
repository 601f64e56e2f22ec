package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// maxDepth bounds how deep arrays and objects of a body may be nested.
const maxDepth = 64

// ReadJSON reads a request body that holds one JSON value, or nothing: then the
// result is nil. The error is an [*Error]: 415 for a media type other than JSON
// (none at all is taken for JSON), 413 above [MaxBody], 400 for anything that is
// not exactly one JSON value, with the line and column of the first wrong
// character.
func ReadJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := readBody(w, r)
	if err != nil || body == nil {
		return nil, err
	}
	if kind := r.Header.Get("Content-Type"); kind != "" && !IsJSON(kind) {
		return nil, &Error{http.StatusUnsupportedMediaType, fmt.Sprintf("content type %q: want application/json", kind)}
	}
	return body, CheckJSON(body)
}

// DecodeJSON reads a value that [ReadJSON] returned into v. A value of the wrong
// type is an [*Error] with code 400 that names the place, and so is text that a
// string of Go cannot hold, see [CheckText].
func DecodeJSON(body []byte, v any) error {
	if err := CheckText(body); err != nil {
		return err
	}
	err := json.Unmarshal(body, v)
	if err == nil {
		return nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := ""
		if wrong.Field != "" {
			field = fmt.Sprintf("field %q: ", wrong.Field)
		}
		return badRequest("the body does not fit: %s: %sgot a JSON %s, want %s",
			position(body, wrong.Offset), field, wrong.Value, wanted(wrong))
	}
	return badRequest("the body does not fit: %v", err)
}

// wanted describes a Go type to someone who writes JSON.
func wanted(e *json.UnmarshalTypeError) string {
	kind := e.Type.Kind().String()
	switch {
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "a whole number that fits " + kind
	case strings.HasPrefix(kind, "float"):
		return "a number"
	}
	switch kind {
	case "bool":
		return "true or false"
	case "string":
		return "a string"
	case "slice", "array":
		return "an array"
	case "map", "struct":
		return "an object"
	default:
		return kind
	}
}

// readBody returns the body, or nil if it is empty or white space.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", MaxBody)}
	}
	if err != nil {
		return nil, badRequest("the body ended early")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	return body, nil
}

// IsJSON reports whether a content type is that of a JSON text in UTF-8, such as
// application/json or application/problem+json.
func IsJSON(contentType string) bool {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	if set := params["charset"]; set != "" && !strings.EqualFold(set, "utf-8") {
		return false
	}
	return media == "application/json" || media == "text/json" ||
		strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// CheckJSON refuses, with an [*Error] of code 400 that names the place, what is not
// exactly one JSON value of at most 64 levels in UTF-8.
func CheckJSON(body []byte) error {
	if err := checkUTF8(body); err != nil {
		return err
	}
	if err := checkDepth(body); err != nil {
		return err
	}
	var raw json.RawMessage
	err := json.Unmarshal(body, &raw)
	if err == nil {
		return nil
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return badRequest("the body is not JSON: %s: %v", position(body, syntax.Offset), err)
	}
	return badRequest("the body is not JSON: %v", err)
}

// checkDepth counts brackets outside strings. Whether they match is not its
// question.
func checkDepth(body []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return badRequest("the body is nested deeper than %d levels: %s", maxDepth, position(body, int64(i+1)))
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}

// position turns the number of bytes that were read into a place for people.
func position(body []byte, offset int64) string {
	read := body[:min(int(offset), len(body))]
	line := bytes.Count(read, []byte("\n")) + 1
	column := len(read) - (bytes.LastIndexByte(read, '\n') + 1)
	return fmt.Sprintf("line %d, column %d", line, column)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false) // links hold &
	if err := encoder.Encode(v); err != nil {
		panic(fmt.Sprintf("BUG: encode answer: %v", err))
	}
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(buffer.Bytes())
}

package dts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
)

// Converter turns values into payloads and back. One converter hangs on the
// client, so that both ends of a program use the same. It must be safe for
// concurrent use, and Marshal must give UTF-8 text: the protocol carries nothing
// else.
type Converter interface {
	// Marshal gives the payload of v; never nil without an error.
	Marshal(v any) ([]byte, error)
	// Unmarshal reads data into the value that v points to. Empty data is no
	// payload and leaves the value as it is.
	Unmarshal(data []byte, v any) error
}

// jsonConverter is the default: what every SDK of the protocol uses. Characters
// that mean something in HTML stay as they are, since payloads are shown to
// people and compared across languages.
type jsonConverter struct{}

func (jsonConverter) Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write %T as JSON: %w", v, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (jsonConverter) Unmarshal(data []byte, v any) error {
	if len(data) == 0 {
		return nil
	}
	err := json.Unmarshal(data, v)
	switch {
	case err == nil:
		return nil
	case token.Match(data):
		return fmt.Errorf("read JSON into %T: it is the token of a stored payload\n"+
			"  this client has no payload store, or that has lost it; all hosts and clients of a hub need the same, see dts.WithPayloads", v)
	}
	return fmt.Errorf("read JSON into %T: %w", v, err)
}

// token is how tokens of payload stores begin; JSON does not.
var token = regexp.MustCompile(`^(blob|file):v\d+:`)

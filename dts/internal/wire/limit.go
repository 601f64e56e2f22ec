package wire

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of the service; the embedded scheduler has the same, so that a program
// that works locally works against Azure.
const (
	MaxID      = 100      // characters of an instance or entity id
	MaxPayload = 1 << 20  // bytes of one payload: input, output, event, custom status
	MaxMessage = 64 << 20 // bytes of one received gRPC message; some SDKs never split theirs
	MaxBatch   = 500      // instance ids in one batch
	PageSize   = 100      // instances in one page when the caller does not say
)

// CheckID says what is wrong with an instance id, or nil.
func CheckID(id string) error {
	if id == "" {
		return errors.New("instance id is empty")
	}
	if n := utf8.RuneCountInString(id); n > MaxID {
		return fmt.Errorf("instance id has %d characters, the limit is %d", n, MaxID)
	}
	if !utf8.ValidString(id) {
		return errors.New("instance id is not valid UTF-8")
	}
	if strings.Contains(id, "\x00") {
		return fmt.Errorf("instance id %q contains a zero byte", id)
	}
	return nil
}

// CheckPayload says what is wrong with a payload, or nil. What names the
// payload in the error.
func CheckPayload(what string, p []byte) error { return CheckPayloadWithin(MaxPayload, what, p) }

// CheckPayloadWithin is CheckPayload with another limit: that of a payload store.
func CheckPayloadWithin(limit int, what string, p []byte) error {
	switch {
	case len(p) > limit && limit == MaxPayload:
		return fmt.Errorf("%s has %d bytes, the limit is %d (1 MiB): store large data elsewhere and pass a reference", what, len(p), limit)
	case len(p) > limit:
		return fmt.Errorf("%s has %d bytes, the limit is %d with this payload store: store large data elsewhere and pass a reference", what, len(p), limit)
	case !utf8.Valid(p):
		return fmt.Errorf("%s is not valid UTF-8: the protocol carries text, encode binary data first", what)
	}
	return nil
}

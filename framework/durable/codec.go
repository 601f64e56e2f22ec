package durable

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/funchost/funchost/dts"
)

// codec is where typed values become the bytes that travel, and back. Its errors
// are the converter's, which names the type; callers add the function.
type codec struct{ dts.Converter }

func (c codec) encode(v any) ([]byte, error) {
	if _, none := v.(None); none {
		return nil, nil
	}
	return c.Marshal(v)
}

// decode reads data as a T. No data is the zero value.
func decode[T any](c codec, data []byte) (T, error) {
	var v, zero T
	if _, none := any(v).(None); none || len(data) == 0 {
		return zero, nil
	}
	if err := c.Unmarshal(data, &v); err != nil {
		return zero, err
	}
	return v, nil
}

// decodeInput is decode for the input of an activity. Orchestrators in .NET send
// it wrapped in an array of one element; so when the whole is no T, the one
// element may be. The error is that of the whole: what the author of any other
// caller needs to read.
func decodeInput[T any](c codec, data []byte) (T, error) {
	v, err := decode[T](c, data)
	if err == nil {
		return v, nil
	}
	var wrapped []json.RawMessage
	if json.Unmarshal(data, &wrapped) != nil || len(wrapped) != 1 {
		return v, err
	}
	if inner, innerErr := decode[T](c, wrapped[0]); innerErr == nil {
		return inner, nil
	}
	return v, err
}

// checkTypes says which types of a function from I to O will never travel.
func checkTypes[I, O any](c codec) error {
	return errors.Join(checkType[I](c, "takes"), checkType[O](c, "returns"))
}

// checkType looks at the kinds of which a value is nothing elsewhere. The converter,
// or the type by a method, may know a way, so they are asked.
func checkType[T any](c codec, does string) error {
	switch t := reflect.TypeFor[T](); t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		var zero T
		if _, err := c.encode(zero); err != nil {
			return fmt.Errorf("%s a %v, which cannot be sent: %w", does, t, err)
		}
	default:
	}
	return nil
}

package triggers

import (
	"encoding"
	"encoding/json"
	"reflect"

	"github.com/funchost/funchost/framework/durable"
)

// maxSampleDepth bounds samples of types that contain themselves.
const maxSampleDepth = 4

// sample makes up a JSON value of type t with something in every field, so that
// the usual checks for missing values let it pass. It is nil for a type without
// values and for one that cannot be encoded as it is.
func sample(t reflect.Type) json.RawMessage {
	if t == reflect.TypeFor[durable.None]() {
		return nil
	}
	v := reflect.New(t).Elem()
	fill(v, maxSampleDepth)
	text, err := json.Marshal(v.Interface())
	if err != nil || string(text) == "null" {
		return nil
	}
	return text
}

// fill puts something into v. A type that encodes itself keeps its zero value,
// which it should know how to read again.
func fill(v reflect.Value, depth int) {
	if depth == 0 || encodesItself(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth-1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth-1)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), depth-1)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth-1)
		fill(value, depth-1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), depth-1)
			}
		}
	}
}

func encodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

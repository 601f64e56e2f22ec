package inproc

import (
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// checkText refuses a request with text that is not UTF-8. Encoding would: the
// server relies on being able to store what it was sent.
func checkText(request any) error {
	m, ok := request.(proto.Message)
	if ok && !textOK(m.ProtoReflect()) {
		return status.Errorf(codes.InvalidArgument, "%s has text that is not valid UTF-8: the protocol carries text, encode binary data first", m.ProtoReflect().Descriptor().Name())
	}
	return nil
}

func textOK(m protoreflect.Message) (ok bool) {
	ok = true
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			v.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
				ok = valueOK(f.MapKey(), key.Value()) && valueOK(f.MapValue(), value)
				return ok
			})
		case f.IsList():
			for i := 0; i < v.List().Len() && ok; i++ {
				ok = valueOK(f, v.List().Get(i))
			}
		default:
			ok = valueOK(f, v)
		}
		return ok
	})
	return ok
}

func valueOK(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
	switch f.Kind() {
	case protoreflect.StringKind:
		return utf8.ValidString(v.String())
	case protoreflect.MessageKind:
		return textOK(v.Message())
	default:
		return true
	}
}

package inproc

import (
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// scratch holds the encodings that checkText throws away.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// keepScratch is how large a buffer may be that is used again.
const keepScratch = 64 << 10

// checkText refuses a request that a connection could not carry, which is one
// with text that is not UTF-8: the server relies on being able to store what it
// was sent. Encoding is the quickest way to know.
func checkText(request any) error {
	m, ok := request.(proto.Message)
	if !ok {
		return nil
	}
	buf, _ := scratch.Get().(*[]byte)
	b, err := proto.MarshalOptions{}.MarshalAppend((*buf)[:0], m)
	if cap(b) <= keepScratch {
		*buf = b
	}
	scratch.Put(buf)
	if err != nil {
		return status.Errorf(codes.InvalidArgument, "%s cannot be sent, text has to be valid UTF-8, encode binary data first: %v", m.ProtoReflect().Descriptor().Name(), err)
	}
	return nil
}

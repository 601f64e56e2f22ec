package replay

import (
	"crypto/sha1"
	"encoding/hex"
	"strconv"
)

// namespace of the version 5 UUIDs that .NET workers make,
// 9e952958-5e33-4daf-827f-2fa12937b875 (sdk.md 4.5).
const namespace = "\x9e\x95\x29\x58\x5e\x33\x4d\xaf\x82\x7f\x2f\xa1\x29\x37\xb8\x75"

// NewID returns a UUID that is the same in each replay and not in any other place.
func (t *Turn) NewID() string {
	t.guard("Context.NewID")
	b := t.name()
	b = t.now.AppendFormat(b, "2006-01-02T15:04:05.0000000Z")
	b = append(b, '_')
	b = strconv.AppendInt(b, int64(t.ids), 10)
	t.ids++
	return uuid(b)
}

// nextRequest makes the id of the request that is scheduled next. It stands on
// the sequence id and not on the count of NewID: code that makes one more id under
// a running instance must not change its requests.
func (t *Turn) nextRequest() string {
	b := append(t.name(), t.executionID...)
	b = append(b, "_request_"...)
	b = strconv.AppendInt(b, int64(t.pending.last), 10)
	return uuid(b)
}

// name begins the text that an id of this instance is made of.
func (t *Turn) name() []byte {
	b := make([]byte, 0, 128)
	b = append(b, namespace...)
	b = append(b, t.instanceID...)
	return append(b, '_')
}

func uuid(name []byte) string {
	u := sha1.Sum(name)
	u[6] = u[6]&0x0f | 0x50 // version 5
	u[8] = u[8]&0x3f | 0x80 // RFC 9562 variant
	s := make([]byte, 36)
	hex.Encode(s, u[:4])
	hex.Encode(s[9:], u[4:6])
	hex.Encode(s[14:], u[6:8])
	hex.Encode(s[19:], u[8:10])
	hex.Encode(s[24:], u[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s)
}

package httpapi

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// What encoding/json cannot read as text it replaces by U+FFFD without a word, so
// two different ids would become one. It is refused instead.

// checkUTF8 names the first byte that is no part of a character.
func checkUTF8(body []byte) error {
	if utf8.Valid(body) {
		return nil
	}
	for i := 0; i < len(body); {
		r, size := utf8.DecodeRune(body[i:])
		if r == utf8.RuneError && size == 1 {
			return badRequest("the body is not UTF-8: %s", position(body, int64(i+1)))
		}
		i += size
	}
	return nil
}

// CheckText refuses, with an [*Error] of code 400 that names the place, JSON with an
// escape such as \ud800 that is one half of a pair without the other.
func CheckText(body []byte) error {
	for i := 0; i < len(body); {
		next := bytes.IndexByte(body[i:], '\\') // which valid JSON has only in strings
		if next < 0 {
			return nil
		}
		i += next
		r, ok := escaped(body[i:])
		switch {
		case !ok:
			i += len(`\n`)
			continue
		case utf16.IsSurrogate(r):
			low, _ := escaped(body[i+len(`\ud800`):])
			if utf16.DecodeRune(r, low) == utf8.RuneError {
				return badRequest("the body has half a character: %s: %s stands alone", position(body, int64(i+1)), body[i:i+len(`\ud800`)])
			}
			i += len(`\ud800`)
		}
		i += len(`\ud800`)
	}
	return nil
}

// escaped is the number of an escape such as \ud800 at the beginning of text.
func escaped(text []byte) (rune, bool) {
	if len(text) < len(`\ud800`) || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:len(`\ud800`)]), 16, 16)
	return rune(n), err == nil
}

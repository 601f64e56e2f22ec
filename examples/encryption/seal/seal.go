// Package seal encrypts payloads, so that a hub, its disk, its backups and its
// dashboard hold nothing that can be read without the keys of the hosts.
//
// A payload is JSON, encrypted by AES-GCM with a nonce of its own, as the text
// "sealed:KEY:BASE64". The id of the key stands in front, so keys can be replaced
// one by one: what the last key has written stays readable as long as the hosts
// have it.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/funchost/funchost/dts"
)

// Errors of [Converter.Unmarshal]. The text behind them says what to do.
var (
	ErrPlain    = errors.New("payload is not encrypted")
	ErrKey      = errors.New("payload is encrypted with a key that is not here")
	ErrTampered = errors.New("payload was changed after it was encrypted")
)

// Converter encrypts payloads with one key and decrypts those of several. It is
// safe for concurrent use.
type Converter struct {
	current string
	keys    map[string]cipher.AEAD
}

var _ dts.Converter = (*Converter)(nil)

const prefix = "sealed:"

// keyID is what an id of a key may look like: it stands in every payload.
var keyID = regexp.MustCompile(`^[a-zA-Z0-9.-]{1,32}$`)

// New makes a converter that encrypts with the key current of keys, which are of 16,
// 24 or 32 bytes. A key can be replaced in three steps: first all hosts know the new
// one, then it becomes current, and when no payload of the old one is left, that
// goes. Random nonces are safe for some four billion payloads, so replace keys long
// before.
func New(current string, keys map[string][]byte) (*Converter, error) {
	c := &Converter{current, make(map[string]cipher.AEAD, len(keys))}
	for id, key := range keys {
		if !keyID.MatchString(id) {
			return nil, fmt.Errorf("key %q: an id has 1 to 32 letters, digits, dots and hyphens", id)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", id, err)
		}
		if c.keys[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("key %q: %w", id, err)
		}
	}
	if c.keys[current] == nil {
		return nil, fmt.Errorf("the current key %q is not among the keys", current)
	}
	return c, nil
}

// Parse makes a converter of keys as a variable holds them: ID=BASE64, with commas
// between, the current one first.
func Parse(text string) (*Converter, error) {
	var current string
	keys := make(map[string][]byte)
	for i, entry := range strings.Split(text, ",") {
		id, encoded, _ := strings.Cut(strings.TrimSpace(entry), "=")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if _, twice := keys[id]; twice || id == "" || err != nil {
			return nil, fmt.Errorf("key %d of the list is not ID=BASE64 with an id of its own", i+1) // it is not shown: it is a secret
		}
		if keys[id] = key; i == 0 {
			current = id
		}
	}
	return New(current, keys)
}

// Marshal gives the encrypted JSON of v, as a JSON text: what shows payloads can
// show it.
func (c *Converter) Marshal(v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	sealed := c.keys[c.current].Seal(nil, nil, plain, []byte(prefix+c.current)) //nolint:gosec // it makes the nonce itself
	return fmt.Appendf(nil, `"%s%s:%s"`, prefix, c.current, base64.StdEncoding.EncodeToString(sealed)), nil
}

// Unmarshal decrypts data and reads the JSON into v. What is not encrypted is
// refused: whoever can write to the hub could write anything.
func (c *Converter) Unmarshal(data []byte, v any) error {
	if len(data) == 0 {
		return nil
	}
	rest, sealed := bytes.CutPrefix(data, []byte(`"`+prefix))
	id, text, whole := strings.Cut(strings.TrimSuffix(string(rest), `"`), ":")
	if !sealed || !whole {
		return fmt.Errorf("%w\n  start orchestrations and raise events by a client that has this converter", ErrPlain)
	}
	key := c.keys[id]
	if key == nil {
		return fmt.Errorf("%w: %q\n  give this host the key back until nothing of it is left", ErrKey, id)
	}
	ciphertext, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		data, err = key.Open(nil, nil, ciphertext, []byte(prefix+id))
	}
	if err != nil {
		return fmt.Errorf("%w, or another key has the id %q", ErrTampered, id)
	}
	return json.Unmarshal(data, v)
}

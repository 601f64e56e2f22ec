package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/examples/encryption/seal"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func converter(t testing.TB, current string, ids ...string) *seal.Converter {
	t.Helper()
	keys := map[string][]byte{current: key(current[0])}
	for _, id := range ids {
		keys[id] = key(id[0])
	}
	c, err := seal.New(current, keys)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPayloadIsReadWithItsKeyOnly(t *testing.T) {
	t.Parallel()
	type person struct{ Name string }
	want := person{"São"}
	sealed, err := converter(t, "a").Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("São")) || !bytes.HasPrefix(sealed, []byte(`"sealed:a:`)) {
		t.Errorf("payload is %s, want it sealed with the key a", sealed)
	}
	for _, tt := range []struct {
		name string
		with *seal.Converter
		want error
	}{
		{"by the same key", converter(t, "a"), nil},
		{"by a host with a new key that has the old one", converter(t, "b", "a"), nil},
		{"not by one that has not", converter(t, "b"), seal.ErrKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got person
			if err := tt.with.Unmarshal(sealed, &got); !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if diff := cmp.Diff(want, got); (diff == "") != (tt.want == nil) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestEqualValuesLookDifferent(t *testing.T) {
	t.Parallel()
	c := converter(t, "a")
	one, _ := c.Marshal("yes")
	two, _ := c.Marshal("yes")
	if bytes.Equal(one, two) {
		t.Errorf("both are %s", one)
	}
}

// Every bit counts: of the id, of the nonce, of the text and of its tag.
func TestChangedPayloadIsRefused(t *testing.T) {
	t.Parallel()
	c := converter(t, "a", "b")
	sealed, err := c.Marshal("yes")
	if err != nil {
		t.Fatal(err)
	}
	head := len(`"sealed:a:`)
	raw, err := base64.StdEncoding.DecodeString(string(sealed[head : len(sealed)-1]))
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(raw) * 8 {
		changed := bytes.Clone(raw)
		changed[i/8] ^= 1 << (i % 8)
		text := fmt.Appendf(nil, `"sealed:a:%s"`, base64.StdEncoding.EncodeToString(changed))
		if err := c.Unmarshal(text, new(string)); !errors.Is(err, seal.ErrTampered) {
			t.Fatalf("bit %d: got %v, want seal.ErrTampered", i, err)
		}
	}
	other := bytes.Replace(sealed, []byte(":a:"), []byte(":b:"), 1)
	for name, tt := range map[string]struct {
		text []byte
		want error
	}{
		"the id of another key": {other, seal.ErrTampered},
		"no text":               {sealed[:head], seal.ErrTampered},
		"half of the text":      {sealed[:len(sealed)/2], seal.ErrTampered},
		"plain JSON":            {[]byte(`"yes"`), seal.ErrPlain},
		"a number":              {[]byte(`7`), seal.ErrPlain},
		"no key":                {[]byte(`"sealed:"`), seal.ErrPlain},
	} {
		if err := c.Unmarshal(tt.text, new(string)); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
}

func TestNoPayloadLeavesTheValue(t *testing.T) {
	t.Parallel()
	v := "as it is"
	if err := converter(t, "a").Unmarshal(nil, &v); err != nil || v != "as it is" {
		t.Errorf("got %q, %v, want it as it is", v, err)
	}
}

func TestKeysAreChecked(t *testing.T) {
	t.Parallel()
	good := base64.StdEncoding.EncodeToString(key('k'))
	for _, tt := range []struct{ name, text, want string }{
		{"one key", "2026=" + good, ""},
		{"two keys", "2026=" + good + ", 2025=" + good, ""},
		{"nothing", "", "key 1 of the list"},
		{"no id", "=" + good, "key 1 of the list"},
		{"an id with a colon", "a:b=" + good, `key "a:b"`},
		{"no base64", "2026=?", "key 1 of the list"},
		{"the same id twice", "a=" + good + ",a=" + good, "key 2 of the list"},
		{"a short key", "2026=AAAA", `key "2026": crypto/aes: invalid key size 3`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := seal.Parse(tt.text)
			switch {
			case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q in it", err, tt.want)
			case err != nil && strings.Contains(err.Error(), good):
				t.Errorf("%v shows the key", err)
			}
		})
	}
	if _, err := seal.New("c", map[string][]byte{"a": key('a')}); err == nil {
		t.Error("a current key that is not there is taken, want an error")
	}
}

func FuzzUnmarshal(f *testing.F) {
	c := converter(f, "a")
	sealed, err := c.Marshal("yes")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(sealed), `"sealed:a:"`, `"sealed::"`, `sealed:a:AAAA`, `"`, `{"a":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v string
		if err := c.Unmarshal(data, &v); err == nil && len(data) > 0 && v != "yes" {
			t.Errorf("%q is read as %q", data, v)
		}
	})
}

package dts_test

import (
	"context"
	"strings"
	"testing"

	"github.com/funchost/funchost/dts"
)

// noStore has nothing.
type noStore struct{}

func (noStore) Put(context.Context, []byte) (string, error) { return "", context.Canceled }
func (noStore) Get(context.Context, string) ([]byte, error) { return nil, dts.ErrPayloadGone }
func (noStore) Owns(string) bool                            { return true }

func TestPayloadsAreChecked(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]dts.Payloads{
		"wants a store": {},
		"threshold -1":  {Store: noStore{}, Threshold: -1},
		"1048577":       {Store: noStore{}, Threshold: 1<<20 + 1},
		"payload 1000":  {Store: noStore{}, Max: 1000},
	} {
		cs := dts.ConnectionString{Endpoint: "http://127.0.0.1", Authentication: dts.AuthNone}
		if _, err := dts.Dial(cs, dts.WithPayloads(p)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: Dial = %v, want an error with %q", p, err, want)
		}
	}
}

func TestTokenThatNobodyFetchedExplainsItself(t *testing.T) {
	t.Parallel()
	c, err := dts.Dial(dts.ConnectionString{Endpoint: "http://127.0.0.1", Authentication: dts.AuthNone})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var v string
	for _, token := range []string{"blob:v1:durabletask-payloads:0123", "file:v1:0123"} {
		if err := c.Converter().Unmarshal([]byte(token), &v); err == nil || !strings.Contains(err.Error(), "payload store") {
			t.Errorf("Unmarshal(%q) = %v, want a word about the payload store", token, err)
		}
	}
}

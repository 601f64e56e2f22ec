package payload_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/funchost/funchost/dts/payload"
)

func TestOpenTellsStoresApart(t *testing.T) {
	t.Parallel()
	for text, token := range map[string]string{
		"file:" + filepath.Join(t.TempDir(), "payloads"):                "file:v1:",
		"UseDevelopmentStorage=true":                                    "blob:v1:",
		"https://example.blob.core.windows.net?sig=x":                   "blob:v2:",
		"AccountName=a;AccountKey=YQ==;EndpointSuffix=core.windows.net": "blob:v1:",
	} {
		if store, err := payload.Open(text); err != nil || !store.Owns(token) {
			t.Errorf("Open(%q) = %v, %v, want a store of %s", text, store, err, token)
		}
	}
	for _, text := range []string{"", "file:", "/data/payloads", "https://example.blob.core.windows.net"} {
		if _, err := payload.Open(text); err == nil || !strings.Contains(err.Error(), "payload storage") {
			t.Errorf("Open(%q) = %v, want an error that says what is wrong", text, err)
		}
	}
}

package azureblob_test

import (
	"errors"
	"flag"
	"strings"
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/payload/azureblob"
)

var azurite = flag.String("azurite", "", "connection `string` of an emulator of Azure Storage to test against; make azurite starts one")

// TestAzuriteKeepsPayloads is the nearest to Azure that a machine of ours has.
func TestAzuriteKeepsPayloads(t *testing.T) {
	t.Parallel()
	if *azurite == "" {
		t.Skip("no emulator was named: make azurite")
	}
	client := azureblob.NewClient()
	t.Cleanup(client.CloseIdleConnections)
	for _, how := range []azureblob.Compression{azureblob.Gzip, azureblob.BareGzip, azureblob.Plain} {
		store, err := azureblob.New(*azurite, azureblob.WithCompression(how), azureblob.WithHTTPClient(client),
			azureblob.WithContainer("form-"+string(rune('a'+how))))
		if err != nil {
			t.Fatal(err)
		}
		payload := `"` + strings.Repeat("äöü", 1<<20) + `"`
		token, err := store.Put(t.Context(), []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{token, v2(token)} {
			if got, err := store.Get(t.Context(), form); err != nil || string(got) != payload {
				t.Errorf("Get(%q) = %.20q, %v, want what was put", form, got, err)
			}
		}
		if _, err := store.Get(t.Context(), token+"0"); !errors.Is(err, dts.ErrPayloadGone) {
			t.Errorf("Get of a blob that is not there = %v, want ErrPayloadGone", err)
		}
	}
	store, err := azureblob.New(strings.Replace(*azurite, "AccountKey=", "AccountKey=AAAA", 1), azureblob.WithHTTPClient(client))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), []byte("a")); err == nil || !strings.Contains(err.Error(), "check the key") {
		t.Errorf("Put with a wrong key = %v, want one that says so", err)
	}
}

// v2 is a token in the form that .NET writes.
func v2(token string) string {
	container, name, _ := strings.Cut(strings.TrimPrefix(token, "blob:v1:"), ":")
	_, rest, _ := strings.Cut(*azurite, "BlobEndpoint=")
	endpoint, _, _ := strings.Cut(rest, ";")
	return "blob:v2:" + endpoint + "/" + container + "/" + name
}

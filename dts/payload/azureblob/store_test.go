package azureblob_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/payload/azureblob"
)

func TestPayloadComesBackInEachForm(t *testing.T) {
	t.Parallel()
	payload := []byte(`"` + strings.Repeat("é", 1000) + `"`)
	for how, encoding := range map[azureblob.Compression]string{azureblob.Gzip: "gzip", azureblob.BareGzip: "", azureblob.Plain: ""} {
		s := newService()
		store := s.store(t, account, azureblob.WithCompression(how))
		token, err := store.Put(t.Context(), payload)
		if err != nil {
			t.Fatal(err)
		}
		if want := regexp.MustCompile(`^blob:v1:durabletask-payloads:[0-9a-f]{32}$`); !want.MatchString(token) || !store.Owns(token) {
			t.Errorf("token = %q, want one like %v", token, want)
		}
		kept := s.blobs["/durabletask-payloads/"+token[len(token)-32:]]
		if kept.encoding != encoding || bytes.Equal(kept.body, payload) != (how == azureblob.Plain) {
			t.Errorf("compression %d: blob of %d bytes with the encoding %q", how, len(kept.body), kept.encoding)
		}
		other := s.store(t, account, azureblob.WithCompression(azureblob.Plain)) // reads all forms
		if got, err := other.Get(t.Context(), token); err != nil || !bytes.Equal(got, payload) {
			t.Errorf("compression %d: Get = %.20q, %v", how, got, err)
		}
		if again, err := store.Put(t.Context(), payload); again != token || err != nil {
			t.Errorf("second Put = %q, %v, want %q", again, err, token)
		}
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTokensOfOtherSDKsAreRead has the forms of protocol/sdk.md 8.
func TestTokensOfOtherSDKsAreRead(t *testing.T) {
	t.Parallel()
	const digits = "0123456789abcdef0123456789abcdef"
	s := newService("durabletask-payloads")
	s.blobs["/durabletask-payloads/"+digits] = blob{zipped(t, "java"), "gzip"}
	s.blobs["/durabletask-payloads/a b@c/"+digits] = blob{zipped(t, "python"), ""}
	s.blobs["/durabletask-payloads/plain"] = blob{[]byte("net"), ""}
	store := s.store(t, account)
	for token, want := range map[string]string{
		"blob:v1:durabletask-payloads:" + digits:                                                   "java",
		"blob:v1:durabletask-payloads:a b@c/" + digits:                                             "python",
		"blob:v2:https://example.blob.core.windows.net/durabletask-payloads/plain":                 "net",
		"blob:v2:https://EXAMPLE.blob.core.windows.net/durabletask-payloads/a%20b%40c/" + digits:   "python",
		"blob:v2:https://example.blob.core.windows.net/durabletask-payloads/plain?sig=stolen#frag": "net",
	} {
		if got, err := store.Get(t.Context(), token); err != nil || string(got) != want {
			t.Errorf("Get(%q) = %q, %v, want %q", token, got, err, want)
		}
	}
}

func TestHostileTokenMakesNoRequest(t *testing.T) {
	t.Parallel()
	s := newService("durabletask-payloads", "secrets")
	s.blobs["/secrets/key"] = blob{[]byte("secret"), ""}
	store := s.store(t, account)
	for _, token := range []string{
		"blob:v1:", "blob:v1:durabletask-payloads", "blob:v1:durabletask-payloads:", "blob:v1:secrets:key", "blob:v1:durabletask-payloads:../secrets/key",
		"blob:v1:durabletask-payloads:a/../../secrets/key", "blob:v1:durabletask-payloads:..\\secrets", "blob:v1:durabletask-payloads:a//b",
		"blob:v1:durabletask-payloads:a\x00", "blob:v1:../secrets:key", "blob:v2:https://example.blob.core.windows.net/secrets/key",
		"blob:v2:https://evil.example/durabletask-payloads/a", "blob:v2:http://example.blob.core.windows.net/durabletask-payloads/a",
		"blob:v2:https://example.blob.core.windows.net@evil.example/durabletask-payloads/a", "blob:v2:file:///etc/passwd", "blob:v2:%zz",
		"blob:v2:https://example.blob.core.windows.net/durabletask-payloads/%2e%2e/secrets/key", "blob:v2:https://user@example.blob.core.windows.net/durabletask-payloads/a",
	} {
		if !store.Owns(token) {
			t.Errorf("Owns(%q) = false", token)
		}
		if got, err := store.Get(t.Context(), token); !errors.Is(err, dts.ErrPayloadGone) {
			t.Errorf("Get(%q) = %q, %v, want ErrPayloadGone", token, got, err)
		}
	}
	if n := len(s.requests); n > 0 {
		t.Errorf("%d requests were made, the first for %s", n, s.requests[0].URL)
	}
}

func TestOnlyAMissingBlobIsALoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService("durabletask-payloads")
		store := s.store(t, account)
		if _, err := store.Get(t.Context(), "blob:v1:durabletask-payloads:a"); !errors.Is(err, dts.ErrPayloadGone) {
			t.Errorf("Get of no blob = %v, want ErrPayloadGone", err)
		}
		for _, a := range []answer{
			{status: 404, code: "ContainerNotFound"}, {status: 403, code: "AuthorizationFailure"}, {status: 503, code: "ServerBusy"}, {err: errNetwork},
		} {
			s.refuse = []answer{a, a, a, a}
			if _, err := store.Get(t.Context(), "blob:v1:durabletask-payloads:a"); err == nil || errors.Is(err, dts.ErrPayloadGone) {
				t.Errorf("Get answered %+v = %v, want an error that may pass", a, err)
			}
			s.refuse = nil
		}
	})
}

func TestPassingProblemIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService("durabletask-payloads")
		s.refuse = []answer{{status: 503, code: "ServerBusy"}, {err: errNetwork}, {status: 429}}
		began := time.Now()
		if _, err := s.store(t, account).Put(t.Context(), []byte("a")); err != nil {
			t.Fatal(err)
		}
		if got, want := time.Since(began), 1750*time.Millisecond; got != want || len(s.requests) != 4 {
			t.Errorf("%d requests in %v, want 4 in %v", len(s.requests), got, want)
		}
	})
}

func TestErrorsHideWhatIsSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, storage := range []string{
			account, "BlobEndpoint=https://example.blob.core.windows.net;SharedAccessSignature=sv=1&sig=c2VjcmV0LWtleQ==", "https://example.blob.core.windows.net?sig=c2VjcmV0LWtleQ==",
		} {
			s := newService()
			s.refuse = []answer{{err: errNetwork}, {err: errNetwork}, {err: errNetwork}, {err: errNetwork}}
			_, err := s.store(t, storage).Put(t.Context(), []byte("canary"))
			if err == nil || !errors.Is(err, errNetwork) || !strings.Contains(err.Error(), "https://example.blob.core.windows.net") {
				t.Errorf("Put = %v, want one that says where", err)
			} else if strings.Contains(err.Error(), "c2Vj") || strings.Contains(err.Error(), "sig=") || strings.Contains(err.Error(), "canary") {
				t.Errorf("Put = %v, which gives a secret away", err)
			}
		}
	})
	for _, wrong := range []string{
		"", "canary", "canary=a;b", "AccountName=a;AccountKey=canary!", "https://user:canary@host", "https://", "AccountName=a", "BlobEndpoint=canary", "http://\x00canary",
	} {
		if _, err := azureblob.New(wrong); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("New(%q) = %v, want an error that does not repeat it", wrong, err)
		}
	}
	if _, err := azureblob.New(account, azureblob.WithContainer("Not/Good")); err == nil {
		t.Error("a container with a wrong name was taken")
	}
}

// tokens is a source that counts.
type tokens struct{ asked int }

func (s *tokens) Token(context.Context) (dts.Token, error) {
	s.asked++
	return dts.Token{Value: "token", Expires: time.Now().Add(time.Hour)}, nil
}

func TestTokenIsKeptAndNeverSentInPlaintext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, source := newService("durabletask-payloads"), &tokens{}
		store := s.store(t, "https://example.blob.core.windows.net/", azureblob.WithTokens(source))
		for range 3 {
			if _, err := store.Put(t.Context(), []byte("a")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(56 * time.Minute)
		if _, err := store.Put(t.Context(), []byte("a")); err != nil || source.asked != 2 {
			t.Errorf("the source was asked %d times (%v), want 2", source.asked, err)
		}
		if got := s.requests[0].Header.Get("Authorization"); got != "Bearer token" {
			t.Errorf("Authorization = %q", got)
		}
		n := len(s.requests)
		if _, err := s.store(t, "http://example.test", azureblob.WithTokens(source)).Put(t.Context(), []byte("a")); err == nil || len(s.requests) > n {
			t.Errorf("Put over http = %v after %d requests, want an error and none", err, len(s.requests)-n)
		}
	})
}

// TestSharedKeySignature keeps the signature of a request as it was when Azurite took
// those of this code. The bubble has a fixed time.
func TestSharedKeySignature(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService("devstoreaccount1")
		if _, err := s.store(t, "UseDevelopmentStorage=true", azureblob.WithCompression(azureblob.Plain)).Put(t.Context(), []byte("a")); err != nil {
			t.Fatal(err)
		}
		r := s.requests[0]
		if got, want := r.URL.String(), "http://127.0.0.1:10000/devstoreaccount1/durabletask-payloads/ca978112ca1bbdcafac231b39a23dc4d"; got != want {
			t.Errorf("URL = %s, want %s", got, want)
		}
		if got, want := r.Header.Get("Authorization"), "SharedKey devstoreaccount1:vaitLj+w19YUtxWLOK0U57Le+Ops+CmuoTKipQ233+U="; got != want {
			t.Errorf("Authorization = %q, want %q", got, want)
		}
	})
}

package azureblob

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/funchost/funchost/dts"
)

// sharedKey signs with the key of an account: "Authorize with Shared Key" in the
// documentation of Azure Storage.
type sharedKey struct {
	name string
	key  []byte
}

func (k sharedKey) sign(_ context.Context, r *http.Request) error {
	mac := hmac.New(sha256.New, k.key)
	mac.Write([]byte(k.text(r)))
	r.Header.Set("Authorization", "SharedKey "+k.name+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}

// text is what is signed.
func (k sharedKey) text(r *http.Request) string {
	length := ""
	if r.ContentLength > 0 {
		length = strconv.FormatInt(r.ContentLength, 10)
	}
	h := r.Header
	lines := []string{
		r.Method, h.Get("Content-Encoding"), h.Get("Content-Language"), length, h.Get("Content-MD5"), h.Get("Content-Type"), h.Get("Date"),
		h.Get("If-Modified-Since"), h.Get("If-Match"), h.Get("If-None-Match"), h.Get("If-Unmodified-Since"), h.Get("Range"),
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-ms-") {
			lines = append(lines, lower+":"+strings.Join(h[name], ","))
		}
	}
	lines = append(lines, "/"+k.name+r.URL.EscapedPath())
	query := r.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		lines = append(lines, strings.ToLower(name)+":"+strings.Join(slices.Sorted(slices.Values(query[name])), ","))
	}
	return strings.Join(lines, "\n")
}

// bearer adds the newest token of a source.
type bearer struct {
	source    dts.TokenSource
	plaintext bool

	mu   sync.Mutex // held while the source is asked: once is enough
	kept dts.Token
}

// refreshBefore is how long before its end a token is replaced.
const refreshBefore = 5 * time.Minute

func (b *bearer) sign(ctx context.Context, r *http.Request) error {
	if b.plaintext {
		return errors.New("a token would travel in plaintext: use an https endpoint")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Until(b.kept.Expires) <= refreshBefore {
		fresh, err := b.source.Token(ctx)
		switch {
		case err == nil:
			b.kept = fresh
		case time.Until(b.kept.Expires) <= 0:
			return fmt.Errorf("no token: %w", err)
		}
	}
	r.Header.Set("Authorization", "Bearer "+b.kept.Value)
	return nil
}

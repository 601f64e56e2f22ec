// Package azureblob keeps payloads that are too large for a hub in Azure Blob
// Storage, in the way of the other SDKs of the protocol: they read its tokens and
// it reads theirs.
//
//	store, err := azureblob.New(os.Getenv("PAYLOAD_STORAGE"))
//	…
//	client, err := dts.Dial(cs, dts.WithPayloads(dts.Payloads{Store: store}))
package azureblob

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/funchost/funchost/dts"
)

// Store is a container of blobs. It is a [dts.PayloadStore].
type Store struct {
	account   *account
	container string
	how       Compression
}

// DefaultContainer is the container that all SDKs use unless they are told another.
const DefaultContainer = "durabletask-payloads"

// Compression is how new payloads are written. All forms are read, whichever it is.
type Compression int

// The forms of a payload.
const (
	// Gzip compresses and says so in the Content-Encoding of the blob: the default, and
	// what .NET and Java do.
	Gzip Compression = iota
	// BareGzip compresses and does not say so: what Python does and reads unless it is
	// told otherwise.
	BareGzip
	// Plain does not compress. Every SDK reads it, Python with enable_compression=False.
	Plain
)

// Option changes what [New] makes. A repeated option replaces the earlier one.
type Option func(*options)

type options struct {
	container string
	how       Compression
	tokens    dts.TokenSource
	client    *http.Client
}

// WithContainer takes another container than [DefaultContainer]. It is made when the
// first payload is stored, unless it is there.
func WithContainer(name string) Option { return func(o *options) { o.container = name } }

// WithCompression sets how payloads are written.
func WithCompression(c Compression) Option { return func(o *options) { o.how = c } }

// WithTokens proves who is calling with tokens for https://storage.azure.com/.default
// instead of a key: those of a managed identity, for example. The identity needs the
// role Storage Blob Data Contributor. A token is asked for again five minutes before
// it expires.
func WithTokens(ts dts.TokenSource) Option { return func(o *options) { o.tokens = ts } }

// WithHTTPClient makes the requests with c. It must not decompress by itself, and
// must not follow redirects.
func WithHTTPClient(c *http.Client) Option { return func(o *options) { o.client = c } }

// New returns the store that storage names: the connection string of a storage
// account (with an account key or a shared access signature, or
// UseDevelopmentStorage=true for the Azurite emulator), or the URL of its blob
// service, as in https://example.blob.core.windows.net, with a shared access
// signature behind the ? or with [WithTokens]. It does no I/O.
func New(storage string, opts ...Option) (*Store, error) {
	o := options{container: DefaultContainer, client: newClient()}
	for _, opt := range opts {
		opt(&o)
	}
	if !containerName.MatchString(o.container) {
		return nil, fmt.Errorf("payload container %q: want 3 to 63 lower-case letters, digits and single hyphens", o.container)
	}
	a, err := parse(storage)
	if err != nil {
		return nil, fmt.Errorf("payload storage: %w", err)
	}
	a.client = o.client
	if o.tokens != nil {
		a.sign = (&bearer{source: o.tokens, plaintext: a.plaintext()}).sign
	}
	if a.sign == nil {
		return nil, errors.New("payload storage: nothing in it proves who is calling\n" +
			"  give a connection string with AccountKey or SharedAccessSignature, a URL with a signature, or WithTokens")
	}
	return &Store{account: a, container: o.container, how: o.how}, nil
}

// Owns reports whether text is a token of this kind of store.
func (s *Store) Owns(text string) bool { return isToken(text) }

// Put keeps a payload. The same payload is the same blob, which is written anew each
// time, so that its age is that of the last time.
func (s *Store) Put(ctx context.Context, payload []byte) (string, error) {
	hash := sha256.Sum256(payload)
	name := hex.EncodeToString(hash[:16]) // Java reads 32 digits
	body, encoding := payload, ""
	if s.how != Plain {
		body = compress(payload)
	}
	if s.how == Gzip {
		encoding = "gzip"
	}
	err := s.account.put(ctx, s.container, name, body, encoding)
	if is(err, codeNoContainer) {
		if err = s.account.create(ctx, s.container); err == nil {
			err = s.account.put(ctx, s.container, name, body, encoding)
		}
	}
	if err != nil {
		return "", err
	}
	return tokenV1 + s.container + ":" + name, nil
}

// Get returns a payload. A token of another container or account is refused: this
// store's rights are not for whoever can write a token.
func (s *Store) Get(ctx context.Context, token string) ([]byte, error) {
	container, name, err := s.account.parseToken(token)
	if err == nil && container != s.container {
		err = fmt.Errorf("it is of the container %q and this store has %q", container, s.container)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the token %.200q is not for this store: %w", dts.ErrPayloadGone, token, err)
	}
	body, err := s.account.get(ctx, container, name)
	if is(err, codeNoBlob) {
		return nil, fmt.Errorf("%w: container %q has no blob %q", dts.ErrPayloadGone, container, name)
	}
	if err != nil {
		return nil, err
	}
	payload, err := decompress(body)
	if err != nil {
		return nil, fmt.Errorf("%w: blob %q: %w", dts.ErrPayloadGone, name, err)
	}
	return payload, nil
}

// largest is how much of a blob is read: far above what any SDK writes.
const largest = 256 << 20

var errTooLarge = fmt.Errorf("it has more than %d bytes", largest)

func compress(payload []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(payload) // a buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// decompress goes by how the blob begins, not by what is said about it: no text
// begins like that.
func decompress(body []byte) ([]byte, error) {
	if !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return readAll(z)
}

func readAll(r io.Reader) ([]byte, error) {
	all, err := io.ReadAll(io.LimitReader(r, largest+1))
	if len(all) > largest {
		return nil, errTooLarge
	}
	return all, err
}

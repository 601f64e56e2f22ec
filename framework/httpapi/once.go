package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/funchost/funchost/dts"
)

const (
	keyHeader = "Idempotency-Key"
	keyTag    = "idempotency-key" // holds a hash of the key
	maxKey    = 255               // bytes
)

// Start starts what a request asks for. If the request has the header
// Idempotency-Key it may be a repetition: as long as there is an instance that a
// request with the same key and for the same orchestrator has started, finished or
// not, nothing is started and the id is that instance's. A start without an id gets
// one that is made of the key.
//
// The error is an [*Error] with code 400 for what cannot be a key and 422 for a key
// that came with another input before; else it is that of [dts.Client.Start].
func Start(ctx context.Context, c *dts.Client, r *http.Request, s dts.StartRequest) (id string, err error) {
	values := r.Header.Values(keyHeader)
	if len(values) == 0 {
		return c.Start(ctx, s)
	}
	if key := values[0]; len(values) > 1 || key == "" || len(key) > maxKey {
		return "", badRequest("%s: want one value of 1 to %d bytes", keyHeader, maxKey)
	}
	// An id must not tell the key, which is between the caller and us.
	sum := sha256.Sum256([]byte(s.Name + "\n" + values[0]))
	key := hex.EncodeToString(sum[:20])
	if s.ID == "" {
		s.ID = "key:" + key
	}
	tags := map[string]string{keyTag: key}
	maps.Copy(tags, s.Tags)
	s.Tags, s.Reuse = tags, &dts.ReusePolicy{}
	id, err = c.Start(ctx, s)
	if !errors.Is(err, dts.ErrExists) {
		return id, err
	}
	first, getErr := c.Instance(ctx, s.ID)
	switch {
	case getErr != nil:
		return "", fmt.Errorf("look for the first request with the same key: %w", getErr)
	case first.Tags[keyTag] != key:
		return "", err // the id is somebody else's
	case !bytes.Equal(first.Input, s.Input):
		return "", &Error{http.StatusUnprocessableEntity, keyHeader + ": the key came with another input before"}
	default:
		return s.ID, nil
	}
}

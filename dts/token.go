package dts

import (
	"context"
	"time"
)

// TokenSource obtains tokens for the scheduler. The client keeps a token and
// asks again five minutes before it expires, never twice at a time; a source
// need not keep any itself. Token must honour ctx.
type TokenSource interface {
	Token(ctx context.Context) (Token, error)
}

// Token is what proves who is calling.
type Token struct {
	// Value is sent as a bearer token. It is a secret.
	Value string
	// Expires is when the scheduler stops accepting it.
	Expires time.Time
}

// refreshBefore is how long before its end a token is replaced; the other SDKs
// of the protocol use the same.
const refreshBefore = 5 * time.Minute

// tokenCache keeps the newest token of a source. Slot holds the token and is the
// lock: whoever took it out puts it back, and a waiter can leave with its
// context.
type tokenCache struct {
	source TokenSource
	slot   chan Token
}

func newTokenCache(source TokenSource) *tokenCache {
	c := &tokenCache{source: source, slot: make(chan Token, 1)}
	c.slot <- Token{}
	return c
}

// token gives a token that holds for now. A refresh that fails is no error as
// long as the old token is good.
func (c *tokenCache) token(ctx context.Context) (string, error) {
	var kept Token
	select {
	case kept = <-c.slot:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { c.slot <- kept }()
	left := time.Until(kept.Expires)
	if left > refreshBefore {
		return kept.Value, nil
	}
	fresh, err := c.source.Token(ctx)
	switch {
	case err == nil:
		kept = fresh
	case left <= 0:
		return "", err
	}
	return kept.Value, nil
}

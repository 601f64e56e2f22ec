package dts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// StaticToken is a source of one token that does not expire, such as one of
// those that `funchost scheduler --token-file` lets in.
func StaticToken(value string) TokenSource { return staticToken(value) }

type staticToken string

func (s staticToken) Token(context.Context) (Token, error) {
	return Token{Value: string(s), Expires: time.Now().AddDate(100, 0, 0)}, nil
}

// TokenFile is a source of the token that a file holds, without the space around
// it. The file is read again every minute that calls are made in, so that a token
// can be replaced while the program runs.
func TokenFile(name string) TokenSource { return tokenFile(name) }

type tokenFile string

// rereadTokens is how old a token of a file may get.
const rereadTokens = time.Minute

func (f tokenFile) Token(context.Context) (Token, error) {
	text, err := os.ReadFile(string(f))
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	if err != nil {
		return Token{}, fmt.Errorf("token file %q: %w", string(f), err)
	}
	value := strings.TrimSpace(string(text))
	if value == "" || strings.ContainsAny(value, "\r\n") {
		return Token{}, fmt.Errorf("token file %q: want one line with the token", string(f))
	}
	return Token{Value: value, Expires: time.Now().Add(refreshBefore + rereadTokens)}, nil
}

package scheduler

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// TokenFile is a file of bearer tokens, one a line; empty lines and lines that
// begin with # do not count. A token has 16 characters or more. The file is read
// again when it changes, so that a token can be replaced while the server runs:
// add the new one, move the callers over, remove the old one. While the file
// cannot be used, the tokens that were read last hold.
//
// Its methods are safe for concurrent use.
type TokenFile struct {
	name string
	log  *slog.Logger

	mu     sync.Mutex // guards what follows
	hashes [][sha256.Size]byte
	seen   stamp     // the file that was read last, usable or not
	looked time.Time // when the file was looked at last
}

// stamp tells whether a file has changed.
type stamp struct {
	modified time.Time
	size     int64
}

// lookEvery is how often a token file is looked at.
const lookEvery = time.Second

// minToken is how short a token may be. Who can guess is not kept out.
const minToken = 16

// OpenTokenFile reads a token file. It fails where the file holds no token.
func OpenTokenFile(name string, log *slog.Logger) (*TokenFile, error) {
	f := &TokenFile{name: name, log: log}
	var err error
	if f.hashes, f.seen, err = readTokens(name); err != nil {
		return nil, err
	}
	f.looked = time.Now()
	return f, nil
}

// Authorize tells whether a token is in the file. How long it takes does not
// depend on how much of the token is right.
func (f *TokenFile) Authorize(token string) bool {
	hash := sha256.Sum256([]byte(token))
	known := 0
	for _, h := range f.current() {
		known |= subtle.ConstantTimeCompare(h[:], hash[:])
	}
	return known == 1
}

func (f *TokenFile) current() [][sha256.Size]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) < lookEvery {
		return f.hashes
	}
	f.looked = time.Now()
	seen, err := look(f.name)
	if err == nil && seen == f.seen {
		return f.hashes
	}
	hashes, seen, err := readTokens(f.name)
	switch {
	case err == nil:
		f.hashes = hashes
		f.log.Info("tokens were read again", "tokens", len(hashes))
	case seen != f.seen:
		f.log.Warn("the tokens from before still hold", "error", err)
	}
	f.seen = seen
	return f.hashes
}

func look(name string) (stamp, error) {
	info, err := os.Stat(name)
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.ModTime(), info.Size()}, nil
}

func readTokens(name string) (hashes [][sha256.Size]byte, seen stamp, err error) {
	if seen, err = look(name); err != nil {
		return nil, seen, tokenFileError(name, err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, seen, tokenFileError(name, err)
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		token := strings.TrimSpace(line)
		switch {
		case token == "" || token[0] == '#':
		case len(token) < minToken:
			return nil, seen, fmt.Errorf("token file %q: the token in line %d has %d characters, want %d or more: make one with openssl rand -hex 32",
				name, number, len(token), minToken)
		default:
			hashes = append(hashes, sha256.Sum256([]byte(token)))
		}
	}
	if len(hashes) == 0 {
		return nil, seen, fmt.Errorf("token file %q holds no token: make one with openssl rand -hex 32", name)
	}
	return hashes, seen, nil
}

// tokenFileError names the file once.
func tokenFileError(name string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Errorf("token file %q: %w", name, err)
}

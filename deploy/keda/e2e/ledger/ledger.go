// Package ledger is what the workers of the test write down and the test reads: one
// line for each thing that happened, in a file that all of them append to.
package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Event is a kind of entry.
type Event string

// The events: an activity begins and ends, a worker is told to stop.
const (
	Begin Event = "begin"
	End   Event = "end"
	Stop  Event = "stop"
)

// Entry is one line.
type Entry struct {
	Event    Event     `json:"event"`
	Worker   string    `json:"worker"`             // name of the pod
	Activity string    `json:"activity,omitempty"` // its orchestration and its number there; empty for Stop
	At       time.Time `json:"at"`
}

// Ledger appends to a file.
type Ledger struct{ file *os.File }

// Open opens a file to append to. Many processes may: the system never mixes
// appends of one short line each.
func Open(name string) (*Ledger, error) {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return &Ledger{f}, err
}

// Note appends an entry with the time of now.
func (l *Ledger) Note(e Entry) error {
	e.At = time.Now()
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = l.file.Write(append(line, '\n'))
	return err
}

// Read reads the entries from a moment on. A file that is not there yet is empty.
func Read(name string, from time.Time) ([]Entry, error) {
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var entries []Entry
	for lines := json.NewDecoder(bytes.NewReader(text)); ; {
		var e Entry
		if err := lines.Decode(&e); errors.Is(err, io.EOF) {
			return entries, nil
		} else if err != nil {
			return nil, fmt.Errorf("read %s after %d entries: %w", name, len(entries), err)
		}
		if !e.At.Before(from) {
			entries = append(entries, e)
		}
	}
}

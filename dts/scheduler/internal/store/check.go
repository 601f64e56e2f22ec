package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// Report is what a check has found.
type Report struct {
	Hubs, Rows, Instances, Entities int
	// Problems are the first of what is wrong, in words; More is how many others
	// there are.
	Problems []string
	More     int
}

// maxProblems bounds a report: a directory that is broken is broken everywhere.
const maxProblems = 100

func (r *Report) addf(format string, args ...any) {
	if len(r.Problems) == maxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// Check reads every row and compares: each can be decoded and belongs to
// something, each instance has its rows in the indexes, and they have no others.
// It is for a store that nobody changes meanwhile. The error is that of a store
// which cannot be read to its end.
func (s *Store) Check(ctx context.Context) (*Report, error) {
	c := &checker{store: s, report: &Report{}, counts: make(map[uint32]map[byte]int)}
	hubs, err := s.Hubs()
	if err != nil {
		return nil, err
	}
	c.report.Hubs = len(hubs)
	known := make(map[uint32]string, len(hubs))
	for _, name := range slices.Sorted(maps.Keys(hubs)) {
		number := hubs[name].GetNumber()
		if other, taken := known[number]; taken || number == 0 {
			c.report.addf("task hub %q: has number %d, as has %q", name, number, other)
		}
		known[number] = name
	}
	if err := c.rows(ctx, known); err != nil {
		return nil, err
	}
	for _, number := range slices.Sorted(maps.Keys(known)) {
		h := &hubChecker{checker: c, hub: number, name: known[number]}
		if err := h.check(ctx); err != nil {
			return nil, fmt.Errorf("task hub %q: %w", h.name, err)
		}
	}
	return c.report, nil
}

type checker struct {
	store  *Store
	report *Report
	counts map[uint32]map[byte]int // rows, by hub and kind; an instance without its history
}

// rows looks at each row by itself.
func (c *checker) rows(ctx context.Context, known map[uint32]string) error {
	return c.store.scan(nil, nil, func(k, v []byte) (bool, error) {
		if c.report.Rows++; c.report.Rows%1024 == 0 && ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		if len(k) < 5 {
			c.report.addf("row %x: is of no kind that there is", k)
			return true, nil
		}
		hub, kind := binary.BigEndian.Uint32(k), k[4]
		if _, ok := known[hub]; !ok && hub != 0 {
			c.report.addf("row %x: is of task hub %d, which there is not", k, hub)
			return true, nil
		}
		if problem := c.row(hub, kind, k[5:], v); problem != "" {
			c.report.addf("row %x: %s", k, problem)
		}
		return true, nil
	})
}

// row says what is wrong with a row.
func (c *checker) row(hub uint32, kind byte, k, v []byte) string {
	var want proto.Message // that the value decodes to
	size := -1             // of a value that is no message
	atLeast := 0           // bytes of the key
	switch {
	case hub == 0 && kind == kindHub:
		want, atLeast = &record.Hub{}, 1
	case hub == 0 && (kind == kindEpoch || kind == kindLastHub):
		size = 8
	case hub == 0:
		return "is of no kind that there is"
	case kind == kindInstance:
		id, rest, history := bytes.Cut(k, []byte{0})
		want, atLeast = &record.Instance{}, 1
		if history {
			want, k, atLeast = &dtspb.HistoryEvent{}, append([]byte(nil), rest...), 16
			if len(id) == 0 || len(rest) != atLeast {
				return "has a key that cannot be read"
			}
			if binary.BigEndian.Uint32(rest[12:]) == 0 {
				want = &dtspb.HistoryChunk{}
			}
			c.count(hub, kind, -1) // the instance counts, not its history
		}
	case kind == kindTask:
		want, atLeast = &record.Task{}, 1+13
	case kind == kindTimer:
		size, atLeast = 0, 8+1+13
	case kind == kindReady:
		want, atLeast = &record.Ready{}, 1
	case kind == kindCreated:
		size, atLeast = 0, 8+1
	case kind == kindEnded:
		size, atLeast = 1, 8+1
	case kind == kindEntity:
		want, atLeast = &record.Entity{}, 1
	case kind == kindQueue:
		want, atLeast = &record.EntityMessage{}, 1+9
	case kind == kindLosses:
		size, atLeast = 4, 1+13
	default:
		return "is of no kind that there is"
	}
	c.count(hub, kind, 1)
	switch {
	case len(k) < atLeast:
		return "has a key that cannot be read"
	case want == nil && len(v) != size:
		return fmt.Sprintf("has a value of %d bytes, want %d", len(v), size)
	case want == nil:
		return ""
	}
	if err := proto.Unmarshal(v, want); err != nil {
		return fmt.Sprintf("has a value that cannot be read: %v", err)
	}
	return ""
}

func (c *checker) count(hub uint32, kind byte, n int) {
	if c.counts[hub] == nil {
		c.counts[hub] = make(map[byte]int)
	}
	c.counts[hub][kind] += n
}

package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"
	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// get reads one row into m and tells whether it is there.
func (s *Store) get(k key, m proto.Message) (bool, error) {
	v, closer, err := s.db.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unread(k, err)
	}
	defer closer.Close()
	if err := proto.Unmarshal(v, m); err != nil {
		return false, damaged(k, err)
	}
	return true, nil
}

// scan calls f with each row from lower up to upper until it returns false. The
// slices are f's only during the call.
func (s *Store) scan(lower, upper key, f func(k, v []byte) (bool, error)) (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := it.Close(); err == nil { // else it says the same again
			err = closeErr
		}
	}()
	near := append([]byte(nil), lower...) // the last row that could be read
	for ok := it.First(); ok; ok = it.Next() {
		near = append(near[:0], it.Key()...)
		v, err := it.ValueAndErr()
		if err != nil {
			return unread(it.Key(), err)
		}
		if more, err := f(it.Key(), v); !more || err != nil {
			return err
		}
	}
	return unread(near, it.Error())
}

// ErrDamaged tells that something on disk is not what was written.
var ErrDamaged = errors.New("damaged data")

// unread names the row, or the first of the rows, that could not be read.
func unread(k []byte, err error) error {
	if !pebble.IsCorruptionError(err) {
		return err
	}
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		return fmt.Errorf("%w: file %s, in or behind row %x, restore the data directory from a backup: %s", ErrDamaged, info.Path, k, info.Details.Error())
	}
	return damaged(k, err)
}

func damaged(k []byte, err error) error {
	return fmt.Errorf("%w: row %x, restore the data directory from a backup: %w", ErrDamaged, k, err)
}

// Record returns the instance's own row, nil if there is none.
func (s *Store) Record(hub uint32, id string) (*record.Instance, error) {
	rec := &record.Instance{}
	if ok, err := s.get(idKey(nil, hub, kindInstance, id), rec); !ok {
		return nil, err
	}
	return rec, nil
}

// Instance is what is stored of an instance.
type Instance struct {
	Record   *record.Instance
	History  []*dtspb.HistoryEvent
	Inbox    []engine.Message
	ReadyRow bool
}

// Instance reads an instance with its history, nil if there is none.
func (s *Store) Instance(hub uint32, id string) (*Instance, error) {
	rec, err := s.Record(hub, id)
	if rec == nil {
		return nil, err
	}
	in := &Instance{Record: rec, History: make([]*dtspb.HistoryEvent, 0, rec.GetEvents()+8)}
	if in.Inbox, err = s.history(hub, rec, func(e *dtspb.HistoryEvent) bool {
		in.History = append(in.History, e)
		return true
	}); err != nil {
		return nil, err
	}
	in.ReadyRow, err = s.get(idKey(nil, hub, kindReady, id), &record.Ready{})
	return in, err
}

// History calls f with each event of the execution that was committed when rec
// was read, in order, until it returns false. There is none if another execution
// has taken its place since.
func (s *Store) History(hub uint32, rec *record.Instance, f func(*dtspb.HistoryEvent) bool) error {
	_, err := s.history(hub, rec, f)
	return err
}

// history walks the rows of an execution: committed events go to f, messages
// beyond the last committed turn are returned.
func (s *Store) history(hub uint32, rec *record.Instance, f func(*dtspb.HistoryEvent) bool) (inbox []engine.Message, err error) {
	prefix := executionKey(nil, hub, kindInstance, rec.GetId(), rec.GetGeneration())
	var rest []*dtspb.HistoryEvent // of the turn being read: what follows its messages
	flush := func() bool {
		for _, e := range rest {
			if !f(e) {
				return false
			}
		}
		rest = nil
		return true
	}
	more := true
	err = s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		turn, slot := binary.BigEndian.Uint32(k[len(prefix):]), binary.BigEndian.Uint32(k[len(prefix)+4:])
		if slot == 0 && turn > rec.GetTurn() {
			return false, nil // committed since rec was read
		}
		if slot == 0 {
			chunk := &dtspb.HistoryChunk{}
			if err := proto.Unmarshal(v, chunk); err != nil {
				return false, damaged(k, err)
			}
			if len(chunk.GetEvents()) == 0 {
				return false, damaged(k, errors.New("a turn without events"))
			}
			more = flush() && f(chunk.GetEvents()[0])
			rest = chunk.GetEvents()[1:]
			return more, nil
		}
		e := &dtspb.HistoryEvent{}
		if err := proto.Unmarshal(v, e); err != nil {
			return false, damaged(k, err)
		}
		if turn <= rec.GetTurn() {
			more = f(e)
			return more, nil
		}
		if !engine.Terminal(rec.GetStatus()) {
			inbox = append(inbox, engine.Message{Turn: turn, Slot: slot, Event: e, Stored: true})
		}
		return true, nil
	})
	if more && err == nil {
		flush()
	}
	return inbox, err
}

// Input returns the payload that the current execution was started with.
func (s *Store) Input(hub uint32, rec *record.Instance) (*dtspb.ExecutionStartedEvent, error) {
	e := &dtspb.HistoryEvent{}
	ok, err := s.get(historyKey(nil, hub, rec.GetId(), rec.GetGeneration(), 1, 1), e)
	if err != nil || !ok {
		return nil, err
	}
	return e.GetExecutionStarted(), nil
}

// Cursor is a place in the order of creation; the zero value is the beginning.
type Cursor struct {
	Created int64
	ID      string
}

// Created calls f with the place of each instance created at or after from and
// before to, in the order of creation, beginning behind the cursor, until f
// returns false. Whoever reads the instance may find it deleted or replaced by one
// of another time.
func (s *Store) Created(hub uint32, from, to int64, behind Cursor, f func(Cursor) (bool, error)) error {
	lower := newKey(nil, hub, kindCreated).u64(uint64(max(from, 0)))
	if behind != (Cursor{}) {
		if k := append(createdKey(nil, hub, behind.Created, behind.ID), 0); string(k) > string(lower) {
			lower = k
		}
	}
	upper := newKey(nil, hub, kindCreated).u64(uint64(to))
	if to == math.MaxInt64 {
		upper = after(newKey(nil, hub, kindCreated))
	}
	return s.scan(lower, upper, func(k, _ []byte) (bool, error) {
		return f(Cursor{Created: int64(binary.BigEndian.Uint64(k[5:])), ID: string(k[13:])})
	})
}

// Instances is Created with the instances.
func (s *Store) Instances(hub uint32, from, to int64, behind Cursor, f func(*record.Instance) (bool, error)) error {
	return s.Created(hub, from, to, behind, func(c Cursor) (bool, error) {
		rec, err := s.Record(hub, c.ID)
		if err != nil {
			return false, err
		}
		if rec == nil || rec.GetCreated() != c.Created {
			return true, nil
		}
		return f(rec)
	})
}

// Ready calls f with every instance that has stored messages.
func (s *Store) Ready(hub uint32, f func(id string, r *record.Ready)) error {
	prefix := newKey(nil, hub, kindReady)
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		r := &record.Ready{}
		if err := proto.Unmarshal(v, r); err != nil {
			return false, damaged(k, err)
		}
		f(string(k[len(prefix):]), r)
		return true, nil
	})
}

// Tasks calls f with every activity without outcome.
func (s *Store) Tasks(hub uint32, f func(engine.Task)) error {
	prefix := newKey(nil, hub, kindTask)
	return s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		t := &record.Task{}
		if err := proto.Unmarshal(v, t); err != nil {
			return false, damaged(k, err)
		}
		id, gen, task := parseScope(k[len(prefix):])
		f(engine.Task{TaskKey: engine.TaskKey{ID: id, Gen: gen, TaskID: task}, Task: t})
		return true, nil
	})
}

// Timers returns up to limit timers in the order they are due, beginning behind
// the given one; nil is the beginning.
func (s *Store) Timers(hub uint32, behind *engine.Timer, limit int) ([]engine.Timer, error) {
	prefix := newKey(nil, hub, kindTimer)
	lower := prefix
	if behind != nil {
		lower = append(timerKey(nil, hub, behind.Due, behind.ID, behind.Gen, behind.TaskID), 0)
	}
	var timers []engine.Timer
	err := s.scan(lower, after(prefix), func(k, _ []byte) (bool, error) {
		k = k[len(prefix):]
		id, gen, task := parseScope(k[8:])
		timers = append(timers, engine.Timer{
			TaskKey: engine.TaskKey{ID: id, Gen: gen, TaskID: task},
			Due:     int64(binary.BigEndian.Uint64(k)),
		})
		return len(timers) < limit, nil
	})
	return timers, err
}

package store

import (
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// Entity is what is stored of an entity.
type Entity struct {
	// Record is nil for an entity that has messages only, or nothing.
	Record   *record.Entity
	Messages []engine.EntityMessage
	ReadyRow bool
}

// EntityRecord returns the entity's own row, nil if there is none.
func (s *Store) EntityRecord(hub uint32, id string) (*record.Entity, error) {
	rec := &record.Entity{}
	if ok, err := s.get(idKey(nil, hub, kindEntity, id), rec); !ok {
		return nil, err
	}
	return rec, nil
}

// Entity reads an entity with its messages.
func (s *Store) Entity(hub uint32, id string) (*Entity, error) {
	rec, err := s.EntityRecord(hub, id)
	if err != nil {
		return nil, err
	}
	e := &Entity{Record: rec}
	prefix := append(idKey(nil, hub, kindQueue, id), 0)
	err = s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		m := &record.EntityMessage{}
		if err := proto.Unmarshal(v, m); err != nil {
			return false, damaged(k, err)
		}
		e.Messages = append(e.Messages, engine.EntityMessage{Number: binary.BigEndian.Uint64(k[len(prefix):]), EntityMessage: m})
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	e.ReadyRow, err = s.get(idKey(nil, hub, kindReady, id), &record.Ready{})
	return e, err
}

// Entities calls f with the entities whose id begins with prefix, in the order of
// ids, beginning behind an id, until f returns false. Entities that have messages
// and neither state nor lock are not among them; see Queued.
func (s *Store) Entities(hub uint32, prefix, behind string, f func(*record.Entity) (bool, error)) error {
	lower := idKey(nil, hub, kindEntity, prefix)
	upper := after(lower)
	if behind >= prefix && behind != "" {
		lower = append(idKey(nil, hub, kindEntity, behind), 0)
	}
	return s.scan(lower, upper, func(k, v []byte) (bool, error) {
		rec := &record.Entity{}
		if err := proto.Unmarshal(v, rec); err != nil {
			return false, damaged(k, err)
		}
		return f(rec)
	})
}

// Queued calls f with the ids of the entities that have messages, as Entities does.
func (s *Store) Queued(hub uint32, prefix, behind string, f func(id string) (bool, error)) error {
	lower := idKey(nil, hub, kindQueue, prefix)
	upper := after(lower)
	if behind >= prefix && behind != "" {
		lower = append(idKey(nil, hub, kindQueue, behind), 1) // ids end with a zero byte here
	}
	for {
		id := ""
		err := s.scan(lower, upper, func(k, _ []byte) (bool, error) {
			id = string(k[len(idKey(nil, hub, kindQueue, "")) : len(k)-9])
			return false, nil // whatever number of messages it has
		})
		if id == "" || err != nil {
			return err
		}
		if more, err := f(id); !more || err != nil {
			return err
		}
		lower = append(idKey(nil, hub, kindQueue, id), 1)
	}
}

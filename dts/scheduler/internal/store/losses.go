package store

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"

	"github.com/funchost/funchost/dts/scheduler/internal/engine"
)

// Losses are counted beside the commits: the count is written without a sync
// when work is handed out again, so that it survives an orchestrator that kills
// the process, which is all it is for.

// PutLosses notes how often a worker was lost with the work item.
func (s *Store) PutLosses(hub uint32, k engine.TaskKey, n uint32) error {
	return s.db.Set(taskKey(nil, hub, kindLosses, k.ID, k.Gen, k.TaskID), binary.BigEndian.AppendUint32(nil, n), pebble.NoSync)
}

// DeleteLosses forgets the count.
func (s *Store) DeleteLosses(hub uint32, k engine.TaskKey) error {
	return s.db.Delete(taskKey(nil, hub, kindLosses, k.ID, k.Gen, k.TaskID), pebble.NoSync)
}

// Losses returns all counts.
func (s *Store) Losses(hub uint32) (map[engine.TaskKey]uint32, error) {
	counts := make(map[engine.TaskKey]uint32)
	prefix := newKey(nil, hub, kindLosses)
	err := s.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		id, gen, task := parseScope(k[len(prefix):])
		if len(v) == 4 {
			counts[engine.TaskKey{ID: id, Gen: gen, TaskID: task}] = binary.BigEndian.Uint32(v)
		}
		return true, nil
	})
	return counts, err
}

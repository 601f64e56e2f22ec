package store

import (
	"encoding/binary"
	"math"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Ended calls f with the place of each instance that ended at or after from and
// before to, in the order of their ends, beginning behind the cursor, until f
// returns false. The time of these cursors is that of the end.
func (s *Store) Ended(hub uint32, from, to int64, behind Cursor, f func(Cursor, dtspb.OrchestrationStatus) (bool, error)) error {
	prefix := newKey(nil, hub, kindEnded)
	lower := newKey(nil, hub, kindEnded).u64(uint64(max(from, 0)))
	if behind != (Cursor{}) {
		if k := append(momentKey(nil, hub, kindEnded, behind.Created, behind.ID), 0); string(k) > string(lower) {
			lower = k
		}
	}
	upper := after(prefix)
	if to != math.MaxInt64 {
		upper = newKey(nil, hub, kindEnded).u64(uint64(max(to, 0)))
	}
	return s.scan(lower, upper, func(k, v []byte) (bool, error) {
		status := dtspb.OrchestrationStatus(0)
		if len(v) == 1 {
			status = dtspb.OrchestrationStatus(v[0])
		}
		return f(Cursor{Created: int64(binary.BigEndian.Uint64(k[len(prefix):])), ID: string(k[len(prefix)+8:])}, status)
	})
}

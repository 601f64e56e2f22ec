package store

import (
	"encoding/binary"
)

// Every key begins with the number of its hub, 0 for the store's own rows, and
// the kind of the row. Ids contain no zero byte. Numbers are big-endian.
//
//	instance   id                        record.Instance
//	instance   id 0 gen turn slot        its history: HistoryChunk of the turn in slot 0, else a message, a HistoryEvent
//	task       id 0 gen task             record.Task of an activity without outcome
//	timer      due id 0 gen task         empty; the due index
//	ready      id                        record.Ready: the instance may have stored messages
//	created    time id                   empty; the order of queries
//	ended      time id                   the status, a byte; the order of lists of what has ended
//	entity     id                        record.Entity
//	queue      id 0 number               record.EntityMessage
//	losses     id 0 gen task             how often a worker was lost with it
//
// A turn writes an instance and its history, so the two are neighbours.
const (
	kindInstance byte = 'i'
	kindTask     byte = 't'
	kindTimer    byte = 'd'
	kindReady    byte = 'r'
	kindCreated  byte = 'c'
	kindEnded    byte = 'f'
	kindEntity   byte = 'e'
	kindQueue    byte = 'q'
	kindLosses   byte = 'l'
)

// Rows of the store itself, under hub 0.
const (
	kindEpoch byte = 'E' // how often the directory was opened
	kindHub   byte = 'H' // name: record.Hub
	// The highest number that a deleted hub had.
	kindLastHub byte = 'N'
)

// The functions below append a key to k, which is empty: nil, or memory that is
// used again.
type key []byte

func newKey(k key, hub uint32, kind byte) key {
	return append(k.u32(hub), kind)
}

func (k key) str(s string) key { return append(k, s...) }
func (k key) u32(n uint32) key { return binary.BigEndian.AppendUint32(k, n) }
func (k key) u64(n uint64) key { return binary.BigEndian.AppendUint64(k, n) }
func (k key) scope(id string, gen uint64) key {
	return append(append(k, id...), 0).u64(gen)
}

func idKey(k key, hub uint32, kind byte, id string) key {
	return newKey(k, hub, kind).str(id)
}

func executionKey(k key, hub uint32, kind byte, id string, gen uint64) key {
	return newKey(k, hub, kind).scope(id, gen)
}

func historyKey(k key, hub uint32, id string, gen uint64, turn, slot uint32) key {
	return executionKey(k, hub, kindInstance, id, gen).u32(turn).u32(slot)
}

func taskKey(k key, hub uint32, kind byte, id string, gen uint64, task int32) key {
	return executionKey(k, hub, kind, id, gen).u32(uint32(task))
}

func timerKey(k key, hub uint32, due int64, id string, gen uint64, task int32) key {
	return newKey(k, hub, kindTimer).u64(uint64(due)).scope(id, gen).u32(uint32(task))
}

func createdKey(k key, hub uint32, created int64, id string) key {
	return momentKey(k, hub, kindCreated, created, id)
}

// momentKey is the key of a row in the order of times.
func momentKey(k key, hub uint32, kind byte, at int64, id string) key {
	return newKey(k, hub, kind).u64(uint64(at)).str(id)
}

// after returns the first key behind all that begin with prefix.
func after(prefix key) key {
	end := append(key(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// parseScope splits the end of a task, losses or timer key.
func parseScope(k []byte) (id string, gen uint64, task int32) {
	n := len(k) - 13
	return string(k[:n]), binary.BigEndian.Uint64(k[n+1:]), int32(binary.BigEndian.Uint32(k[n+9:]))
}

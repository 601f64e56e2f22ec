package hub

import (
	"container/list"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

const (
	shards = 64
	// idleEntries is how many instances and entities a shard keeps in memory that
	// nobody uses. It makes the next turn cheap. Histories, messages and states may
	// have idleBytes in all shards together; while that is not so, a shard that has
	// more than its share lets go.
	idleEntries = 128
	idleBytes   = 64 << 20
	shardBytes  = idleBytes / shards / 2
)

// shard is a part of the instances in memory.
type shard struct {
	mu      sync.Mutex
	entries map[string]*entry
	idle    list.List // of *entry without references, last used in front
	bytes   uint64    // of these
}

// entry is one instance id in memory.
type entry struct {
	id   string
	refs int           // guarded by the shard's lock
	idle *list.Element // guarded by the shard's lock
	size uint64        // in bytes; guarded by the shard's lock

	mu      sync.Mutex // the instance's lock; guards what follows
	loaded  bool
	in      *engine.Instance // nil if the instance does not exist
	handed  handed           // the last turn of it
	entity  *engine.Entity   // of an entity's id
	last    *store.Commit    // newest batch about the instance
	waiters []*waiter
}

func (h *Hub) shard(id string) *shard {
	x := uint32(2166136261) // FNV-1a
	for i := range len(id) {
		x = (x ^ uint32(id[i])) * 16777619
	}
	return &h.shards[x%shards]
}

// lock takes the locks of the instances, each named once, in the order of their
// ids. The entries are put into the memory of those of an earlier call.
func (h *Hub) lock(entries []*entry, ids []string) []*entry {
	slices.Sort(ids)
	entries = entries[:0]
	for _, id := range ids {
		e := h.acquire(id)
		e.mu.Lock()
		entries = append(entries, e)
	}
	return entries
}

// lockOne takes the lock of one instance.
func (h *Hub) lockOne(id string) *entry {
	e := h.acquire(id)
	e.mu.Lock()
	return e
}

func (h *Hub) unlock(entries []*entry) {
	for _, e := range entries {
		h.unlockOne(e)
	}
}

// leave lets go of an entry that acquire returned.
func (h *Hub) leave(e *entry) {
	e.mu.Lock()
	h.unlockOne(e)
}

func (h *Hub) unlockOne(e *entry) {
	why, size := none, uint64(0)
	switch {
	case e.entity != nil:
		why, size = useOfEntity(e.entity), e.entity.Bytes()
	case e.in == nil || e.in.Terminal():
	case e.in.Delivered > 0:
		why = atWorker
	default:
		why, size = mayGoOn, e.in.Bytes()
	}
	h.release(e, why, size) // before anybody can change what the reason is taken from
	e.mu.Unlock()
}

// acquire keeps the entry of id in memory until release.
func (h *Hub) acquire(id string) *entry {
	sh := h.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.entries[id]
	if e == nil {
		e = &entry{id: id}
		sh.entries[id] = e
	}
	if e.idle != nil {
		h.wake(sh, e)
	}
	e.refs++
	return e
}

// use says why an entry without references should stay in memory.
type use uint8

const (
	none     use = iota // it does not exist or has ended
	mayGoOn             // for a while: its history makes the next turn cheap
	atWorker            // until the turn's answer: which messages it has is not on disk
)

// release lets go of an entry.
func (h *Hub) release(e *entry, why use, size uint64) {
	sh := h.shard(e.id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if e.refs--; e.refs > 0 {
		return
	}
	switch why {
	case none:
		delete(sh.entries, e.id)
		return
	case atWorker:
		return
	}
	e.idle, e.size = sh.idle.PushFront(e), size
	sh.bytes += size
	h.idleBytes.Add(int64(size))
	for sh.idle.Len() > idleEntries || sh.bytes > shardBytes && h.idleBytes.Load() > idleBytes {
		old, _ := sh.idle.Back().Value.(*entry)
		h.wake(sh, old)
		delete(sh.entries, old.id)
	}
}

// wake takes an entry out of those that nobody uses.
func (h *Hub) wake(sh *shard, e *entry) {
	sh.idle.Remove(e.idle)
	sh.bytes -= e.size
	h.idleBytes.Add(-int64(e.size))
	e.idle, e.size = nil, 0
}

// load reads the instance if it is not in memory. A commit that is on its way
// can be read already.
func (h *Hub) load(e *entry) error {
	if e.loaded {
		return nil
	}
	if wire.IsEntity(e.id) {
		return h.loadEntity(e)
	}
	stored, err := h.opts.Store.Instance(h.number, e.id)
	if err != nil {
		return fmt.Errorf("read instance %q: %w", e.id, err)
	}
	e.last = h.opts.Store.Last()
	e.loaded = true
	if stored != nil {
		e.in = engine.Load(stored.Record, stored.History, stored.Inbox, stored.ReadyRow, time.Now())
	}
	return nil
}

// waiter waits for a status of an instance.
type waiter struct {
	started bool // any status but pending will do; else it has to be an end
	existed bool // the waiter has seen the instance
	done    chan struct{}
}

func (w *waiter) satisfied(in *engine.Instance) bool {
	if in == nil {
		return w.existed
	}
	w.existed = true
	if w.started {
		return in.Record.GetStatus() != dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_PENDING
	}
	return in.Terminal()
}

// takeReady moves the waiters that need wait no longer to the end of ws.
func (e *entry) takeReady(ws []*waiter) []*waiter {
	e.waiters = slices.DeleteFunc(e.waiters, func(w *waiter) bool {
		if !w.satisfied(e.in) {
			return false
		}
		ws = append(ws, w)
		return true
	})
	return ws
}

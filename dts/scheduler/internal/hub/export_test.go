package hub

// InMemory returns how many instances and entities are in memory.
func (h *Hub) InMemory() int {
	n := 0
	for i := range h.shards {
		h.shards[i].mu.Lock()
		n += len(h.shards[i].entries)
		h.shards[i].mu.Unlock()
	}
	return n
}

// IdleBytes returns how many bytes those have that are kept in memory for a while.
func (h *Hub) IdleBytes() int64 { return h.idleBytes.Load() }

// MaxIdleBytes bounds IdleBytes.
const MaxIdleBytes = idleBytes

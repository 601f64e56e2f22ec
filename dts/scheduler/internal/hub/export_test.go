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

package engine

// Pending tells what the execution has scheduled and knows no outcome of: its
// activities, and its timers with the time that each is due. Whoever checks what
// is stored compares.
func (in *Instance) Pending() (tasks map[int32]bool, timers map[int32]int64) {
	tasks, timers = make(map[int32]bool), make(map[int32]int64)
	for id, o := range in.open {
		switch o.kind {
		case openTask:
			tasks[id] = true
		case openTimer:
			timers[id] = o.due
		default:
		}
	}
	return tasks, timers
}

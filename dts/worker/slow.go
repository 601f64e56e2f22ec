package worker

import "time"

// slowTurn is how long a turn may take before the log says so. Turns only decide
// what to do next, which takes milliseconds. One that sleeps, calls a server or
// waits for a lock holds its instance, which then cannot even be terminated.
const slowTurn = 15 * time.Second

// watchTurn writes a warning when a turn has taken too long already.
func (r *run) watchTurn(l *lease, name string) (stop func() bool) {
	return time.AfterFunc(slowTurn, func() {
		r.log.Warn("an orchestrator turn takes long: what waits for something outside belongs into an activity",
			keyOrchestrator, name, keyInstance, l.instance, keyDuration, slowTurn)
	}).Stop
}

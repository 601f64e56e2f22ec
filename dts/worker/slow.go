package worker

import (
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// slowTurn is how long a turn may take before the log says so. Turns only decide
// what to do next, which takes milliseconds. One that sleeps, calls a server or
// waits for a lock holds its instance, which then cannot even be terminated.
const slowTurn = 15 * time.Second

// watchTurn writes a warning when a turn has taken too long already.
func (r *run) watchTurn(l *lease, histories ...[]*dtspb.HistoryEvent) (stop func() bool) {
	return time.AfterFunc(slowTurn, func() {
		r.log.Warn("an orchestrator turn takes long: what waits for something outside belongs into an activity",
			keyOrchestrator, startedName(histories), keyInstance, l.instance, keyDuration, slowTurn)
	}).Stop
}

// startedName is the name of the orchestrator that the last start names; after a
// rewind there are several.
func startedName(histories [][]*dtspb.HistoryEvent) (name string) {
	for _, history := range histories {
		for _, event := range history {
			if started := event.GetExecutionStarted(); started != nil {
				name = started.GetName()
			}
		}
	}
	return name
}

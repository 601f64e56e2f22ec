package hub

import (
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/meter"
)

// measure counts what begins and ends with a decision.
func (h *Hub) measure(writes []engine.Write) {
	started := int64(0)
	for i := range writes {
		switch w := &writes[i]; w.Op {
		case engine.PutCreated:
			started++
		case engine.PutCompleted:
			rec := w.Instance
			h.opts.Meter.Ended(statuses[rec.GetStatus()], time.Duration(rec.GetCompleted()-rec.GetCreated()))
		default:
		}
	}
	if started > 0 {
		h.opts.Meter.Started(started)
	}
}

// statuses are those that an instance ends with.
var statuses = map[dtspb.OrchestrationStatus]dts.Status{
	dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED:  dts.StatusCompleted,
	dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED:     dts.StatusFailed,
	dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CANCELED:   dts.StatusCanceled,
	dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED: dts.StatusTerminated,
}

// outcome tells how a worker answered.
func outcome(cmd engine.Command) meter.Outcome {
	if done, ok := cmd.(engine.ActivityDone); ok && done.Failure != nil {
		return meter.Failed
	}
	return meter.Completed
}

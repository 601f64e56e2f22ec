package scheduler

import (
	"fmt"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
)

// Retention says how long orchestrations are kept after they have ended. Then
// they are purged with their histories, each for itself: a sub-orchestration has
// an age of its own. The zero value keeps all for 30 days, as DTS does.
type Retention struct {
	// Age is how long; 0 is 30 days, [Forever] has no end.
	Age time.Duration
	// ByStatus is how long for those that ended with a status, in place of Age.
	ByStatus map[dts.Status]time.Duration
}

// Forever keeps what has ended until somebody purges it.
const Forever time.Duration = -1

// defaultAge is that of DTS.
const defaultAge = 30 * 24 * time.Hour

// endings are the statuses that an orchestration can end with.
var endings = map[dts.Status]dtspb.OrchestrationStatus{
	dts.StatusCompleted:  dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED,
	dts.StatusFailed:     dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED,
	dts.StatusCanceled:   dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CANCELED,
	dts.StatusTerminated: dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED,
}

// ages is the retention as a hub takes it.
func (r Retention) ages() (hub.Ages, error) {
	for status := range r.ByStatus {
		if _, ok := endings[status]; !ok {
			return nil, fmt.Errorf("retention of status %s: no orchestration ends with it", status)
		}
	}
	ages := make(hub.Ages)
	for status, on := range endings {
		age, ok := r.ByStatus[status]
		if !ok {
			age = r.Age
		}
		switch {
		case age == 0:
			ages[on] = defaultAge
		case age > 0:
			ages[on] = age
		}
	}
	return ages, nil
}

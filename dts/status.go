package dts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Status is where an orchestration stands. The zero value is no status.
type Status int

// The statuses of an orchestration.
const (
	StatusPending        Status = iota + 1 // accepted, no turn has run yet
	StatusRunning                          // at least one turn has run
	StatusCompleted                        // returned a result
	StatusFailed                           // returned an error
	StatusTerminated                       // ended by Terminate
	StatusCanceled                         // ended by a cancellation of another SDK
	StatusSuspended                        // holds still until Resume
	StatusContinuedAsNew                   // history only: went on as a new execution
)

// statuses is the one table of names and wire values, indexed by Status.
var statuses = [...]struct {
	name string
	wire dtspb.OrchestrationStatus
}{
	StatusPending:        {"Pending", dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_PENDING},
	StatusRunning:        {"Running", dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_RUNNING},
	StatusCompleted:      {"Completed", dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED},
	StatusFailed:         {"Failed", dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED},
	StatusTerminated:     {"Terminated", dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_TERMINATED},
	StatusCanceled:       {"Canceled", dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CANCELED},
	StatusSuspended:      {"Suspended", dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_SUSPENDED},
	StatusContinuedAsNew: {"ContinuedAsNew", dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_CONTINUED_AS_NEW},
}

// ParseStatus reads the name of a status, in any case. The error is an
// [ErrInvalid] that lists the names.
func ParseStatus(name string) (Status, error) {
	var names []string
	for s := StatusPending; s.valid(); s++ {
		if strings.EqualFold(name, s.String()) {
			return s, nil
		}
		names = append(names, s.String())
	}
	return 0, fmt.Errorf("status %q: %w: want one of %s", name, ErrInvalid, strings.Join(names, ", "))
}

// String is the name of the status as it appears in answers and logs, "Pending"
// for example.
func (s Status) String() string {
	if !s.valid() {
		return fmt.Sprintf("Status(%d)", int(s))
	}
	return statuses[s].name
}

// Terminal reports whether an instance in this status will never run again.
func (s Status) Terminal() bool {
	switch s {
	case StatusCompleted, StatusFailed, StatusTerminated, StatusCanceled:
		return true
	default:
		return false
	}
}

func (s Status) valid() bool { return s >= StatusPending && int(s) < len(statuses) }

func toStatus(w dtspb.OrchestrationStatus) Status {
	for s := StatusPending; s.valid(); s++ {
		if statuses[s].wire == w {
			return s
		}
	}
	return 0
}

// fromStatuses writes a set of statuses in a fixed order, without repeats.
func fromStatuses(in []Status) ([]dtspb.OrchestrationStatus, error) {
	sorted := slices.Compact(slices.Sorted(slices.Values(in)))
	out := make([]dtspb.OrchestrationStatus, 0, len(sorted))
	for _, s := range sorted {
		if !s.valid() {
			return nil, fmt.Errorf("%v is not a status", s)
		}
		out = append(out, statuses[s].wire)
	}
	return out, nil
}

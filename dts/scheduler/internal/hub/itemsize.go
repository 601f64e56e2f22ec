package hub

import (
	"fmt"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
)

// checkItem looks for the last time at the size of a work item without its past
// events. The limits on what it is made of keep it small enough, but what is on
// disk can be from before they were there: sent, it would end the stream of every
// worker that takes it, with all the work that is there.
func checkItem(it *dispatch.Item, size uint64) *dtspb.TaskFailureDetails {
	if size <= maxItem {
		return nil
	}
	return &dtspb.TaskFailureDetails{
		ErrorType:      "WorkItemTooLarge",
		ErrorMessage:   fmt.Sprintf("%s %q has %d bytes to be sent to a worker, the limit is %d", kindName(it.Kind), it.Name, size, maxItem),
		IsNonRetriable: true,
	}
}

// bytesOfTask is about the size of an activity's work item.
func bytesOfTask(t *dtspb.TaskScheduledEvent) uint64 {
	n := len(t.GetName()) + len(t.GetVersion().GetValue()) + len(t.GetInput().GetValue()) +
		len(t.GetParentTraceContext().GetTraceParent()) + len(t.GetParentTraceContext().GetTraceState().GetValue())
	for k, v := range t.GetTags() {
		n += len(k) + len(v)
	}
	return uint64(n)
}

package bench

import (
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

var (
	timers = flag.Int("timers", 0, "how many timers wait while TestTimers measures; 0 skips it")
	burst  = flag.Int("burst", 10_000, "how many timers of TestTimers are due in the same second")
)

// maxLate is the goal for 99 of 100 timers of a burst.
const maxLate = 250 * time.Millisecond

// TestTimers measures how late timers fire that are due in one second, while many
// others wait: from the due time to the arrival of the work item at a worker. They are
// those of delayed starts.
func TestTimers(t *testing.T) {
	t.Parallel()
	if *timers == 0 {
		t.Skip("nothing to measure: say how many with -timers 1000000")
	}
	server, c := serveAlone(t, t.TempDir())
	tomorrow := time.Now().Add(24 * time.Hour)
	startMany(t, c, *timers, func(i int) dts.StartRequest {
		return dts.StartRequest{Name: "later", StartAt: tomorrow.Add(time.Duration(i) * time.Millisecond)}
	})
	soon := time.Now().Add(10*time.Second + time.Duration(*burst)*2*time.Millisecond) // to have started them all
	startMany(t, c, *burst, func(i int) dts.StartRequest {
		return dts.StartRequest{Name: "now", StartAt: soon.Add(time.Duration(i) * time.Second / time.Duration(*burst))}
	})
	if time.Now().After(soon) {
		t.Fatal("they were due before all were started: the machine is too slow for this burst")
	}
	late := lateness(t, c, *burst)
	slices.Sort(late)
	t.Logf("%-40s %v", "earliest", late[0])
	t.Logf("%-40s %v", "late, the median", late[len(late)/2])
	report(t, "late, 99 of 100", late[len(late)*99/100], maxLate)
	t.Logf("%-40s %v", "late, the last", late[len(late)-1])
	t.Logf("%-40s %v", "memory at its highest", server.memory(t))
	if late[0] < 0 {
		t.Errorf("a timer fired %v early", -late[0])
	}
}

// lateness takes n starts as a worker and returns how late each was.
func lateness(t *testing.T, c *dts.Client, n int) []time.Duration {
	t.Helper()
	stream, err := dtsgrpc.NewTaskHubSidecarServiceClient(c.Conn()).GetWorkItems(t.Context(), &dtspb.GetWorkItemsRequest{
		MaxConcurrentOrchestrationWorkItems: int32(n), MaxConcurrentActivityWorkItems: 1, MaxConcurrentEntityWorkItems: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	late := make([]time.Duration, 0, n)
	for len(late) < n {
		item, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		for _, e := range item.GetOrchestratorRequest().GetNewEvents() {
			if started := e.GetExecutionStarted(); started != nil {
				late = append(late, now.Sub(started.GetScheduledStartTimestamp().AsTime()))
			}
		}
	}
	return late
}

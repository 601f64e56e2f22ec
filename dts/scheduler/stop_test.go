package scheduler_test

import (
	"context"
	"testing"

	"github.com/funchost/funchost/dts/scheduler"
)

// Whether the listener is served before the stop is a race, which a few rounds
// lose and win.
func TestServerThatStopsBeforeItServesIsClosedInOrder(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for range 20 {
		s, err := scheduler.New(scheduler.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(ended); err != nil {
			t.Fatalf("run with a context that has ended: %v", err)
		}
	}
}

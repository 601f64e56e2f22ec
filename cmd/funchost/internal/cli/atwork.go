package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/funchost/funchost/dts"
)

// A developer reads a few lines, and does not wait for them.
const (
	atWorkLines    = 5
	atWorkPatience = time.Second
)

// atWork names the activities that have begun and have no result, one a line: one
// that took the program with it is among them. It says what it finds in a moment.
func atWork(ctx context.Context, c *dts.Client) (lines []string) {
	ctx, cancel := context.WithTimeout(ctx, atWorkPatience)
	defer cancel()
	for in, err := range c.Instances(ctx, dts.Query{Status: []dts.Status{dts.StatusRunning}}) {
		if err != nil {
			return lines
		}
		open := make(map[int]string)
		for event, err := range c.History(ctx, in.ID) {
			switch {
			case err != nil:
				return lines
			case event.Kind == "TaskScheduled":
				open[event.EventID] = event.Name
			case event.Kind == "TaskCompleted", event.Kind == "TaskFailed":
				delete(open, event.TaskID)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(open)) {
			if len(lines) == atWorkLines {
				return append(lines, "and more")
			}
			lines = append(lines, fmt.Sprintf("activity %s of %s (%s)", plain(open[id]), plain(in.Name), plain(in.ID)))
		}
	}
	return lines
}

package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
)

// sequenceLength is how many activities BenchmarkSequence has in one execution.
const sequenceLength = 5000

// BenchmarkSequence is one orchestration of many activities, one after the other,
// whose history grows to four events for each. The time of an activity is given for
// the first and the last thousand: it must not grow with the history.
func BenchmarkSequence(b *testing.B) {
	for _, layout := range layouts {
		b.Run(layout.name, func(b *testing.B) {
			c := layout.connect(b)
			marks := make(chan time.Time, sequenceLength)
			r := worker.NewRegistry()
			if err := r.Orchestrator("sequence", sequence); err != nil {
				b.Fatal(err)
			}
			if err := r.Activity("step", func(context.Context, []byte) ([]byte, error) {
				marks <- time.Now()
				return []byte(`"done"`), nil
			}); err != nil {
				b.Fatal(err)
			}
			w := worker.New(c, r)
			run(b, w.Run)
			<-w.Ready()
			var first, last time.Duration
			for b.Loop() {
				id, err := c.Start(b.Context(), dts.StartRequest{Name: "sequence"})
				if err != nil {
					b.Fatal(err)
				}
				got, err := c.Wait(b.Context(), id)
				if err != nil || got.Status != dts.StatusCompleted {
					b.Fatalf("got %v, %v", got, err)
				}
				at := make([]time.Time, sequenceLength)
				for i := range at {
					at[i] = <-marks
				}
				const part = sequenceLength / 5
				first += at[part-1].Sub(at[0])
				last += at[sequenceLength-1].Sub(at[sequenceLength-part])
			}
			per := func(d time.Duration) float64 {
				return float64(d.Microseconds()) / float64(b.N) / (sequenceLength/5 - 1)
			}
			b.ReportMetric(per(first), "first-µs/activity")
			b.ReportMetric(per(last), "last-µs/activity")
			b.ReportMetric(float64(b.N)*sequenceLength/b.Elapsed().Seconds(), "activities/s")
		})
	}
}

func sequence(ctx *worker.Context, _ []byte) ([]byte, error) {
	for i := range sequenceLength {
		if _, err := ctx.Activity("step", fmt.Append(nil, i), worker.ActivityOptions{}).Await(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

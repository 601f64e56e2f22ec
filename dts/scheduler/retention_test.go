package scheduler_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/scheduler"
)

const day = 24 * time.Hour

func TestRetentionIsThirtyDaysUnlessAHubSaysOtherwise(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := scheduler.New(scheduler.Config{
			Listen: "none",
			HubRetention: map[string]scheduler.Retention{
				"short": {Age: 7 * day, ByStatus: map[dts.Status]time.Duration{dts.StatusTerminated: scheduler.Forever, dts.StatusFailed: 60 * day}},
				"never": {Age: scheduler.Forever},
			},
		})
		must(t, err)
		run(t, s, func() {
			clients := map[string]*dts.Client{}
			for _, hub := range []string{"default", "short", "never"} {
				c := dial(t, s, hub)
				clients[hub] = c
				runWorkerOf(t, c, helloCities(t))
				for _, name := range []string{"hello-cities", "nobody-has-it"} {
					_, err := c.Start(t.Context(), dts.StartRequest{Name: name, ID: name})
					must(t, err)
				}
				_, err := c.Wait(t.Context(), "hello-cities")
				must(t, err)
				must(t, c.Terminate(t.Context(), "nobody-has-it", ""))
			}
			gone := map[string]int{} // days until an instance was gone
			for range 40 {
				time.Sleep(day)
				for hub, c := range clients {
					for _, id := range []string{"hello-cities", "nobody-has-it"} {
						_, err := c.Instance(t.Context(), id)
						if errors.Is(err, dts.ErrNotFound) && gone[hub+"/"+id] == 0 {
							gone[hub+"/"+id] = int(time.Since(began).Hours() / 24)
						}
					}
				}
			}
			for _, tc := range []struct {
				what string
				days int
			}{
				{"default/hello-cities", 30},
				{"default/nobody-has-it", 30},
				{"short/hello-cities", 7},
				{"short/nobody-has-it", 0},
				{"never/hello-cities", 0},
				{"never/nobody-has-it", 0},
			} {
				// It is seen once a day, and gone a minute after its time at the latest.
				if got := gone[tc.what]; got != tc.days && got != tc.days+1 || tc.days == 0 && got != 0 {
					t.Errorf("%s was gone after %d days, want %d (0 is never)", tc.what, got, tc.days)
				}
			}
		})
	})
}

// began is when every bubble begins.
var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestRetentionOfWhatDoesNotEndIsRefused(t *testing.T) {
	t.Parallel()
	_, err := scheduler.New(scheduler.Config{Retention: scheduler.Retention{ByStatus: map[dts.Status]time.Duration{dts.StatusRunning: day}}})
	if err == nil || !strings.Contains(err.Error(), "status Running: no orchestration ends with it") {
		t.Errorf("got %v", err)
	}
}

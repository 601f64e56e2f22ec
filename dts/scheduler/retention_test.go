package scheduler_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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

func TestRetentionIsReadByStatusAndHub(t *testing.T) {
	t.Parallel()
	all, hubs, err := scheduler.ParseRetention([]string{"shop/failed=90d", "7d", "completed=12h", "never/0", "shop/terminated=0"})
	if err != nil {
		t.Fatal(err)
	}
	completed := map[dts.Status]time.Duration{dts.StatusCompleted: 12 * time.Hour}
	if diff := cmp.Diff(scheduler.Retention{Age: 7 * day, ByStatus: completed}, all); diff != "" {
		t.Errorf("of all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]scheduler.Retention{
		"never": {Age: scheduler.Forever, ByStatus: completed},
		"shop": {Age: 7 * day, ByStatus: map[dts.Status]time.Duration{
			dts.StatusCompleted: 12 * time.Hour, dts.StatusFailed: 90 * day, dts.StatusTerminated: scheduler.Forever,
		}},
	}, hubs); diff != "" {
		t.Errorf("of hubs (-want +got):\n%s", diff)
	}
	for value, want := range map[string]string{
		"":            "is no age",
		"-1d":         "is no number of days",
		"5":           "is no age",
		"30s":         "an age is a minute or more",
		"-5m":         "an age is a minute or more",
		"running=3d":  "no orchestration ends with status Running",
		"finished=3d": "finished",
		"shop/":       "is no age",
	} {
		if _, _, err := scheduler.ParseRetention([]string{value}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "write an age such as 30d") {
			t.Errorf("%q: %v, want %q", value, err, want)
		}
	}
}

package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/templates/cron/report"
)

// serve runs the app with a scheduler in memory until the test ends. In a
// synctest bubble its time is virtual: days pass in milliseconds.
func serve(t *testing.T) *dts.Client {
	t.Helper()
	client := dtstest.Start(t).Client()
	app := newApp(
		framework.WithClient(client),
		framework.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil))),
		framework.Set("listen", "none"),
		framework.Set("admin-listen", "none"),
	)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("app: %v", err)
		}
	})
	return client
}

func TestEachWorkingDayHasAReportOnTheDayBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := serve(t)
		time.Sleep(4 * 24 * time.Hour) // a bubble begins on a Saturday, 1 January 2000
		var days []string
		for in, err := range client.Instances(t.Context(), dts.Query{Status: []dts.Status{dts.StatusCompleted}, Payloads: true}) {
			if err != nil {
				t.Fatal(err)
			}
			if in.Name != report.Daily.Name() {
				continue
			}
			var figures report.Figures
			if err := json.Unmarshal(in.Output, &figures); err != nil {
				t.Fatal(err)
			}
			days = append(days, figures.Period.From.Format(time.DateTime)+" to "+figures.Period.To.Format(time.DateTime))
		}
		want := []string{"2000-01-02 00:00:00 to 2000-01-03 00:00:00", "2000-01-03 00:00:00 to 2000-01-04 00:00:00"}
		if len(days) != len(want) || days[0] != want[0] || days[1] != want[1] {
			t.Errorf("reports on %q, want %q", days, want)
		}
	})
}

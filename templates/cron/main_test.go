package main

import (
	"slices"
	"testing"
	"time"

	"github.com/funchost/funchost/framework/durabletest"
	"github.com/funchost/funchost/templates/cron/report"
)

// In a test time is virtual, and days pass in milliseconds. It begins on a Saturday,
// 1 January 2000.
func TestEachWorkingDayHasAReportOnTheDayBefore(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		e.Sleep(4 * 24 * time.Hour)
		var days []string
		for _, run := range durabletest.Instances(e, report.Daily) {
			period := run.Result().Period
			days = append(days, period.From.Format(time.DateTime)+" to "+period.To.Format(time.DateTime))
		}
		want := []string{"2000-01-02 00:00:00 to 2000-01-03 00:00:00", "2000-01-03 00:00:00 to 2000-01-04 00:00:00"}
		if !slices.Equal(days, want) {
			e.Errorf("reports on %q, want %q", days, want)
		}
	})
}

// Command cron sends a report every morning: a schedule starts an orchestration.
package main

import (
	"github.com/funchost/funchost/framework"
	_ "github.com/funchost/funchost/framework/embedded"
	"github.com/funchost/funchost/templates/cron/report"
	"github.com/funchost/funchost/triggers"
)

func main() { framework.Main(newApp()) }

// newApp puts the app together. Its test uses it, too.
func newApp() *framework.App {
	return framework.New("reports").
		Add(report.Functions()...).
		On(triggers.Cron("0 6 * * MON-FRI", report.Daily, triggers.TimeZone("Europe/Lisbon")))
}

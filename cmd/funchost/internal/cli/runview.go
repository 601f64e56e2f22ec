package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/funchost/funchost/cmd/funchost/internal/devloop"
	"github.com/funchost/funchost/dts"
)

// statusPath is where a host lists its instances (framework/httpapi).
const statusPath = "/runtime/webhooks/durabletask/instances"

// runView shows a developer what `funchost run` does.
type runView struct {
	console
	program    *devloop.Program
	connection dts.ConnectionString
	dashboard  string // address, or "" for none
	state      string // folder, or "" for memory
	atWork     func() []string
	routes     []devloop.Route
	schedules  []devloop.Schedule
}

// show is told about each event of the loop.
func (v *runView) show(e devloop.Event) {
	switch name := v.program.Name(); e.Kind {
	case devloop.Building:
		v.hintf("building %s ...\n", name)
	case devloop.Started:
		v.hintf("starting %s ...\n", name)
	case devloop.Silent:
		v.problemf("%s runs and has not said that it serves\n  a program for funchost run calls framework.Main in its main function\n", name)
	case devloop.Ready:
		if !e.Again {
			v.serves(e)
			return
		}
		v.printf("%s is ready again (%s)\n", name, brief(e.Took))
		if !slices.EqualFunc(e.Report.Routes, v.routes, sameRoute) {
			v.printRoutes(e.Report)
		}
		if !slices.EqualFunc(e.Report.Schedules, v.schedules, sameSchedule) {
			v.printSchedules(e.Report)
		}
	case devloop.NotBuilt:
		v.problemf("%v\n", e.Err)
		if e.Running {
			v.problemf("the last good build of %s keeps running; save a file to try again\n", name)
		} else {
			v.problemf("%s is not running; save a file to try again\n", name)
		}
	case devloop.Refused: // the program has printed why
	case devloop.Exited:
		v.ended(e)
	case devloop.Trouble:
		v.problemf("%v\n", e.Err)
	}
}

// ended is printed when the program ended although nobody asked it to.
func (v *runView) ended(e devloop.Event) {
	v.problemf("%s ended by itself: %s\n", v.program.Name(), e.Exit)
	if v.atWork != nil {
		for _, line := range v.atWork() {
			fmt.Fprintf(v.err, "  it was at %s\n", line)
		}
	}
	if e.Again {
		fmt.Fprintf(v.err, "  it is started again in %s; a function that ends it every time is failed after some tries\n", brief(e.Took))
		return
	}
	fmt.Fprintf(v.err, "  save a file to build and start it again\n")
}

// serves is printed once, when there is something to try.
func (v *runView) serves(e devloop.Event) {
	base := "http://" + e.Report.Listen
	v.printf("%s is ready (%s)\n\n", v.program.Name(), brief(e.Took))
	v.printRoutes(e.Report)
	v.printSchedules(e.Report)
	if line := tryLine(base, e.Report.Routes); line != "" {
		v.printf("try it:\n  %s\n\n", line)
	}
	table := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
	row := func(name, value string) { _, _ = table.Write([]byte(name + "\t" + value + "\n")) }
	if e.Report.Listen != "" { // a worker has no public listener
		row("status", base+statusPath)
	}
	row("health", "http://"+e.Report.Admin+"/readyz")
	if v.dashboard != "" {
		row("dashboard", v.dashboard)
	}
	row("scheduler", v.connection.String())
	row("state", stateName(v.state))
	_ = table.Flush()
	v.hintf("\nsave a file to rebuild, Ctrl-C to stop\n")
}

func (v *runView) printRoutes(r devloop.Report) {
	v.routes = r.Routes
	table := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
	for _, route := range r.Routes {
		line := "  " + route.Method + "\thttp://" + r.Listen + route.Pattern
		if route.Orchestrator != "" {
			line += "\tstarts " + route.Orchestrator
		}
		_, _ = table.Write([]byte(line + "\n"))
	}
	_ = table.Flush()
	if len(r.Routes) > 0 {
		v.printf("\n")
	}
}

// printSchedules shows when each schedule is due next, by the clock of its zone.
func (v *runView) printSchedules(r devloop.Report) {
	v.schedules = r.Schedules
	for _, s := range r.Schedules {
		var times strings.Builder
		name := "next"
		for _, due := range s.Next {
			fmt.Fprintf(&times, "    %-4s  %s\n", name, due.Format("Mon 2006-01-02 15:04:05Z07:00"))
			name = ""
		}
		// In one piece: the program writes to the same terminal.
		v.printf("  %s  starts %s\n%s\n", plain(s.Spec), plain(cmp.Or(s.Orchestrator, s.Trigger)), &times)
	}
}

// tryLine is a curl command for the first route that works as it stands: one
// without wildcards whose body is known, and rather one that starts an
// orchestration.
func tryLine(base string, routes []devloop.Route) string {
	works := func(r devloop.Route) bool {
		return !strings.Contains(r.Pattern, "{") && (r.MediaType == "" || len(r.Sample) > 0)
	}
	at := slices.IndexFunc(routes, func(r devloop.Route) bool { return works(r) && r.Orchestrator != "" })
	if at < 0 {
		at = slices.IndexFunc(routes, works)
	}
	if at < 0 {
		return ""
	}
	route := routes[at]
	line := "curl -i -X " + route.Method + " " + quote(base+route.Pattern)
	if len(route.Sample) > 0 {
		line += " -H " + quote("Content-Type: "+cmp.Or(route.MediaType, "application/json")) + " -d " + quote(string(route.Sample))
	}
	return line
}

// quote makes text one word of a shell, as it is when it can be.
func quote(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:", r)
	}) {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}

func sameRoute(a, b devloop.Route) bool {
	return a.Method == b.Method && a.Pattern == b.Pattern && a.Orchestrator == b.Orchestrator
}

func sameSchedule(a, b devloop.Schedule) bool {
	return a.Trigger == b.Trigger && a.Spec == b.Spec && a.Orchestrator == b.Orchestrator
}

// brief rounds a duration to what a person cares for.
func brief(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

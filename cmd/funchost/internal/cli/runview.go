package cli

import (
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
	state      string // folder, or "" for memory
	routes     []devloop.Route
}

// show is told about each event of the loop.
func (v *runView) show(e devloop.Event) {
	switch name := v.program.Name(); e.Kind {
	case devloop.Building:
		v.hintf("building %s ...\n", name)
	case devloop.Started:
		v.hintf("starting %s ...\n", name)
	case devloop.Ready:
		if !e.Again {
			v.serves(e)
			return
		}
		v.printf("%s is ready again (%s)\n", name, brief(e.Took))
		if !slices.EqualFunc(e.Report.Routes, v.routes, sameRoute) {
			v.printRoutes(e.Report)
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
		v.problemf("%s ended by itself: %s\n  save a file to build and start it again\n", name, e.Exit)
	case devloop.Trouble:
		v.problemf("%v\n", e.Err)
	}
}

// serves is printed once, when there is something to try.
func (v *runView) serves(e devloop.Event) {
	base := "http://" + e.Report.Listen
	v.printf("%s is ready (%s)\n\n", v.program.Name(), brief(e.Took))
	v.printRoutes(e.Report)
	if line := tryLine(base, e.Report.Routes); line != "" {
		v.printf("try it:\n  %s\n\n", line)
	}
	table := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
	row := func(name, value string) { _, _ = table.Write([]byte(name + "\t" + value + "\n")) }
	if e.Report.Listen != "" { // a worker has no public listener
		row("status", base+statusPath)
	}
	row("health", "http://"+e.Report.Admin+"/readyz")
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

// tryLine is a curl command for the first route that works as it stands: one
// without wildcards, and rather one that starts an orchestration.
func tryLine(base string, routes []devloop.Route) string {
	plain := func(r devloop.Route) bool { return !strings.Contains(r.Pattern, "{") }
	at := slices.IndexFunc(routes, func(r devloop.Route) bool { return plain(r) && r.Orchestrator != "" })
	if at < 0 {
		at = slices.IndexFunc(routes, plain)
	}
	if at < 0 {
		return ""
	}
	route := routes[at]
	line := "curl -i -X " + route.Method + " " + quote(base+route.Pattern)
	if len(route.Sample) > 0 {
		line += " -H 'Content-Type: application/json' -d " + quote(string(route.Sample))
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

// brief rounds a duration to what a person cares for.
func brief(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

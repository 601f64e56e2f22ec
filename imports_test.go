package funchost_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/funchost/funchost"

// direction is a law about who may import what. Patterns without a host are
// paths in this module or in the standard library; a pattern stands for the
// package and everything below it, "=" in front for the package alone.
type direction struct {
	from   []string // packages it binds; none means all of ours
	except []string // packages that are free of it
	never  []string // what they may not import
	direct bool     // only imports of their own count, not those of what they import
	why    string
}

var testLibraries = []string{
	"github.com/google/go-cmp", "github.com/rogpeppe/go-internal/testscript", "go.uber.org/goleak", "pgregory.net/rapid",
	"github.com/anishathalye/porcupine", "github.com/chromedp/chromedp", "github.com/stretchr/testify",
}

// directions are the laws of the layout: four floors, no arrow upwards, no
// circle. An entry about a package that is not there yet waits for it.
var directions = []direction{
	{
		from:  []string{"dts"},
		never: []string{"framework", "triggers", "scaler", "cmd", "examples", "templates"},
		why:   "the protocol room knows nobody above it",
	},
	{
		from:  []string{"=dts"},
		never: []string{"dts/worker", "dts/scheduler", "dts/dtstest", "dts/dashboard", "github.com/cockroachdb/pebble"},
		why:   "a client links a client, not a server",
	},
	{
		from:  []string{"dts/worker"},
		never: []string{"dts/scheduler", "dts/dashboard"},
		why:   "a worker meets a scheduler over the protocol only",
	},
	{
		from:  []string{"dts/scheduler"},
		never: []string{"dts/worker", "dts/dashboard"},
		why:   "a scheduler serves workers of every language alike",
	},
	{
		from:  []string{"dts/dashboard"},
		never: []string{"dts/scheduler", "dts/worker"},
		why:   "a dashboard sees a hub through a client, wherever it is",
	},
	{
		from:   []string{"dts/scheduler/internal/engine"},
		never:  []string{"os", "io", "net", "sync", "log", "context", "math/rand", "crypto/rand", "google.golang.org/grpc", "go.uber.org/zap", "dts/internal/dtsgrpc"},
		direct: true, // protobuf itself pulls os and time, so the closure says nothing
		why:    "the engine decides; it has no I/O, no goroutine, no clock, no chance and no log",
	},
	{
		from:  []string{"dts/scheduler/internal/engine"},
		never: []string{"google.golang.org/grpc", "dts/scheduler/internal/store", "dts/scheduler/internal/dispatch", "dts/scheduler/internal/rpc", "github.com/cockroachdb/pebble"},
		why:   "the engine links no network and no storage",
	},
	{
		from:  []string{"framework"},
		never: []string{"triggers", "cmd", "scaler", "examples", "templates"},
		why:   "triggers and commands build on the framework",
	},
	{
		from:   []string{"framework"},
		except: []string{"framework/embedded", "framework/durabletest"},
		never:  []string{"dts/scheduler", "dts/dashboard", "github.com/cockroachdb/pebble"},
		why:    "only the blank import of framework/embedded puts a scheduler into a user's binary",
	},
	{
		from:  []string{"triggers"},
		never: []string{"cmd", "scaler", "examples", "templates", "dts/scheduler"},
		why:   "a trigger reaches the scheduler through a client",
	},
	{
		from:  []string{"scaler"},
		never: []string{"framework", "triggers", "cmd", "examples", "templates", "dts/scheduler", "dts/worker"},
		why:   "a scaler asks a client for the backlog",
	},
	{
		from:  []string{"cmd"},
		never: []string{"triggers", "examples"},
		why:   "the command runs users' programs, it is none",
	},
	{
		from:  []string{"=templates"},
		never: []string{"dts", "framework", "triggers", "scaler", "cmd", "examples"},
		why:   "starters stand alone",
	},
	{
		except: []string{"dts/dtstest", "framework/durabletest"},
		never:  append([]string{"dts/dtstest", "framework/durabletest"}, testLibraries...),
		why:    "test code reaches no user's binary",
	},
	{
		except: []string{"dts/dtstest", "framework/durabletest"},
		never:  []string{"testing"},
		direct: true, // libraries may have reasons of their own
		why:    "test code reaches no user's binary",
	},
	{
		except: []string{"framework/internal/telemetry"},
		never:  []string{"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters", "go.opentelemetry.io/contrib/exporters"},
		direct: true,
		why:    "libraries use the OpenTelemetry API; one place installs exporters",
	},
	{
		except: []string{"dts/azureauth"},
		never:  []string{"github.com/Azure", "github.com/AzureAD", "github.com/aws", "cloud.google.com"},
		direct: true,
		why:    "dts/azureauth is the one place with a cloud SDK",
	},
	{
		except: []string{"dts"},
		never:  []string{"dts/internal"},
		direct: true,
		why:    "only the protocol room speaks protobuf",
	},
}

func TestImportsKeepTheirDirections(t *testing.T) {
	t.Parallel()
	for _, broken := range brokenDirections(importGraph(t)) {
		t.Error(broken)
	}
}

// TestEachDirectionCanBeBroken plants the first forbidden import of every law,
// once directly and once behind another package, and expects the law to see it.
func TestEachDirectionCanBeBroken(t *testing.T) {
	t.Parallel()
	for _, law := range directions {
		from := module + "/planted"
		if len(law.from) > 0 {
			from = ours(strings.TrimPrefix(law.from[0], "="))
		}
		for _, pattern := range law.never {
			forbidden := ours(pattern)
			middle := "example.com/middle"
			for name, graph := range map[string]map[string][]string{
				"directly":      {from: {forbidden}},
				"behind others": {from: {middle}, middle: {forbidden}},
			} {
				want := name == "directly" || !law.direct
				got := slices.ContainsFunc(brokenDirections(graph), func(text string) bool {
					return strings.Contains(text, law.why) && strings.Contains(text, forbidden)
				})
				if got != want {
					t.Errorf("%s imports %s %s: seen is %t, want %t", from, forbidden, name, got, want)
				}
			}
		}
	}
}

func TestDirectionsLeaveOtherPackagesAlone(t *testing.T) {
	t.Parallel()
	graph := map[string][]string{
		ours("framework/embedded"): {ours("dts/scheduler")},
		ours("frameworkish"):       {ours("triggers")},
		ours("dts/worker"):         {"os", "net", ours("dts/internal/dtspb")},
		ours("cmd/funchost"):       {ours("framework"), ours("dts/scheduler")},
	}
	if diff := cmp.Diff([]string(nil), brokenDirections(graph)); diff != "" {
		t.Errorf("laws broken (-want +got):\n%s", diff)
	}
}

// brokenDirections says which of our packages break which law, by the graph of
// their imports.
func brokenDirections(graph map[string][]string) []string {
	var broken []string
	for _, from := range slices.Sorted(maps.Keys(graph)) {
		if !strings.HasPrefix(from, module+"/") {
			continue
		}
		reached := reach(graph, from)
		for _, law := range directions {
			if len(law.from) > 0 && !matchesAny(from, law.from) || matchesAny(from, law.except) {
				continue
			}
			for _, to := range slices.Sorted(maps.Keys(reached)) {
				if !matchesAny(to, law.never) || law.direct && !slices.Contains(graph[from], to) {
					continue
				}
				if matchesAny(reached[to], law.never) {
					continue // the first step over the line says it all
				}
				by := ""
				if reached[to] != from {
					by = " by way of " + reached[to]
				}
				broken = append(broken, fmt.Sprintf("%s imports %s%s: %s", from, to, by, law.why))
			}
		}
	}
	return broken
}

// reach gives every package that from depends on, with the package that imports
// it on the way.
func reach(graph map[string][]string, from string) map[string]string {
	reached := make(map[string]string)
	for next := []string{from}; len(next) > 0; {
		at := next[0]
		next = next[1:]
		for _, to := range graph[at] {
			if _, known := reached[to]; !known && to != from {
				reached[to] = at
				next = append(next, to)
			}
		}
	}
	return reached
}

func matchesAny(importPath string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		whole, alone := strings.CutPrefix(pattern, "=")
		p := ours(whole)
		return importPath == p || !alone && strings.HasPrefix(importPath, p+"/")
	})
}

// ourRooms are the first elements of our import paths; other patterns without a
// host belong to the standard library.
var ourRooms = []string{"dts", "framework", "triggers", "scaler", "cmd", "examples", "templates", "frameworkish"}

func ours(pattern string) string {
	first, _, _ := strings.Cut(pattern, "/")
	if slices.Contains(ourRooms, first) {
		return module + "/" + pattern
	}
	return pattern
}

// goPackage is what go list says about one package.
type goPackage struct {
	Dir, ImportPath, Name              string
	GoFiles                            []string
	Imports, TestImports, XTestImports []string
	Module                             *struct {
		Path string
		Main bool
	}
}

// packages are ours with all their dependencies, those of the tests included.
// Packages that do not compile are listed with what can be read of them: saying
// that is the compiler's task.
var packages = sync.OnceValues(func() (map[string]goPackage, error) {
	out, err := exec.Command("go", "list", "-e", "-deps", "-test",
		"-json=Dir,ImportPath,Name,GoFiles,Imports,TestImports,XTestImports,Module", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	all := make(map[string]goPackage)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("read go list: %w", err)
		}
		if !strings.Contains(p.ImportPath, " ") && !strings.HasSuffix(p.ImportPath, ".test") { // not the variants for tests
			all[p.ImportPath] = p
		}
	}
})

func ourPackages(t *testing.T) []goPackage {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	var ours []goPackage
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if p := all[name]; p.Module != nil && p.Module.Main {
			ours = append(ours, p)
		}
	}
	if len(ours) == 0 {
		t.Fatal("go list found no package of ours")
	}
	return ours
}

// importGraph has the imports of everything that we build; tests are left out.
func importGraph(t *testing.T) map[string][]string {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	graph := make(map[string][]string, len(all))
	for name, p := range all {
		graph[name] = p.Imports
	}
	return graph
}

// directModules gives the modules that our code and our tests import, each with
// one package that does.
func directModules(t *testing.T) map[string]string {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	modules := make(map[string]string)
	for _, p := range ourPackages(t) {
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if m := all[imported].Module; m != nil && !m.Main {
				modules[m.Path] = p.ImportPath
			}
		}
	}
	return modules
}

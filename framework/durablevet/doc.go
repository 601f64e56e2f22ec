// Package durablevet finds what an orchestrator must not do.
//
// An orchestrator is run again from its first line whenever something has happened,
// and must take the same way each time. [Analyzer] follows the code that
// orchestrators reach, through calls, closures, interfaces whose values can be told,
// and other packages and modules, and reports what can come out differently: clocks,
// random numbers, goroutines, channels, the order of maps, I/O, the environment,
// variables that others change. Of a program it reports handles whose code was never
// given to app.Add. What it finds it explains by the way that leads there:
//
//	prices.go:12:9: process -> price -> lookup: time.Now at prices.go:12 reads the
//	clock, which has moved on when this is replayed; use ctx.Now
//
// A comment //durable:ignore with a reason, at the line or above it, keeps the
// analyzer silent about that line; above a function, about all of it.
//
// The command `funchost vet ./...` runs it, and so does `go vet` with the command as
// its -vettool.
//
// # How it works
//
// A package is looked at once, after those it imports, and what is found is kept for
// those that import it: for each function what it leads to, however far away, as a
// fact of [golang.org/x/tools/go/analysis]. So no run has the whole program in
// memory, and the go command caches what has not changed.
//
// Within a package, pieces of code are nodes: declared functions, function literals,
// initial values of package variables. First each is walked on its own, which gives
// its mistakes, the nodes it leads to and the variables it reads (walk.go). Then
// what needs the whole package is settled: which variables are changed, which values
// an interface has, whether the order of a map matters (settle.go, flow.go,
// maporder.go). Then mistakes are led backwards to every function that reaches them,
// for the facts (trace.go), and forwards from the orchestrators, for the report
// (report.go). Code that takes a *durable.Context belongs to an orchestrator, so it
// is reported where it stands and not again by those who call it.
//
// The standard library is not followed, a table says which of its names are
// forbidden (forbidden.go). Nor is this framework, whose business all of that is.
package durablevet

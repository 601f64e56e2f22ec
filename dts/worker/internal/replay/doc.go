// Package replay runs one turn of an orchestrator: history in, actions out.
//
// A turn applies the events of a history one by one. The first of them starts
// the orchestrator on a coroutine; each later one may finish a task that a
// coroutine waits for, which then runs on until it waits again. Everything is
// decided by the order of the events, so the same history gives the same
// actions, on any machine, whether it arrives at once or in pieces.
//
//	Apply(event) ──► confirm an action | finish a task | buffer | suspend | end
//	                        │
//	                        ▼
//	                     settle: run ready coroutines, oldest first, until
//	                        │    all of them wait
//	                        ▼
//	Actions()  ◄── what was asked for and no event has confirmed yet
//
// Only one goroutine moves at a time: the one that applies events or the one
// coroutine it has resumed. Therefore the state has no lock. What breaks this
// rule, a method called from a goroutine of the author's own, is noticed and
// becomes the failure of the instance.
//
// A turn that still waits at its end is unwound by [Turn.Close] with
// runtime.Goexit: deferred functions of the orchestrator run, and no recover of
// the author's can swallow it.
package replay

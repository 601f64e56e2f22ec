// Package worker runs orchestrators, activities and entities for a task hub: it
// pulls work items, runs the registered functions, and answers each item once.
//
//	          ┌── Hello, GetWorkItems ◄─────────────┐ back-off: 1 s to 30 s, jitter
//	          ▼                                     │
//	connected: items arrive ──► one goroutine each  │ stream ended, failed,
//	          │                 answers by token    │ or silent for 120 s
//	          │                                     │
//	          └─────────────────────────────────────┘
//	          │ the context of Run ends: the only way out
//	          ▼
//	draining: the scheduler sends no more; running items may finish and answer
//	          │ nothing left, or budget spent: the rest is abandoned
//	          ▼
//	        done: stream ended
//
// An item belongs to the worker until it answers, abandons it, or the scheduler
// takes it back because the stream died. In the last case the answer may come
// too late and is refused; that is normal and nobody's failure.
//
// This package is untyped: names and bytes. Authors use framework/durable, which
// is built on it.
package worker

// Package durable is what authors write functions with.
//
// An activity is an ordinary Go function that may do anything: call a service,
// write a file, take an hour. An orchestrator is the function that says in which
// order activities happen. It survives the process that runs it: each step that
// has finished is kept in the task hub, and after a crash, a deployment or a
// month of waiting the orchestrator is run again from its first line with those
// results until it stands where it stood. That second running is called replay.
//
//	var (
//		Charge  = durable.ActivityNamed[Order, Receipt]("charge")
//		Process = durable.OrchestratorNamed[Order, Receipt]("process-order")
//	)
//
//	func Functions() []durable.Definition {
//		return []durable.Definition{Charge.With(charge), Process.With(process)}
//	}
//
//	func process(ctx *durable.Context, o Order) (Receipt, error) {
//		return Charge.Call(ctx, o, durable.Retry(durable.RetryPolicy{Attempts: 5}))
//	}
//
// # Handles
//
// A handle is a value with a name and two types, and it is used at both ends:
// where the function is bound and where it is called. The name is what travels
// and what is kept, so renaming the Go function changes nothing. [NewActivity]
// and [NewOrchestrator] declare and bind in one line. [ActivityNamed] and
// [OrchestratorNamed] only declare: for a function that runs in another program
// or language, and for functions that refer to each other, which Go would refuse
// as an initialization cycle. [Activity.With] and [Orchestrator.With] bind later.
//
// # Entities
//
// An [Entity] is a state under a key with the methods that change it, one call at
// a time: a cart, a counter, a device. Orchestrators call its operations and wait
// for the result, or lock several entities and change them together; everybody can
// signal it and go on.
//
// # What an orchestrator must not do
//
// Replay must take the same way again. So an orchestrator does no I/O, starts no
// goroutine, selects on no channel, ranges over no map whose order matters, and
// reads no clock, random number or variable that others change. What it needs
// instead hangs on its [Context]: [Context.Now], [Context.NewID], [Context.Rand],
// [Context.Sleep], [Context.Go] and with it [WaitGroup], [Chan] and [Select]. A
// Context is not a context.Context, so a call that would do I/O with it does not
// compile.
//
// # Payloads
//
// Inputs, results, events and statuses are encoded by the converter of the
// client, JSON unless it was given another. [None] travels as no payload at all.
// A missing payload decodes to the zero value. Use json.RawMessage as a type
// to look at the JSON of a peer yourself.
package durable

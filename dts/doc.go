// Package dts talks to one task hub of a Durable Task Scheduler, wherever that
// runs: in Azure, in the emulator, in another process on this machine, or inside
// this program.
//
// A [ConnectionString] says where the hub is, [Dial] makes a [Client] of it, and
// the client starts, watches and steers orchestrations. Payloads are bytes here;
// package framework/durable puts types on top, package dts/worker runs the
// functions.
//
// A client is safe for concurrent use and meant to be shared. Every call takes a
// context and returns when it ends. Calls that the scheduler could not be
// reached for are tried again for about two seconds, so a call whose answer was
// lost can arrive twice; where that matters the method says so.
//
// Errors answer to [errors.Is] with the Err values of this package, and to
// [context.Canceled] and [context.DeadlineExceeded] when the caller's context
// ended. Their text says what was tried on which instance.
package dts

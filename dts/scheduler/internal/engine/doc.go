// Package engine decides what happens to orchestrations. It is the pure part of
// the scheduler: no I/O, no clock, no random numbers, no goroutine, no lock.
//
// A caller locks the instances that a [Command] touches, loads them into a
// [State] and calls [Apply] with the time. Apply changes the instances in memory
// and returns the same change as [Effects]: the rows to write, in order, and the
// work that may be told to others once those rows are durable. A refused command
// changes nothing.
//
// # Turns, messages and their rows
//
// An execution goes through numbered turns. A message (a result, an event, a
// fired timer) gets the number of the turn that will consume it when it arrives:
// the next turn, or the one after it while the next is at a worker or has as much
// as a worker can receive. Its row is already the history row it will be for
// ever, so that consuming a message writes nothing. A turn commits as one row
// more: OrchestratorStarted and the events of its actions. History is therefore,
// turn by turn: the first event of the turn's row, the turn's messages in order
// of arrival, the rest of the row.
//
//	turn 1   slot 0  OrchestratorStarted, TaskScheduled
//	         slot 1  ExecutionStarted
//	turn 2   slot 0  OrchestratorStarted, ExecutionCompleted
//	         slot 1  TaskCompleted
//
// Rows beyond the last committed turn are the inbox. A timer that is due becomes
// a message in memory only; its row in the due index stays until the turn that
// consumes it commits, so that firing a timer costs no write.
package engine

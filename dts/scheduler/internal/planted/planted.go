// Package planted has the bugs that the tests of reliability must find. Each
// stands in the code as one call of [Active] that reverses what is right there.
// Without the build tag planted there are none, and the compiler removes the calls.
//
// With the tag, the environment variable [Variable] names the bug that the program
// has. docs/reliability.md says which promise each one breaks.
package planted

// Variable names the bug that a program built with the tag has.
const Variable = "FUNCHOST_PLANTED"

// The bugs.
const (
	// AnswerBeforeSync tells a caller of a decision that a power cut can undo.
	AnswerBeforeSync = "answer-before-sync"
	// ReadBeforeSync shows a reader a decision that a power cut can undo.
	ReadBeforeSync = "read-before-sync"
	// DispatchBeforeCommit hands out work that a power cut can undo.
	DispatchBeforeCommit = "dispatch-before-commit"
	// TokenUnchecked takes an answer from whoever had the work item at some time.
	TokenUnchecked = "token-unchecked"
	// DueIndexForgotten leaves the timers that were made before a restart on disk.
	DueIndexForgotten = "due-index-forgotten"
	// LostWakeUp leaves a worker asleep for which there is work.
	LostWakeUp = "lost-wake-up"
	// SwappedEvents hands out two events of a turn in the wrong order.
	SwappedEvents = "swapped-events"
	// LockNotReleased keeps the locks of an orchestration that has ended.
	LockNotReleased = "lock-not-released"
	// UnboundedBuffer hands out more than a worker has asked for.
	UnboundedBuffer = "unbounded-buffer"
)

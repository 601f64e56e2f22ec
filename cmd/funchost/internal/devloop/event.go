package devloop

import "time"

// Event is something that a developer wants to know.
type Event struct {
	Kind    Kind
	Took    time.Duration // Ready: since the build began. Exited: until the program is started again
	Again   bool          // Ready: not for the first time. Exited: the program is started again without a save
	Running bool          // NotBuilt: an earlier build runs on
	Report  Report        // Ready, Refused
	Exit    string        // Exited: "exit code 3", "signal: killed"
	Err     error         // NotBuilt, Trouble
}

// Kind tells events apart.
type Kind int

// The kinds of [Event].
const (
	Building Kind = iota + 1 // a build begins
	NotBuilt                 // a build was refused
	Started                  // the child was started and is not ready yet
	Silent                   // the child has reported nothing for a while
	Ready                    // the child serves
	Refused                  // the child says why it cannot serve; Exited follows
	Exited                   // the child ended by itself
	Trouble                  // something else went wrong; the loop goes on
)

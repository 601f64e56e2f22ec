package durable

import "time"

// Tick is the input of an orchestrator that a cron trigger starts: one moment of
// its schedule.
type Tick struct {
	// Trigger is the name of the trigger.
	Trigger string `json:"trigger"`
	// Due is the moment, in the time zone of the trigger.
	Due time.Time `json:"due"`
	// Late says that the tick did not run when it was due, because nobody was
	// there to run it: the next one was already due, or minutes had passed.
	Late bool `json:"late,omitempty"`
	// Missed is how many due times after Due have passed and get no tick of their
	// own, counted up to 1000.
	Missed int `json:"missed,omitempty"`
}

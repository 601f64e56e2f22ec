package durablevet

// kind is a way in which code can come out differently when it is run again.
type kind int

const (
	kindClock kind = iota + 1
	kindWait
	kindRandom
	kindGoroutine
	kindChannel
	kindSelect
	kindSync
	kindMapOrder
	kindIO
	kindEnvironment
	kindLog
	kindGlobal
	kindContext

	// These two are no mistakes by themselves. A program that uses what it does not
	// offer has one.
	kindUses   // calls a handle
	kindOffers // gives a handle to an app
)

// words are how a kind is told: what is wrong with it, and the way out.
type words struct{ wrong, wayOut string }

var told = map[kind]words{
	kindClock:       {"reads the clock, which has moved on when this is replayed", "use ctx.Now"},
	kindWait:        {"waits in this process only", "use ctx.Sleep or ctx.After"},
	kindRandom:      {"comes out differently in each replay", "use ctx.Rand or ctx.NewID"},
	kindGoroutine:   {"starts a goroutine, which runs in no fixed order", "use ctx.Go"},
	kindChannel:     {"waits for what the history does not know", "use a durable.Chan or a future"},
	kindSelect:      {"takes whichever is ready first", "use durable.Select or durable.First"},
	kindSync:        {"waits for goroutines, which an orchestrator has none of", "leave it out: functions of ctx.Go take turns"},
	kindMapOrder:    {"takes another order each time", "range over slices.Sorted(maps.Keys(m))"},
	kindIO:          {"reaches out of the orchestration", "do it in an activity"},
	kindEnvironment: {"can differ from host to host", "read it in an activity, or pass it with the input"},
	kindLog:         {"writes again in each replay", "use ctx.Logger"},
	kindGlobal:      {"can have changed when this is replayed", "pass it with the input, or read it in an activity"},
	kindContext:     {"is for code that does I/O", "wait with ctx, and do I/O in an activity"},
}

// lasts reports whether what a kind gives can be kept in a variable: a time that was
// read when the program began is another in the next process, while a lock that was
// taken then is no matter.
func (k kind) lasts() bool {
	switch k {
	case kindClock, kindRandom, kindIO, kindEnvironment, kindLog, kindUses, kindOffers:
		return true
	default:
		return false
	}
}

// deep reports whether a kind is looked for in modules that others have written,
// too. A lock, a goroutine or a map in there is their way to be quick, and printing is for
// their own tests.
func (k kind) deep() bool {
	switch k {
	case kindClock, kindWait, kindRandom, kindIO, kindEnvironment:
		return true
	default:
		return false
	}
}

package replay

import (
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Func is an orchestrator as replay runs it. It returns a result (nil is none)
// or a failure. If it called [Turn.ContinueAsNew] and returns no failure, the
// execution ends by continuing.
type Func func(t *Turn, input []byte) (result []byte, failure *dtspb.TaskFailureDetails)

// Config is what the turns of a worker have in common.
type Config struct {
	// Find returns the orchestrator of that name for that version, nil if there is none.
	Find func(name, version string) Func
	// ChildVersion is that of sub-orchestrations which ask for none; empty for none.
	ChildVersion string
	// Logger receives what replay has to say itself, and is what authors' loggers write to.
	Logger *slog.Logger
	// MaxPayload is the size of the largest result, for the functions that Find returns; zero
	// is that of the hub.
	MaxPayload int
	// Trace makes turns remember the lines of the author's code, for those who compare
	// it with a history.
	Trace bool
}

// Owner is who runs a turn and answers for it.
type Owner interface {
	// Trespassed is told, once, that a goroutine which is not the turn's called a
	// method of it. It runs on that goroutine, and the orchestrator may be blocked
	// for ever in waiting for just that one: so the owner answers with the failure
	// now. If the turn gets to its end, it ends with the same failure. The message
	// belongs to the owner.
	Trespassed(failure *dtspb.TaskFailureDetails)
}

// Turn is one execution of an orchestrator as far as the applied history goes.
// Apply, Actions, CustomStatus and Close belong to its owner; everything else
// is for the orchestrator that it runs.
type Turn struct {
	config *Config
	by     atomic.Pointer[Owner]

	instanceID, executionID string
	started                 *dtspb.ExecutionStartedEvent
	now                     time.Time
	ids                     int // how many NewID has made
	began                   time.Time
	random                  *rand.Rand // nil until somebody asks for it

	// owner is the goroutine that may call methods now, 0 between turns.
	owner     atomic.Uintptr
	replaying atomic.Bool
	trespass  atomic.Pointer[dtspb.TaskFailureDetails]

	main     coroutine
	others   []*coroutine // made by Go
	current  *coroutine   // the one that runs
	ready    queue
	watching []*coroutine // in Until
	moves    int          // counts what could change the answer of an Until
	closing  bool

	pending  pending // actions without a confirmation
	tasks    []*Task // by sequence id; nil when finished, or for actions without outcome
	waiting  []*Task // for events, oldest first
	buffered []*dtspb.HistoryEvent
	status   *wrapperspb.StringValue

	requests map[string]*Task // of entities, by the id of the request
	section  *section         // the critical section that the orchestrator is in, if any
	sections []*section       // those without unlocks: it, and those given up too early

	suspended bool
	held      []*dtspb.HistoryEvent // arrived while suspended

	ahead []*dtspb.HistoryEvent // known, and not applied yet

	cancelRequest *Task // nil until somebody asks for it
	patches       []patch
	marks         []string // of patches, that history has not yet
	foreseen      int      // requests to cancel that were answered ahead of their event

	next     *continuation
	canceled *cancellation
	end      *ending

	trace *trace // nil unless the config asks for it

	logger *slog.Logger
}

// New returns a turn of an execution; it starts with the first event applied.
func New(c *Config, by Owner, instanceID, executionID string) *Turn {
	t := &Turn{config: c, instanceID: instanceID, executionID: executionID}
	t.by.Store(&by)
	if c.Trace {
		t.trace = newTrace()
	}
	return t
}

// Resume gives a turn that [Turn.Rests] to the owner of the execution's next one, who
// applies what has happened since: first, as replayed, the events that confirm what
// the last one has answered.
func (t *Turn) Resume(by Owner) { t.by.Store(&by) }

// Rests reports whether the execution waits for events that may come later, so that
// the turn can be kept for them.
func (t *Turn) Rests() bool { return t.end == nil && t.trespass.Load() == nil }

// Apply applies events in order. Replaying says that an earlier turn has
// already seen them. The events are kept and never changed.
func (t *Turn) Apply(events []*dtspb.HistoryEvent, replaying bool) {
	t.replaying.Store(replaying)
	if len(t.ahead) == 0 {
		t.ahead = events
	}
	for _, e := range events {
		t.ahead = t.ahead[1:]
		t.apply(e)
	}
}

// Foresee says what will be applied. An owner that applies the events of a turn in
// several calls must say it: some answers to the orchestrator depend on what else
// has come with the event that it works on.
func (t *Turn) Foresee(events []*dtspb.HistoryEvent) { t.ahead = events }

// CustomStatus returns what the orchestrator set last, nil if it never did.
func (t *Turn) CustomStatus() *wrapperspb.StringValue { return t.status }

// Close unwinds the coroutines that wait and returns when all have ended. The
// turn is not used after that.
func (t *Turn) Close() {
	t.closing = true
	t.replaying.Store(true) // deferred functions of the orchestrator log nothing
	if t.main.resume != nil {
		t.main.unwind()
	}
	for len(t.others) > 0 { // a deferred function may add one
		co := t.others[0]
		t.others = t.others[1:]
		co.unwind()
	}
}

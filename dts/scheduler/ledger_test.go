package scheduler_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
)

// reporter hears what a worker sees of its work.
type reporter interface {
	// Handed: an activity was handed to a worker.
	Handed(task, input string)
	// Acked: the scheduler has acknowledged the result of an activity.
	Acked(task, result string)
	// Fired: an instance went on after a timer.
	Fired(instance string, due, at time.Time)
	// Shown: a worker was given an entity with that state, an answer with that state
	// was acknowledged, or a reader saw it.
	Shown(entity, state string)
	// Violated: a promise was broken, in words.
	Violated(text string)
}

// ledger stands outside of all that can crash. It knows what was acknowledged
// and fails the test when a promise is broken; the ids are those of
// docs/reliability.md.
type ledger struct {
	t *testing.T

	mu       sync.Mutex // guards what follows
	started  map[string]bool
	several  map[string]bool // instances with executions one after the other
	purged   map[string]bool
	tasks    map[string]*taskRecord
	books    map[string]string // the longest state of each entity that was shown
	firings  int
	problems int
	entries  int
	reach    int // the number of entries at which reached is closed
	reached  chan struct{}
}

// taskRecord is what is known of one scheduled activity.
type taskRecord struct {
	input  string
	handed int
	result string // of the acknowledged answer
	acked  bool
}

func newLedger(t *testing.T) *ledger {
	return &ledger{
		t: t, started: make(map[string]bool), several: make(map[string]bool), purged: make(map[string]bool),
		tasks: make(map[string]*taskRecord), books: make(map[string]string),
	}
}

// taskName names an activity for the ledger.
func taskName(instance, execution string, id int) string {
	return fmt.Sprintf("%s/%s#%d", instance, execution, id)
}

// after returns a channel that is closed when there are n more entries.
func (l *ledger) after(n int) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reach, l.reached = l.entries+n, make(chan struct{})
	return l.reached
}

// enter counts an entry. The caller holds the lock.
func (l *ledger) enter() {
	if l.entries++; l.reached != nil && l.entries >= l.reach {
		close(l.reached)
		l.reached = nil
	}
}

// maxProblems is how many broken promises of a test are told. One often breaks
// many more.
const maxProblems = 10

// violatef tells of a broken promise. The caller holds the lock.
func (l *ledger) violatef(format string, args ...any) {
	if l.problems++; l.problems <= maxProblems {
		l.t.Errorf(format, args...)
	}
}

func (l *ledger) Violated(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.violatef("%s", text)
}

// Started: a start was acknowledged.
func (l *ledger) Started(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started[id] = true
	l.enter()
}

// Several: an instance may have several executions, one after the other.
func (l *ledger) Several(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.several[id] = true
}

func (l *ledger) isPurged(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.purged[id]
}

// knows reports whether the instance was started.
func (l *ledger) knows(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.started[id] || l.purged[id]
}

// Purged: an instance is purged.
func (l *ledger) Purged(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.started, id)
	l.purged[id] = true
}

// Seen: a reader was shown something new.
func (l *ledger) Seen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.enter()
}

func (l *ledger) Handed(task, input string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.tasks[task]
	if r == nil {
		r = &taskRecord{input: input}
		l.tasks[task] = r
	}
	r.handed++
	if r.acked {
		l.violatef("G2: activity %s was handed out again after its result was acknowledged", task)
	}
	if r.input != input { // the input has the time of the turn, so a lost turn shows
		l.violatef("G1: activity %s was handed out with input %s and then %s: the first was not on disk", task, r.input, input)
	}
	l.enter()
}

func (l *ledger) Acked(task, result string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.tasks[task]
	switch {
	case r == nil:
		l.violatef("G2: a result of activity %s was acknowledged, which was never handed out", task)
		return
	case r.acked && r.result != result:
		l.violatef("G2: activity %s has two acknowledged results, %s and %s", task, r.result, result)
	}
	r.acked, r.result = true, result
	l.enter()
}

func (l *ledger) Fired(instance string, due, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.firings++
	if at.Before(due) {
		l.violatef("G4: a timer of instance %q fired at %v, due at %v", instance, at, due)
	}
	l.enter()
}

// Shown holds a state against those before: a book only grows. Reports of it can
// come in any order.
func (l *ledger) Shown(entity, state string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	longer, shorter := l.books[entity], strings.TrimSuffix(state, "]")
	if len(longer) < len(shorter) {
		longer, shorter = shorter, longer
		l.books[entity] = longer
	}
	if !strings.HasPrefix(longer, shorter) {
		l.violatef("G6: entity %s had the states %s and %s: one of them was undone", entity, shorter, longer)
	}
	l.enter()
}

// summary says how much the ledger has seen.
func (l *ledger) summary() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	handed, acked := 0, 0
	for _, r := range l.tasks {
		handed += r.handed
		if r.acked {
			acked++
		}
	}
	return fmt.Sprintf("%d starts, %d activities handed out %d times, %d results acknowledged, %d entities, %d timers fired, %d entries",
		len(l.started), len(l.tasks), handed, acked, len(l.books), l.firings, l.entries)
}

// audit compares the ledger with what the scheduler says in the end.
func (l *ledger) audit(ctx context.Context, c *dts.Client) {
	executions := make(map[string]string)
	continued := make(map[string]bool)
	for in, err := range c.Instances(ctx, dts.Query{Payloads: true}) {
		if err != nil {
			l.Violated(fmt.Sprintf("G1: the instances cannot be read: %v", err))
			return
		}
		if in.ParentID == "" && !l.knows(in.ID) {
			l.Violated(fmt.Sprintf("G1: instance %q is there and nobody started it in this hub", in.ID))
		}
		if !in.Status.Terminal() {
			l.Violated(fmt.Sprintf("G1: instance %q is %v for ever", in.ID, in.Status))
			continue
		}
		executions[in.ID], continued[in.ID] = in.ExecutionID, in.Name == countdown
		l.auditHistory(ctx, c, in)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.purged {
		if executions[id] != "" {
			l.violatef("G1: instance %q was purged and is back", id)
		}
	}
	for id := range l.started {
		if executions[id] == "" {
			l.violatef("G1: instance %q was acknowledged and is gone", id)
		}
	}
	for task := range l.tasks {
		id, rest, _ := strings.Cut(task, "/")
		execution, _, _ := strings.Cut(rest, "#")
		if executions[id] != execution && !continued[id] && !l.several[id] {
			l.violatef("G1: activity %s was handed out for an execution that does not exist", task)
		}
	}
}

// auditHistory checks that an ended execution has one start, one end, and one
// outcome of all that it scheduled, the acknowledged one.
func (l *ledger) auditHistory(ctx context.Context, c *dts.Client, in *dts.Instance) {
	counts := make(map[string]int)
	scheduled := make(map[int]dts.HistoryEvent)
	last := ""
	for e, err := range c.History(ctx, in.ID) {
		if err != nil {
			l.Violated(fmt.Sprintf("G1: the history of instance %q cannot be read: %v", in.ID, err))
			return
		}
		counts[e.Kind]++
		last = e.Kind
		switch e.Kind {
		case "TaskScheduled", "TimerCreated", "SubOrchestrationInstanceCreated":
			scheduled[e.EventID] = e
		case "TaskCompleted", "TaskFailed":
			l.auditOutcome(in, scheduled[e.TaskID], e)
			fallthrough
		case "TimerFired", "SubOrchestrationInstanceCompleted", "SubOrchestrationInstanceFailed":
			if _, open := scheduled[e.TaskID]; !open {
				l.Violated(fmt.Sprintf("G2: instance %q has %s %d a second time, or for nothing", in.ID, e.Kind, e.TaskID))
			}
			delete(scheduled, e.TaskID)
		}
	}
	if counts["ExecutionStarted"] != 1 || counts["ExecutionCompleted"] != 1 || last != "ExecutionCompleted" {
		l.Violated(fmt.Sprintf("G1: the history of instance %q ends with %s and has %v", in.ID, last, counts))
	}
	for _, e := range scheduled {
		if in.Status == dts.StatusCompleted && e.Kind != "TimerCreated" { // a timer may be left behind
			l.Violated(fmt.Sprintf("G2: instance %q completed and its %s %d has no outcome", in.ID, e.Kind, e.EventID))
		}
	}
}

func (l *ledger) auditOutcome(in *dts.Instance, scheduled, outcome dts.HistoryEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	task := taskName(in.ID, in.ExecutionID, outcome.TaskID)
	r := l.tasks[task]
	if r == nil && l.several[in.ID] { // a rewound execution has outcomes of those before
		for name, other := range l.tasks {
			if strings.HasPrefix(name, in.ID+"/") && strings.HasSuffix(name, fmt.Sprint("#", outcome.TaskID)) && other.input == string(scheduled.Input) {
				r = other
			}
		}
	}
	switch {
	case r == nil:
		l.violatef("G2: activity %s has an outcome and was never handed out", task)
	case r.input != string(scheduled.Input):
		l.violatef("G1: activity %s was handed out with input %s and scheduled with %s", task, r.input, scheduled.Input)
	case r.acked && r.result != string(outcome.Result):
		l.violatef("G2: activity %s has the outcome %s %v, acknowledged was %s", task, outcome.Result, outcome.Failure, r.result)
	}
}

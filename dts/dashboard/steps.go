package dashboard

import (
	"time"

	"github.com/funchost/funchost/dts"
)

// The kinds of steps, as pages name them.
const (
	kindActivity = "activity"
	kindChild    = "orchestration"
	kindTimer    = "timer"
	kindCall     = "entity call"
	kindLock     = "entity lock"
	kindHold     = "suspended"
	kindEvent    = "event"
	kindSent     = "sent event"
	kindSignal   = "entity signal"
)

// step is something that an orchestration did, from the entry of the history
// that began it to the one that ended it.
type step struct {
	Kind, Name  string
	Other       string // id of the child or the entity
	Begin, End  time.Time
	Outcome     string
	Open        bool // it has not ended
	Failed      bool
	Point       bool // it takes no time
	first, last int  // places of its entries
}

// steps finds them while a history is read.
type steps struct {
	all     []*step
	tasks   map[int]*step    // by number, those that have not ended
	asked   map[string]*step // by request, likewise
	held    *step
	newest  time.Time
	entries int
}

func newSteps() *steps {
	return &steps{tasks: make(map[int]*step), asked: make(map[string]*step)}
}

// add takes up one entry and returns the name of what it is about.
func (s *steps) add(place int, e dts.HistoryEvent) string {
	s.entries++
	if e.Timestamp.After(s.newest) {
		s.newest = e.Timestamp
	}
	begin := func(kind, outcome string) *step {
		made := &step{
			Kind: kind, Name: e.Name, Other: e.InstanceID, Begin: e.Timestamp, Outcome: outcome, Open: true, first: place, last: place,
		}
		s.all = append(s.all, made)
		return made
	}
	point := func(kind, outcome string) {
		p := begin(kind, outcome)
		p.End, p.Open, p.Point = e.Timestamp, false, true
	}
	name := e.Name
	switch e.Kind {
	case "TaskScheduled":
		s.tasks[e.EventID] = begin(kindActivity, "running")
	case "SubOrchestrationInstanceCreated":
		s.tasks[e.EventID] = begin(kindChild, "running")
	case "TimerCreated":
		s.tasks[e.EventID] = begin(kindTimer, "waiting")
	case "TaskCompleted", "SubOrchestrationInstanceCompleted":
		name = finish(s.tasks, e.TaskID, place, e, "completed")
	case "TaskFailed", "SubOrchestrationInstanceFailed":
		name = finish(s.tasks, e.TaskID, place, e, "failed")
	case "TimerFired":
		name = finish(s.tasks, e.TaskID, place, e, "fired")
	case "EntityOperationCalled":
		s.asked[e.RequestID] = begin(kindCall, "waiting")
	case "EntityLockRequested":
		s.asked[e.RequestID] = begin(kindLock, "waiting")
	case "EntityOperationCompleted":
		name = finish(s.asked, e.RequestID, place, e, "completed")
	case "EntityOperationFailed":
		name = finish(s.asked, e.RequestID, place, e, "failed")
	case "EntityLockGranted":
		name = finish(s.asked, e.RequestID, place, e, "granted")
	case "EventRaised":
		point(kindEvent, "received")
	case "EventSent":
		point(kindSent, "sent")
	case "EntityOperationSignaled":
		point(kindSignal, "sent")
	case "ExecutionSuspended":
		if s.held == nil {
			s.held = begin(kindHold, "holding")
		}
	case "ExecutionResumed":
		if s.held != nil {
			s.held.End, s.held.last, s.held.Open, s.held.Outcome = e.Timestamp, place, false, "resumed"
			s.held = nil
		}
	}
	return name
}

// finish ends the step that an entry answers and returns its name.
func finish[K comparable](open map[K]*step, key K, place int, e dts.HistoryEvent, outcome string) string {
	s := open[key]
	if s == nil {
		return e.Name
	}
	delete(open, key)
	s.End, s.last, s.Outcome, s.Open, s.Failed = e.Timestamp, place, outcome, false, e.Failure != nil
	return s.Name
}

// end gives the steps that go on at or after a place. What nothing has ended lasts
// until now, or until its orchestration ended.
func (s *steps) end(from int, in *dts.Instance, now time.Time) []*step {
	var shown []*step
	for _, st := range s.all {
		if st.Open {
			st.last = s.entries
			st.End = now
			if in.Status.Terminal() {
				st.End, st.Outcome = in.Completed, "open at the end"
			}
			if st.End.Before(s.newest) { // clocks differ
				st.End = s.newest
			}
		}
		if st.last >= from {
			shown = append(shown, st)
		}
	}
	return shown
}

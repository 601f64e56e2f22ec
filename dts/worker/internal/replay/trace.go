package replay

import (
	"cmp"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// trace is what a turn remembers for somebody who compares code with a history:
// which lines of the author's code asked for what. A turn that only answers a work
// item has none, since to look at stacks costs more than the turn.
type trace struct {
	asked      map[int32]string      // where each action was asked for, by sequence id
	events     map[*Task]string      // where each wait for an event began
	coroutines map[*coroutine]string // where each was started
	parked     map[*coroutine]string // where each waits
	difference *Difference
}

// Difference is what history and code disagree about.
type Difference struct {
	History, Code string // what each of them has, in words
	At            string // file and line of the code; empty if unknown
}

func newTrace() *trace {
	return &trace{
		asked:      make(map[int32]string),
		events:     make(map[*Task]string),
		coroutines: make(map[*coroutine]string),
		parked:     make(map[*coroutine]string),
	}
}

// line is where the author's code is now: for a coroutine that the library has
// started on his behalf, where that was.
func (tr *trace) line(t *Turn) string {
	if t.current == nil {
		return "" // an event has come, and the code does not run
	}
	return cmp.Or(authorLine(), tr.coroutines[t.current])
}

// ask adds an action.
func (t *Turn) ask(a *action) {
	t.pending.add(a)
	if t.trace != nil {
		t.trace.asked[a.id] = t.trace.line(t)
	}
}

// notice keeps what history and code have, a being the action of the code if there
// is one, before the turn ends with it.
func (t *Turn) notice(was, is string, a *action) {
	if t.trace == nil {
		return
	}
	d := &Difference{History: was, Code: is}
	switch {
	case a != nil:
		d.At = t.trace.asked[a.id]
	case t.end != nil:
		d.Code = t.Ending()
	default:
		d.At = t.Standing()
	}
	t.trace.difference = d
}

// Difference returns where code and history have parted, nil if they have not or
// the turn keeps no trace.
func (t *Turn) Difference() *Difference {
	if t.trace == nil {
		return nil
	}
	if f := t.trespass.Load(); f != nil && t.trace.difference == nil {
		return &Difference{History: "no such thing", Code: f.GetErrorMessage()}
	}
	return t.trace.difference
}

// Unrecorded returns what the code has asked for, or that it has ended, and no event
// so far says so: a difference when the next event begins another turn. The history
// that it returns is empty.
func (t *Turn) Unrecorded() *Difference {
	if t.suspended {
		return nil // goes out when the instance is resumed
	}
	if open := t.pending.open(); len(open) > 0 && (t.end == nil || !t.end.alone) {
		a := open[0]
		return &Difference{Code: describe(a.kind, a.name, a.target), At: t.trace.asked[a.id]}
	}
	if t.end != nil {
		return &Difference{Code: t.Ending()}
	}
	return nil
}

// Ending says how the code has ended, empty if it has not.
func (t *Turn) Ending() string {
	if t.end == nil {
		return ""
	}
	how := strings.TrimPrefix(t.end.action.OrchestrationStatus.String(), "ORCHESTRATION_STATUS_")
	text := "an end as " + strings.ToLower(strings.ReplaceAll(how, "_", " "))
	if f := t.end.action.FailureDetails; f != nil {
		text += ": " + f.GetErrorMessage()
	}
	return text
}

// Status is how the code has ended; ok is false if it has not.
func (t *Turn) Status() (_ dtspb.OrchestrationStatus, ok bool) {
	if t.end == nil {
		return 0, false
	}
	return t.end.action.OrchestrationStatus, true
}

// Standing is the line at which the orchestrator waits; empty if it has ended.
func (t *Turn) Standing() string {
	if t.trace == nil || t.end != nil {
		return ""
	}
	return t.trace.parked[&t.main]
}

// Wait is something that the orchestrator has asked for and not got.
type Wait struct {
	What            string // in words
	Activity, Event string // name, if it is one
	Child           string // instance id, if it is one
	Due             time.Time
	At              string
}

// Waits returns what has no outcome yet: what was scheduled, in that order, then
// events.
func (t *Turn) Waits() []Wait {
	if t.trace == nil || t.end != nil {
		return nil
	}
	var waits []Wait
	for id, k := range t.tasks {
		if k != nil && k.state == open {
			a := &k.action
			w := Wait{What: describe(a.kind, a.name, a.target), Due: a.fireAt, At: t.trace.asked[int32(id)]}
			switch a.kind {
			case activity:
				w.Activity = a.name
			case orchestration:
				w.Child = a.target
			}
			waits = append(waits, w)
		}
	}
	for _, k := range t.waiting {
		waits = append(waits, Wait{What: describe(sentEvent, k.action.name, ""), Event: k.action.name, At: t.trace.events[k]})
	}
	return waits
}

// library are the functions that stand between the author's and this package.
// Frames of the runtime are between them too, where a coroutine begins.
const library = "github.com/funchost/funchost/"

// authorLine returns the innermost line of the stack that is not the library's,
// as file:line.
func authorLine() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if frame.File != "" && !ofLibrary(frame) {
			return fmt.Sprintf("%s:%d", frame.File, frame.Line)
		}
		if !more {
			return ""
		}
	}
}

func ofLibrary(f runtime.Frame) bool {
	room, ours := strings.CutPrefix(f.Function, library)
	switch {
	case strings.HasPrefix(f.Function, "runtime.") || strings.HasPrefix(f.Function, "iter."):
		return true
	case !ours || strings.HasSuffix(f.File, "_test.go"): // the examples, and those who test the library
		return false
	default:
		return strings.HasPrefix(room, "dts/") || strings.HasPrefix(room, "framework/")
	}
}

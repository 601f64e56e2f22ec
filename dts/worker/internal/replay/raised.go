package replay

import (
	"strings"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Event returns a task that the next event of that name finishes; the oldest
// that nobody has taken yet, if there is one. Names compare without case.
func (t *Turn) Event(name string) *Task {
	t.guard("Context.Event")
	k := &Task{turn: t, action: action{kind: raisedEvent, name: name}}
	for i, e := range t.buffered {
		raised := e.GetEventRaised()
		if !strings.EqualFold(raised.GetName(), name) {
			continue
		}
		if i == 0 {
			t.buffered = t.buffered[1:] // the usual case must not move a long backlog
		} else {
			t.buffered = append(t.buffered[:i], t.buffered[i+1:]...)
		}
		k.result, k.state = raised.GetInput(), done
		return k
	}
	t.waiting = append(t.waiting, k)
	if t.trace != nil {
		t.trace.events[k] = t.trace.line(t)
	}
	return k
}

// raise gives the event to the oldest task that waits for its name, or keeps it.
func (t *Turn) raise(e *dtspb.HistoryEvent) {
	if t.foreseen > 0 && isCancel(e) {
		t.foreseen--
		return
	}
	if t.end == nil {
		raised := e.GetEventRaised()
		for i, k := range t.waiting {
			if strings.EqualFold(k.action.name, raised.GetName()) {
				t.waiting = append(t.waiting[:i], t.waiting[i+1:]...)
				k.result = raised.GetInput()
				k.finish(done)
				return
			}
		}
	}
	t.buffered = append(t.buffered, e)
}

package hub

import (
	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
)

// longHistory is from how many bytes on it matters that a worker has the instance
// warm: its turns wait for that worker, and come without what it has seen.
const longHistory = 16 << 10

// handed is a turn that a worker got.
type handed struct {
	to     *dispatch.Stream
	past   int                   // events that were history before it
	events []*dtspb.HistoryEvent // its own; the first is a new one in each hand-out
}

// seen is how many events of the history the worker of the last turn has seen: none
// unless it was the answer to that hand-out which became history.
func (e *entry) seen() int {
	t := e.handed
	n := t.past + len(t.events)
	switch {
	case t.to == nil || !t.to.Options().Warm || n > len(e.in.History) || e.in.Rewinding():
		return 0
	case e.in.History[t.past] != t.events[0] || e.in.History[n-1] != t.events[len(t.events)-1]:
		return 0
	}
	return n
}

// keeper is the stream of the worker that has a long history in its memory.
func (e *entry) keeper() *dispatch.Stream {
	if e.in.Record.GetHistoryBytes() <= longHistory || e.seen() == 0 {
		return nil
	}
	return e.handed.to
}

// leaveOut is how many past events s can do without, and how many bytes the others have.
func (e *entry) leaveOut(s *dispatch.Stream) (from int, size uint64) {
	size = e.in.Record.GetHistoryBytes()
	if e.keeper() != s || s == nil {
		return 0, size
	}
	from, size = e.seen(), 0
	for _, past := range e.in.History[from:] {
		size += uint64(proto.Size(past))
	}
	return from, size
}

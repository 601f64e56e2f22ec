package dispatch

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
)

// maxChunked is how many bytes the chunks of an answer may have in all: as many as an
// answer that comes whole.
const maxChunked = 64 << 20

// chunks is an answer that comes in several. They are kept until the answer is taken
// or the work is handed to somebody else: a worker whose last call failed repeats that
// one alone.
type chunks struct {
	parts map[int32]*dtspb.OrchestratorResponse
	last  int32 // the index of the one that is not partial, -1 before it is there
	size  int   // in bytes
}

// Part keeps one chunk of a response that comes in several. It returns the whole
// response once the last chunk is there, nil before. The error is engine.ErrStale if
// one is missing then, and the work goes to somebody else: nobody would send it any
// more. It is engine.ErrInvalid if they are too large together.
func (q *Queue) Part(l *Lease, r *dtspb.OrchestratorResponse) (whole *dtspb.OrchestratorResponse, _ error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.leases[l.Token] != l {
		return nil, engine.ErrStale
	}
	if l.answer == nil {
		if !r.GetIsPartial() && r.GetChunkIndex().GetValue() == 0 {
			return r, nil
		}
		l.answer = &chunks{parts: make(map[int32]*dtspb.OrchestratorResponse), last: -1}
	}
	if err := l.answer.add(r); err != nil || r.GetIsPartial() {
		return nil, err
	}
	if whole = l.answer.whole(); whole == nil {
		if !l.lost {
			q.release(l)
			q.putBack(l)
		}
		l.answer = nil
		delete(q.leases, l.Token)
		return nil, engine.ErrStale
	}
	return whole, nil
}

// add takes a chunk in. One without an index is the next.
func (c *chunks) add(r *dtspb.OrchestratorResponse) error {
	i := int32(len(c.parts))
	switch {
	case r.GetChunkIndex() != nil:
		i = r.GetChunkIndex().GetValue()
	case !r.GetIsPartial() && c.last >= 0: // again
		i = c.last
	}
	c.size += proto.Size(r) - proto.Size(c.parts[i])
	if c.size > maxChunked {
		return fmt.Errorf("%w: the chunks of the answer have more than %d bytes", engine.ErrInvalid, maxChunked)
	}
	c.parts[i] = r
	if !r.GetIsPartial() {
		c.last = i
	}
	return nil
}

// whole puts the chunks together, nil if one is missing. Status, trace and count of
// events are those of the first.
func (c *chunks) whole() *dtspb.OrchestratorResponse {
	first := c.parts[0]
	if first == nil || int(c.last)+1 != len(c.parts) {
		return nil
	}
	whole := &dtspb.OrchestratorResponse{
		InstanceId: first.GetInstanceId(), CustomStatus: first.GetCustomStatus(), CompletionToken: first.GetCompletionToken(),
		NumEventsProcessed: first.GetNumEventsProcessed(), OrchestrationTraceContext: first.GetOrchestrationTraceContext(),
	}
	for i := range c.last + 1 {
		part, ok := c.parts[i]
		if !ok {
			return nil
		}
		whole.Actions = append(whole.Actions, part.GetActions()...)
	}
	return whole
}

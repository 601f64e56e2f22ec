package dispatch

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
)

// chunk is one with one action; an index below zero is none.
func chunk(index, action int32, partial bool) *dtspb.OrchestratorResponse {
	r := &dtspb.OrchestratorResponse{IsPartial: partial, Actions: []*dtspb.OrchestratorAction{{Id: action}}, NumEventsProcessed: wrapperspb.Int32(0)}
	if index >= 0 {
		r.ChunkIndex = wrapperspb.Int32(index)
	}
	if action == 1 {
		r.CustomStatus, r.NumEventsProcessed = wrapperspb.String("status"), wrapperspb.Int32(4)
	}
	return r
}

// inHands is a turn in the hands of a worker.
func inHands() (*Queue, *Stream, *Lease) {
	q := NewQueue(1)
	q.Push(turnOf("x", 1))
	s := connect(q, 1)
	return q, s, s.Take()
}

func wantWhole(t *testing.T, whole *dtspb.OrchestratorResponse, err error) {
	t.Helper()
	var ids []int32
	for _, a := range whole.GetActions() {
		ids = append(ids, a.GetId())
	}
	want(t, "actions", []int32{1, 2, 3}, ids)
	if err != nil || whole.GetCustomStatus().GetValue() != "status" || whole.GetNumEventsProcessed().GetValue() != 4 {
		t.Errorf("got %v, %v", whole, err)
	}
}

func TestChunksOfAResponse(t *testing.T) {
	t.Parallel()
	for name, chunks := range map[string][]*dtspb.OrchestratorResponse{
		"in order":           {chunk(0, 1, true), chunk(1, 2, true), chunk(2, 3, false)},
		"out of order":       {chunk(1, 2, true), chunk(0, 1, true), chunk(2, 3, false)},
		"repeated":           {chunk(0, 9, true), chunk(0, 1, true), chunk(1, 2, true), chunk(2, 3, false)},
		"without an index":   {chunk(-1, 1, true), chunk(-1, 2, true), chunk(-1, 3, false)},
		"last without index": {chunk(0, 1, true), chunk(1, 2, true), chunk(-1, 3, false)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, s, l := inHands()
			last := len(chunks) - 1
			for i, c := range chunks[:last] {
				if whole, err := q.Part(l, c); whole != nil || err != nil {
					t.Errorf("a part is answered with %v, %v", whole, err)
				}
				if i == 1 {
					s.Close() // its answer is taken until somebody else has the work
				}
			}
			whole, err := q.Part(l, chunks[last])
			wantWhole(t, whole, err)
			whole, err = q.Part(l, chunks[last]) // the first call may have failed behind this
			wantWhole(t, whole, err)
		})
	}
}

func TestAnswerWithoutAllItsChunksIsRefusedAndTheWorkGoesOn(t *testing.T) {
	t.Parallel()
	for name, chunks := range map[string][]*dtspb.OrchestratorResponse{
		"a gap":          {chunk(0, 1, true), chunk(2, 3, false)},
		"no beginning":   {chunk(1, 2, true), chunk(2, 3, false)},
		"the last alone": {chunk(5, 3, false)},
		"one too many":   {chunk(0, 1, true), chunk(3, 4, true), chunk(1, 2, false)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, s, l := inHands()
			var err error
			for _, c := range chunks {
				_, err = q.Part(l, c)
			}
			if !errors.Is(err, engine.ErrStale) || q.Accept(l) {
				t.Errorf("got %v, want that the answer is refused", err)
			}
			if again := s.Take(); again == nil || again.Item != l.Item {
				t.Errorf("got %v, want the work again", again)
			}
		})
	}
}

func TestChunksAreForgottenWithTheirLease(t *testing.T) {
	t.Parallel()
	q, s, l := inHands()
	if _, err := q.Part(l, chunk(0, 1, true)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if connect(q, 1).Take() == nil {
		t.Fatal("the work is not handed out again")
	}
	if whole, err := q.Part(l, chunk(1, 2, false)); whole != nil || !errors.Is(err, engine.ErrStale) {
		t.Errorf("got %v, %v, want that it came too late", whole, err)
	}
}

func TestChunksAreBounded(t *testing.T) {
	t.Parallel()
	q, _, l := inHands()
	c := func(i int32) *dtspb.OrchestratorResponse {
		c := chunk(i, 1, true)
		c.CustomStatus = wrapperspb.String(string(make([]byte, maxChunked/2)))
		return c
	}
	for range 3 { // the same again takes no more
		if _, err := q.Part(l, c(0)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := q.Part(l, c(1)); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("got %v, want that it is too much", err)
	}
}

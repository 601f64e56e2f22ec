package dispatch

import (
	"testing"
	"testing/synctest"
	"time"
)

// preferred is a turn that s should have.
func preferred(id string, s *Stream) *Item {
	it := turnOf(id, 1)
	it.Prefer = s
	return it
}

func TestPreferredStreamGetsTheItem(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	s, other := connect(q, 2), connect(q, 2)
	take(other) // waits, and longer
	take(s)
	q.Push(preferred("a", s))
	if woken(other) || !woken(s) {
		t.Error("another stream is woken")
	}
	want(t, "taken by the other", nil, take(other))
	if c := q.Counts(Orchestration); c.Pending != 1 || !c.Oldest.Equal(epoch) {
		t.Errorf("counts: %+v, want one pending", c)
	}
	l := s.Take()
	if l == nil || l.Item.Key.ID != "a" {
		t.Fatalf("got %v, want the item", l)
	}
	if !q.Accept(l) {
		t.Error("its answer is refused")
	}
	if c := q.Counts(Orchestration); c.Pending != 0 || c.Active != 0 {
		t.Errorf("counts: %+v, want none", c)
	}
}

func TestItemGoesToAnybodyIfThePreferredStreamCannotTakeIt(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(q *Queue, s *Stream){
		"it is closed before": func(_ *Queue, s *Stream) { s.Close() },
		"it drains before":    func(q *Queue, _ *Stream) { q.Drain("w") },
		"it has its hands full": func(q *Queue, s *Stream) {
			q.Push(turnOf("b", 1))
			s.Take()
		},
		"others wait for it": func(q *Queue, s *Stream) { q.Push(preferred("b", s)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := NewQueue(1)
			o := StreamOptions{WorkerID: "w"}
			o.Window[Orchestration] = 1
			s := q.Open(o)
			spoil(q, s)
			other := connect(q, 9)
			take(other)
			q.Push(preferred("a", s))
			if !woken(other) {
				t.Error("the other stream is not woken")
			}
			if l := other.Take(); l == nil || l.Item.Key.ID != "a" {
				t.Errorf("got %v, want the item", l)
			}
		})
	}
}

func TestItemsThatWaitForAStreamAreLeftToOthersWhenItGoes(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(q *Queue, s *Stream){
		"closed": func(_ *Queue, s *Stream) { s.Close() },
		"drains": func(q *Queue, _ *Stream) { q.Drain("w") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := NewQueue(1)
			o := StreamOptions{WorkerID: "w"}
			o.Window[Orchestration] = 9
			s, other := q.Open(o), connect(q, 9)
			q.Push(preferred("a", s))
			q.Push(preferred("b", s))
			q.Push(preferred("c", s))
			take(other)
			q.Withdraw(turnOf("b", 1).Key)
			leave(q, s)
			if !woken(other) {
				t.Error("the other stream is not woken")
			}
			var ids []string
			for l := other.Take(); l != nil; l = other.Take() {
				ids = append(ids, l.Item.Key.ID)
			}
			want(t, "taken by the other", []string{"a", "c"}, ids)
			if c := q.Counts(Orchestration); c.Pending != 0 || c.Active != 2 {
				t.Errorf("counts: %+v, want two active", c)
			}
		})
	}
}

func TestItemDoesNotWaitForAStreamThatDoesNotLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(1)
		stalled, other := connect(q, 9), connect(q, 9)
		take(other)
		q.Push(preferred("a", stalled))
		time.Sleep(preference - time.Nanosecond)
		synctest.Wait()
		want(t, "taken at once by the other", nil, take(other))
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if !woken(other) {
			t.Error("the other stream is not woken")
		}
		want(t, "taken by the other", 1, len(take(other)))
	})
}

// TestPreferredItemIsNotStuckBehindAnother: an older item may take the slot that was
// meant for it.
func TestPreferredItemIsNotStuckBehindAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(1)
		s, other := connect(q, 1), connect(q, 1)
		older := turnOf("older", 1)
		older.Since = epoch.Add(-time.Second)
		q.Push(older)
		q.Push(preferred("a", s))
		if l := s.Take(); l == nil || l.Item != older {
			t.Fatalf("got %v, want the older one", l)
		}
		if l := other.Take(); l == nil || l.Item.Key.ID != "a" {
			t.Errorf("got %v, want the item that cannot have its stream", l)
		}
	})
}

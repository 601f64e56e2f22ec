package dispatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
)

// epoch is when the items of these tests become ready.
var epoch = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// activity is an item that became ready so many seconds after the epoch.
func activity(name string, ready int) *Item {
	return &Item{Kind: Activity, Key: engine.TaskKey{ID: name, Gen: 1, TaskID: int32(ready)}, Name: name, Since: epoch.Add(time.Duration(ready) * time.Second)}
}

func turnOf(id string, gen uint64) *Item {
	return &Item{Kind: Orchestration, Key: engine.TaskKey{ID: id, Gen: gen, TaskID: engine.TurnTask}, Name: "orc", Since: epoch}
}

// connect opens a stream for everything, with the same window for each kind.
func connect(q *Queue, window int) *Stream {
	o := StreamOptions{}
	for k := range o.Window {
		o.Window[k] = window
	}
	return q.Open(o)
}

// take takes all that a stream can get, each as name and second.
func take(s *Stream) (got []string) {
	for l := s.Take(); l != nil; l = s.Take() {
		got = append(got, describe(l.Item))
	}
	return got
}

func describe(it *Item) string { return fmt.Sprint(it.Name, " ", int(it.Since.Sub(epoch).Seconds())) }

func want[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// woken reports whether the stream was told to look, and takes the telling back.
func woken(s *Stream) bool {
	select {
	case <-s.More():
		return true
	default:
		return false
	}
}

func TestWindowsAreOfEachKind(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	for i := range 3 {
		q.Push(activity("a", i))
		q.Push(turnOf(fmt.Sprint(i), 1))
	}
	o := StreamOptions{}
	o.Window[Activity], o.Window[Orchestration] = 2, 1
	s := q.Open(o)
	var leases []*Lease
	kinds := map[Kind]int{}
	for l := s.Take(); l != nil; l = s.Take() {
		leases = append(leases, l)
		kinds[l.Item.Kind]++
	}
	want(t, "taken", map[Kind]int{Activity: 2, Orchestration: 1}, kinds)
	for _, l := range leases {
		if l.Item.Kind == Activity {
			q.Accept(l)
			break
		}
	}
	if !woken(s) {
		t.Error("a free slot does not wake the stream")
	}
	want(t, "after one answer", []string{"a 2"}, take(s))
}

func TestFilters(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		filter *Filter
		want   []string
	}{
		"no filter":            {nil, []string{"a", "a 1", "a 2", "b 1"}},
		"an empty filter":      {&Filter{}, nil},
		"any version":          {&Filter{Names: map[string][]string{"a": nil}}, []string{"a", "a 1", "a 2"}},
		"one version":          {&Filter{Names: map[string][]string{"a": {"1"}}}, []string{"a 1"}},
		"without a version":    {&Filter{Names: map[string][]string{"a": {""}}}, []string{"a"}},
		"several versions":     {&Filter{Names: map[string][]string{"a": {"", "2"}, "b": {"1"}}}, []string{"a", "a 2", "b 1"}},
		"another's name":       {&Filter{Names: map[string][]string{"c": nil}}, nil},
		"a name in capitals":   {&Filter{Names: map[string][]string{"A": nil}}, nil},
		"a version not wanted": {&Filter{Names: map[string][]string{"b": {"2"}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := NewQueue(1)
			for i, c := range [][2]string{{"a", ""}, {"a", "1"}, {"a", "2"}, {"b", "1"}} {
				it := activity(c[0], i)
				it.Version = c[1]
				q.Push(it)
			}
			q.Push(turnOf("t", 1))
			o := StreamOptions{Filters: [kinds]*Filter{Orchestration: {}, Activity: tc.filter}}
			o.Window[Activity], o.Window[Orchestration] = 9, 9
			s := q.Open(o)
			var got []string
			for l := s.Take(); l != nil; l = s.Take() {
				c := l.Item.Name
				if l.Item.Version != "" {
					c += " " + l.Item.Version
				}
				got = append(got, c)
			}
			want(t, "taken", tc.want, got)
			if n := q.Counts(Activity).Pending; int(n) != 4-len(tc.want) {
				t.Errorf("%d are pending, want %d", n, 4-len(tc.want))
			}
		})
	}
}

func TestOldestFirstAcrossClasses(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	for i, name := range []string{"a", "b", "a", "c", "b"} {
		q.Push(activity(name, i))
	}
	want(t, "taken", []string{"a 0", "b 1", "a 2", "c 3", "b 4"}, take(connect(q, 9)))
}

func TestTheStreamThatWaitedLongestIsWoken(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	s1, s2, s3 := connect(q, 1), connect(q, 1), connect(q, 1)
	for _, s := range []*Stream{s2, s1, s3} {
		take(s) // finds nothing and waits
	}
	for i, next := range []*Stream{s2, s1, s3} {
		q.Push(activity("a", i))
		for _, s := range []*Stream{s1, s2, s3} {
			if got := woken(s); got != (s == next) {
				t.Errorf("push %d: woken is %v", i, got)
			}
		}
		want(t, "taken", []string{fmt.Sprint("a ", i)}, take(next))
	}
	q.Push(activity("a", 9)) // nobody has a slot
	for _, s := range []*Stream{s1, s2, s3} {
		if woken(s) {
			t.Error("a stream without a slot is woken")
		}
	}
}

// TestWakeUpIsNotLostWithAStream: a stream can end between being woken and
// looking.
func TestWakeUpIsNotLostWithAStream(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	s1, s2 := connect(q, 1), connect(q, 1)
	take(s1)
	take(s2)
	q.Push(activity("a", 0))
	s1.Close()
	if !woken(s2) {
		t.Error("the other stream is not woken")
	}
	want(t, "taken", []string{"a 0"}, take(s2))
}

func TestDrainedStreamsTakeNoMoreAndKeepWhatTheyHold(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	o := StreamOptions{WorkerID: "w"}
	o.Window[Activity] = 2
	s1, s2, other := q.Open(o), q.Open(o), connect(q, 9)
	q.Push(activity("a", 0))
	l := s1.Take()
	take(s1)
	take(s2)
	take(other)
	for _, s := range []*Stream{s1, s2, other} {
		woken(s)
	}
	q.Push(activity("a", 1)) // wakes one that then drains
	want(t, "found", true, q.Drain("w"))
	want(t, "found again", true, q.Drain("w"))
	want(t, "found by another id", false, q.Drain("v"))
	want(t, "found without an id", false, q.Drain(""))
	if !woken(other) {
		t.Error("the stream that goes on is not woken")
	}
	want(t, "workers", 1, q.Workers())
	want(t, "taken by those that drain", nil, append(take(s1), take(s2)...))
	want(t, "taken by the other", []string{"a 1"}, take(other))
	want(t, "accepted", true, q.Accept(l))
	q.Push(activity("a", 2))
	want(t, "taken with a free slot", nil, take(s1))
	want(t, "taken by the other", []string{"a 2"}, take(other))
	if lost := append(s1.Close(), s2.Close()...); len(lost) > 0 {
		t.Errorf("%d items are lost, want none", len(lost))
	}
}

// TestStreamThatIsSendingIsNotWokenForTheNext: what it would get first has to
// wait for its peer, while another is free.
func TestStreamThatIsSendingIsNotWokenForTheNext(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	s1, s2 := connect(q, 2), connect(q, 2)
	q.Push(activity("a", 0))
	l := s1.Take()
	take(s1)
	take(s2)
	q.Push(activity("a", 1))
	woken(s1)
	q.Accept(l)
	s1.Take() // now it sends
	q.Push(activity("a", 2))
	if !woken(s2) {
		t.Error("the stream that waits is not woken")
	}
}

func TestLostLeasesGoToTheFrontInTheirOrder(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	for i := range 20 {
		q.Push(activity("a", i))
	}
	s := connect(q, 10)
	all := take(s)
	lost := s.Close()
	if again := s.Close(); again != nil || s.Take() != nil {
		t.Errorf("closed twice: got %v", again)
	}
	var order []string
	for i := range 20 {
		order = append(order, fmt.Sprint("a ", i))
	}
	want(t, "taken first", order[:10], all)
	if len(lost) != 10 {
		t.Fatalf("lost %d, want 10", len(lost))
	}
	for i, it := range lost {
		if it.Losses != 1 || describe(it) != order[i] {
			t.Errorf("lost[%d] is %s with %d losses", i, describe(it), it.Losses)
		}
	}
	want(t, "taken again", order, take(connect(q, 20)))
}

func TestAnswerOfALostLeaseIsTakenUntilItsItemIsHandedOut(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	for i := range 2 {
		q.Push(activity("a", i))
	}
	s := connect(q, 2)
	inTime, late := s.Take(), s.Take()
	s.Close()
	if l, _ := q.Find(inTime.Token); l != inTime || !q.Accept(inTime) {
		t.Error("an answer in time is refused")
	}
	other := connect(q, 2)
	want(t, "handed out again", []string{"a 1"}, take(other))
	if l, done := q.Find(late.Token); l != nil || done || q.Accept(late) {
		t.Error("an answer that is late is taken")
	}
	c := q.Counts(Activity)
	if c.Pending != 0 || c.Active != 1 {
		t.Errorf("counts: got %+v", c)
	}
}

func TestAnswerThatIsRepeatedIsKnown(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	s := connect(q, 1)
	var first string
	for i := range finishedTokens + 1 {
		q.Push(activity("a", i))
		l := s.Take()
		if i == 0 {
			first = l.Token
		}
		if !q.Accept(l) || q.Accept(l) {
			t.Fatal("an answer is to be accepted once")
		}
		if found, done := q.Find(l.Token); found != nil || !done {
			t.Fatalf("repeated answer: got %v, %v", found, done)
		}
	}
	if _, done := q.Find(first); done || len(q.finished.tokens) != finishedTokens {
		t.Error("tokens are remembered for ever")
	}
}

func TestAbandonedItemIsSetAside(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	s := connect(q, 1)
	it := activity("a", 0)
	q.Push(it)
	for i := 1; i <= 3; i++ {
		l := s.Take()
		if got := q.Abandon(l); got != i {
			t.Errorf("abandoned %d times in a row, want %d", got, i)
		}
		if q.Abandon(l) != 0 || q.Accept(l) {
			t.Error("an abandoned lease is still valid")
		}
		if c := q.Counts(Activity); c.Pending != 1 || c.Active != 0 {
			t.Errorf("counts: got %+v", c)
		}
		q.Push(it) // what else happens to it waits as well
		if s.Take() != nil {
			t.Error("it is handed out before it is resumed")
		}
		woken(s)
		q.Resume(it)
		if !woken(s) {
			t.Error("it is resumed and nobody is woken")
		}
	}
	q.Abandon(s.Take())
	q.Withdraw(it.Key)
	q.Resume(it)
	if s.Take() != nil || q.Counts(Activity).Pending != 0 {
		t.Error("it is handed out although it was withdrawn")
	}
}

func TestWithdraw(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	s := connect(q, 2)
	q.Push(activity("a", 0))
	held := s.Take()
	waits := activity("a", 1)
	q.Push(waits)
	q.Withdraw(held.Item.Key)
	q.Withdraw(waits.Key)
	q.Withdraw(engine.TaskKey{ID: "nobody"})
	if s.Take() != nil {
		t.Error("a withdrawn activity is handed out")
	}
	if !q.Accept(held) {
		t.Error("a worker may finish an activity that was withdrawn")
	}
	old := turnOf("x", 1)
	q.Push(old)
	l := s.Take()
	q.Withdraw(engine.TaskKey{ID: "x", Gen: 2, TaskID: engine.TurnTask})
	if got, _ := q.Find(l.Token); got != l {
		t.Error("a turn is withdrawn with that of another execution")
	}
	q.Push(turnOf("x", 2)) // ignored as long as the other is there
	q.Withdraw(old.Key)
	if got, done := q.Find(l.Token); got != nil || done || q.Accept(l) {
		t.Error("the answer for a withdrawn turn is taken")
	}
	q.Push(turnOf("x", 2))
	if next := s.Take(); next == nil || next.Item.Key.Gen != 2 {
		t.Errorf("got %v, want the turn of the new execution", next)
	}
	if got := s.free[Orchestration]; got != 1 {
		t.Errorf("%d slots are free, want 1", got)
	}
}

func TestWithdrawnItemsTakeNoMemory(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	q.Push(activity("a", -1)) // stands in front for ever
	for i := range 10_000 {
		it := activity("a", i)
		q.Push(it)
		q.Withdraw(it.Key)
	}
	f := q.classes[class{Activity, "a", ""}]
	if len(f.items) > 200 || len(q.tasks) != 1 || q.Counts(Activity).Pending != 1 {
		t.Errorf("queue has %d items, %d tasks, counts %+v", len(f.items), len(q.tasks), q.Counts(Activity))
	}
}

func TestNamesTakeNoMemory(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	s := q.Open(StreamOptions{Window: [kinds]int{9, 9, 9}, Filters: [kinds]*Filter{Activity: {Names: map[string][]string{"x": nil}}}})
	for i := range 3 * maxClasses {
		it := activity(fmt.Sprint(i), i)
		q.Push(it)
		take(s)
		q.Withdraw(it.Key)
	}
	if len(q.classes) > maxClasses || len(s.matched) > maxClasses {
		t.Errorf("%d classes, %d matches", len(q.classes), len(s.matched))
	}
}

func TestOneTurnOfAnInstanceAtATime(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	s := connect(q, 9)
	for range 3 {
		q.Push(turnOf("x", 1))
	}
	l := s.Take()
	q.Push(turnOf("x", 1))
	if l == nil || s.Take() != nil {
		t.Error("an instance has two turns out")
	}
	q.Accept(l)
	q.Push(turnOf("x", 1))
	if s.Take() == nil {
		t.Error("the next turn is not handed out")
	}
}

func TestDroppedLeaseFreesItsSlot(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	s := connect(q, 1)
	q.Push(turnOf("x", 1))
	l := s.Take()
	q.Drop(l)
	q.Drop(l)
	q.Push(turnOf("x", 1))
	if s.Take() == nil {
		t.Error("the slot is not free")
	}
}

func TestReturnedItemIsHandedOutNext(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	s := connect(q, 1)
	q.Push(activity("a", 0))
	q.Push(activity("a", 1))
	l := s.Take()
	q.Return(l)
	q.Return(l)
	if l.Item.Losses != 0 {
		t.Error("it counts as lost")
	}
	want(t, "taken", []string{"a 0"}, take(s))
}

func TestCounts(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	if c := q.Counts(Activity); c != (Counts{}) {
		t.Errorf("empty: got %+v", c)
	}
	for i := range 3 {
		q.Push(activity(fmt.Sprint("a", i), 5-i))
	}
	s := connect(q, 1)
	want(t, "waiting", Counts{Pending: 3, Oldest: epoch.Add(3 * time.Second)}, q.Counts(Activity))
	l := s.Take()
	want(t, "one out", Counts{Pending: 2, Active: 1, Oldest: epoch.Add(4 * time.Second)}, q.Counts(Activity))
	s.Close()
	want(t, "lost", Counts{Pending: 3, Oldest: epoch.Add(3 * time.Second)}, q.Counts(Activity))
	q.Accept(l)
	want(t, "answered", Counts{Pending: 2, Oldest: epoch.Add(4 * time.Second)}, q.Counts(Activity))
	want(t, "another kind", Counts{}, q.Counts(Orchestration))
}

func TestWorkersAreCountedByTheirID(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	var streams []*Stream
	for _, id := range []string{"", "", "w1", "w1", "w2"} {
		streams = append(streams, q.Open(StreamOptions{WorkerID: id}))
	}
	want(t, "workers", 4, q.Workers())
	for _, s := range streams[1:4] {
		s.Close()
	}
	want(t, "workers left", 2, q.Workers())
}

func TestLeasesWithoutATokenAreFound(t *testing.T) {
	t.Parallel()
	q := NewQueue(1)
	s := connect(q, 9)
	q.Push(turnOf("x", 1))
	q.Push(activity("x", 7))
	turn, task := s.Take(), s.Take()
	if q.FindTurn("x") != nil {
		t.Error("a turn is found that its worker has not got yet")
	}
	started := &dtspb.HistoryEvent{}
	q.Began(turn, started)
	if q.FindTurn("x") != turn || turn.Started != started || q.FindTurn("y") != nil {
		t.Error("the turn is not found")
	}
	if q.FindTask("x", 7) != task || q.FindTask("x", 8) != nil || q.FindTask("y", 7) != nil {
		t.Error("the task is not found")
	}
}

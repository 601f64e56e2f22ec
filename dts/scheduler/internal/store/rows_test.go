package store_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// ids are ids that could be taken for one another, or for the end of a key.
var ids = []string{"a", "a/", "a b", "a%00", "ä", "a\x01", "a\xf4\x8f\xbf\xbf", strings.Repeat("é", 100), "aa", "0", "\x01"}

func TestEveryRowComesBack(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs, "data")
	for _, id := range ids {
		save(t, s, 1, everything(id)...)
	}
	save(t, s, 2, everything("a")...)
	for _, id := range ids {
		if err := s.PutLosses(1, engine.TaskKey{ID: id, Gen: 7, TaskID: -1}, 3); err != nil {
			t.Fatal(err)
		}
	}
	want := contents{
		Instances: map[string]*store.Instance{}, Ready: map[string]*record.Ready{}, Tasks: map[engine.TaskKey]*record.Task{}, Losses: map[engine.TaskKey]uint32{},
	}
	for _, id := range ids {
		w := everything(id)
		want.Instances[id] = &store.Instance{
			Record:   w[0].Instance,
			History:  []*dtspb.HistoryEvent{w[3].Events[0], w[2].Event, w[3].Events[1]},
			Inbox:    []engine.Message{{Turn: 2, Slot: 1, Event: w[4].Event, Stored: true}},
			ReadyRow: true,
		}
		want.Order = append(want.Order, id)
		want.Ready[id] = w[7].Ready
		want.Tasks[engine.TaskKey{ID: id, Gen: 7, TaskID: -3}] = w[5].Task
		want.Timers = append(want.Timers, engine.Timer{TaskKey: engine.TaskKey{ID: id, Gen: 7, TaskID: 4}, Due: 99})
		want.Losses[engine.TaskKey{ID: id, Gen: 7, TaskID: -1}] = 3
	}
	slices.Sort(want.Order)
	want.Ended = want.Order
	slices.SortFunc(want.Timers, func(a, b engine.Timer) int { return strings.Compare(a.ID, b.ID) })
	if diff := cmp.Diff(want, mustRead(t, s, 1), protocmp.Transform(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("hub 1 (-want +got):\n%s", diff)
	}
	closeStore(t, s)
	s = open(t, fs, "data")
	if diff := cmp.Diff(want, mustRead(t, s, 1), protocmp.Transform(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("hub 1 when opened again (-want +got):\n%s", diff)
	}

	// What is of one id is not of another.
	for i, id := range ids {
		save(t, s, 1, remove(id)...)
		if err := s.DeleteLosses(1, engine.TaskKey{ID: id, Gen: 7, TaskID: -1}); err != nil {
			t.Fatal(err)
		}
		left := mustRead(t, s, 1)
		n := len(ids) - 1 - i
		if len(left.Instances) != n || len(left.Ready) != n || len(left.Tasks) != n || len(left.Timers) != n || len(left.Losses) != n || len(left.Ended) != n {
			t.Fatalf("after %q: got %d instances, %d ready, %d tasks, %d timers, %d losses, want %d", id,
				len(left.Instances), len(left.Ready), len(left.Tasks), len(left.Timers), len(left.Losses), n)
		}
		for other, in := range left.Instances {
			if len(in.History) != 3 || len(in.Inbox) != 1 {
				t.Errorf("after %q: %q has history %v", id, other, in.History)
			}
		}
	}
	if other := mustRead(t, s, 2); len(other.Instances) != 1 || len(other.Instances["a"].History) != 3 {
		t.Errorf("hub 2 has %+v", other)
	}
}

// TestExecutionsUnderOneIDDoNotMeet: neither the generation before nor the one
// after, whatever their numbers.
func TestExecutionsUnderOneIDDoNotMeet(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem(), "data")
	gens := []uint64{1, 2, 255, 256, 1<<32 - 1, 1 << 32, math.MaxUint64 - 1, math.MaxUint64}
	for _, gen := range gens {
		save(t, s, 1, engine.Write{Op: engine.PutTurn, ID: "a", Gen: gen, Turn: math.MaxUint32, Events: numbered(int32(gen%100), 1)})
	}
	for i, gen := range gens {
		save(t, s, 1, engine.Write{Op: engine.DeleteExecution, ID: "a", Gen: gen})
		for j, other := range gens {
			n := 0
			err := s.History(1, &record.Instance{Id: "a", Generation: other, Turn: math.MaxUint32}, func(*dtspb.HistoryEvent) bool { n++; return true })
			if want := 2; err != nil || n != want && j > i || n != 0 && j <= i {
				t.Errorf("without generation %d: %d has %d events, %v", gen, other, n, err)
			}
		}
	}
}

func TestHistoryIsInTheOrderOfTurnsAndSlots(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := open(t, vfs.NewMem(), "data")
	var writes []engine.Write
	var want []int32
	next := int32(0)
	id := func() int32 { next++; return next }
	turn := uint32(0)
	for range 300 {
		turn += 1 + uint32(rng.IntN(3))*uint32(rng.IntN(200)) // numbers may be skipped
		first := id()
		row := []int32{first}
		want = append(want, first)
		for slot := range rng.IntN(3) {
			e := id()
			writes = append(writes, engine.Write{Op: engine.PutMessage, ID: "a", Gen: 1, Turn: turn, Slot: uint32(slot*100 + 1), Event: numbered(e)[0]})
			want = append(want, e)
		}
		for range rng.IntN(3) {
			e := id()
			row = append(row, e)
			want = append(want, e)
		}
		writes = append(writes, engine.Write{Op: engine.PutTurn, ID: "a", Gen: 1, Turn: turn, Events: numbered(row...)})
	}
	rng.Shuffle(len(writes), func(i, j int) { writes[i], writes[j] = writes[j], writes[i] })
	save(t, s, 1, writes...)
	rec := &record.Instance{Id: "a", Generation: 1, Turn: turn}
	history := func(stop int) (got []int32) {
		err := s.History(1, rec, func(e *dtspb.HistoryEvent) bool {
			got = append(got, e.GetEventId())
			return len(got) != stop
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if diff := cmp.Diff(want, history(-1)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	for range 20 {
		n := 1 + rng.IntN(len(want))
		if diff := cmp.Diff(want[:n], history(n)); diff != "" {
			t.Errorf("the first %d (-want +got):\n%s", n, diff)
		}
	}
}

func TestEndedInstanceHasNoInbox(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem(), "data")
	w := everything("a")
	w[0].Instance.Status = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED
	save(t, s, 1, w...)
	in, err := s.Instance(1, "a")
	if err != nil || len(in.Inbox) != 0 || len(in.History) != 3 {
		t.Errorf("got %+v, %v", in, err)
	}
}

func TestInputIsTheFirstMessage(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem(), "data")
	rec := &record.Instance{Id: "a", Generation: 1}
	if e, err := s.Input(1, rec); e != nil || err != nil {
		t.Errorf("of nobody: got %v, %v", e, err)
	}
	save(t, s, 1, engine.Write{Op: engine.PutMessage, ID: "a", Gen: 1, Turn: 1, Slot: 1, Event: &dtspb.HistoryEvent{
		EventType: &dtspb.HistoryEvent_ExecutionStarted{ExecutionStarted: &dtspb.ExecutionStartedEvent{Name: "orc"}},
	}})
	if e, err := s.Input(1, rec); e.GetName() != "orc" || err != nil {
		t.Errorf("got %v, %v", e, err)
	}
}

func TestInstancesByCreation(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem(), "data")
	for _, id := range []string{"d", "b", "c", "a"} {
		save(t, s, 1, putInstance(id, map[string]int64{"a": 1, "b": 2, "c": 2, "d": math.MaxInt64 - 1}[id])...)
	}
	save(t, s, 1, engine.Write{Op: engine.PutCreated, ID: "gone", At: 2})
	save(t, s, 1, engine.Write{Op: engine.PutCreated, ID: "a", At: 2}) // of an instance that was replaced
	for name, tc := range map[string]struct {
		from, to int64
		behind   store.Cursor
		want     string
	}{
		"all":                         {0, math.MaxInt64, store.Cursor{}, "abcd"},
		"from, included":              {2, math.MaxInt64, store.Cursor{}, "bcd"},
		"to, excluded":                {0, 2, store.Cursor{}, "a"},
		"nothing":                     {2, 2, store.Cursor{}, ""},
		"turned round":                {9, 2, store.Cursor{}, ""},
		"up to 1970":                  {0, 0, store.Cursor{}, ""},
		"before 1970":                 {-5, 3, store.Cursor{}, "abc"},
		"behind one":                  {0, math.MaxInt64, store.Cursor{Created: 2, ID: "b"}, "cd"},
		"behind one that is gone":     {0, math.MaxInt64, store.Cursor{Created: 2, ID: "bb"}, "cd"},
		"behind one before the range": {2, math.MaxInt64, store.Cursor{Created: 1, ID: "a"}, "bcd"},
		"behind the last":             {0, math.MaxInt64, store.Cursor{Created: math.MaxInt64, ID: "x"}, ""},
	} {
		got := ""
		err := s.Instances(1, tc.from, tc.to, tc.behind, func(rec *record.Instance) (bool, error) { got += rec.GetId(); return true, nil })
		if err != nil || got != tc.want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, tc.want)
		}
	}
}

func TestTimersByTheirTime(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem(), "data")
	var want []engine.Timer
	for _, due := range []int64{0, 1, 255, 256, math.MaxInt64} {
		for _, id := range []string{"a", "a\x01", "b"} {
			for _, task := range []int32{0, 7} {
				k := engine.TaskKey{ID: id, Gen: 1, TaskID: task}
				want = append(want, engine.Timer{TaskKey: k, Due: due})
				save(t, s, 1, engine.Write{Op: engine.PutTimer, ID: id, Gen: 1, TaskID: task, At: due})
			}
		}
	}
	for _, limit := range []int{1, 2, 7, 1000} {
		var got []engine.Timer
		var behind *engine.Timer
		for {
			page, err := s.Timers(1, behind, limit)
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, page...); len(page) < limit {
				break
			}
			behind = &page[len(page)-1]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", limit, diff)
		}
	}
}

func TestHubsKeepTheirNumbers(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs, "data")
	if h, err := s.Hub("one", false, time.Now()); h != nil || err != nil {
		t.Errorf("unknown hub: got %v, %v", h, err)
	}
	for round := range 2 {
		for i, name := range []string{"one", "two", "three"} {
			h, err := s.Hub(name, true, time.Unix(int64(round), 5))
			if err != nil || int(h.GetNumber()) != i+1 || h.GetCreated() != 5 {
				t.Errorf("%s: got %v, %v", name, h, err)
			}
		}
		closeStore(t, s)
		s = open(t, fs, "data")
	}
	hubs, err := s.Hubs()
	if err != nil || fmt.Sprint(len(hubs), hubs["two"].GetNumber()) != "3 2" {
		t.Errorf("got %v, %v", hubs, err)
	}
}

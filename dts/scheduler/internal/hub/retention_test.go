package hub_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
)

const day = 24 * time.Hour

// keepDays opens the hub again with ages in days.
func (w *world) keepDays(days map[dtspb.OrchestrationStatus]int) {
	w.t.Helper()
	w.keep = hub.Ages{}
	for status, n := range days {
		w.keep[status] = time.Duration(n) * day
	}
	w.reopen()
}

// run starts an instance and completes its only turn.
func (w *world) run(id string) {
	w.t.Helper()
	w.do(start(id))
	s := w.workerFor(dispatch.StreamOptions{Filters: [3]*dispatch.Filter{{Names: map[string][]string{"orc": nil}}}})
	defer s.Close()
	if err := w.answer(w.turn(s), complete(1, "out")); err != nil {
		w.t.Fatal(err)
	}
}

// kept lists what there is, by id.
func (w *world) kept() []string {
	w.t.Helper()
	page, next, err := w.hub.Query(w.t.Context(), hub.Query{Limit: 10_000})
	if err != nil || next.ID != "" {
		w.t.Fatal(next, err)
	}
	var ids []string
	for _, s := range page {
		ids = append(ids, s.GetInstanceId())
	}
	slices.Sort(ids)
	return ids
}

func (w *world) wantKept(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, w.kept()); diff != "" {
		w.t.Errorf("after %v, kept (-want +got):\n%s", time.Since(w.began), diff)
	}
}

func TestEndedInstancesArePurgedAtTheirAge(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.keepDays(map[dtspb.OrchestrationStatus]int{completed: 30, terminated: 10})
		pending := start("pending") // for ever
		pending.Request.Name = "nobody"
		w.do(pending)
		w.run("completed")
		w.do(start("terminated"))
		w.do(engine.Terminate{ID: "terminated"})
		time.Sleep(5 * day)
		w.run("later")
		time.Sleep(5*day - time.Minute)
		w.wantKept("pending", "completed", "terminated", "later")
		time.Sleep(2 * time.Minute)
		w.wantKept("pending", "completed", "later")
		time.Sleep(20*day - 2*time.Minute)
		w.wantKept("pending", "completed", "later")
		time.Sleep(3 * time.Minute)
		w.wantKept("pending", "later")
		w.run("new")
		time.Sleep(5 * day)
		w.wantKept("pending", "new")
		w.do(engine.Terminate{ID: "pending"})
		time.Sleep(31 * day)
		w.wantKept()
	})
}

func TestWhatHasNoAgeIsKeptForEver(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.keepDays(map[dtspb.OrchestrationStatus]int{completed: 1})
		w.do(start("terminated"))
		w.do(engine.Terminate{ID: "terminated"})
		w.run("completed")
		time.Sleep(100 * day)
		w.wantKept("terminated")
		w.keepDays(nil)
		w.run("completed")
		time.Sleep(100 * day)
		w.wantKept("terminated", "completed")
	})
}

func TestAgeCountsFromTheLastEnd(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.keepDays(map[dtspb.OrchestrationStatus]int{completed: 10, terminated: 10})
		w.run("again")
		time.Sleep(9 * day)
		again := start("again") // replaces one that has ended
		w.do(again)
		w.do(engine.Terminate{ID: "again"})
		time.Sleep(9 * day)
		w.wantKept("again")
		time.Sleep(2 * day)
		w.wantKept()
	})
}

func TestAgeGoesOnWhileTheSchedulerIsAway(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.keepDays(map[dtspb.OrchestrationStatus]int{completed: 10})
		w.run("old")
		w.stop()
		time.Sleep(11 * day)
		w.open()
		w.wantKept("old") // the sweep comes after the start
		time.Sleep(2 * time.Minute)
		w.wantKept()
	})
}

// TestSweepTakesAllThatIsTooOld: more than a slice of it, and more rows that stay
// than a slice reads.
func TestSweepTakesAllThatIsTooOld(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.keepDays(map[dtspb.OrchestrationStatus]int{completed: 1})
		for i := range 12_000 {
			id := fmt.Sprintf("forever-%05d", i)
			w.do(start(id))
			w.do(engine.Terminate{ID: id})
		}
		for i := range 450 {
			w.run(fmt.Sprint("old-", i))
		}
		time.Sleep(day + 2*time.Minute)
		page, next, err := w.hub.Query(t.Context(), hub.Query{Prefix: "old-", Limit: 1000})
		if err != nil || len(page) != 0 || next.ID != "" {
			t.Errorf("%d instances are left, %v", len(page), err)
		}
		if page, _, err = w.hub.Query(t.Context(), hub.Query{Prefix: "forever-", Limit: 20_000}); err != nil || len(page) != 12_000 {
			t.Errorf("%d instances are left that were to stay, %v", len(page), err)
		}
	})
}

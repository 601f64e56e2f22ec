package store_test

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/internal/disk"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// TestHistoryIsAsOldAsItsRecord reads with a record from before a turn that has
// been committed since. The turn's messages once were taken for an inbox and
// left out, its other events were not.
func TestHistoryIsAsOldAsItsRecord(t *testing.T) {
	t.Parallel()
	s, err := store.Open(store.Options{Dir: "data", Disk: disk.Memory(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	commit := s.Submit(1, []engine.Write{
		{Op: engine.PutMessage, ID: "a", Gen: 1, Turn: 1, Slot: 1, Event: &dtspb.HistoryEvent{EventId: 11}},
		{Op: engine.PutTurn, ID: "a", Gen: 1, Turn: 1, Events: []*dtspb.HistoryEvent{{EventId: 10}, {EventId: 12}}},
		{Op: engine.PutMessage, ID: "a", Gen: 1, Turn: 2, Slot: 1, Event: &dtspb.HistoryEvent{EventId: 21}},
		{Op: engine.PutTurn, ID: "a", Gen: 1, Turn: 2, Events: []*dtspb.HistoryEvent{{EventId: 20}, {EventId: 22}}},
	}, nil)
	if err := commit.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	for turn, want := range [][]int32{nil, {10, 11, 12}, {10, 11, 12, 20, 21, 22}} {
		var got []int32
		rec := &record.Instance{Id: "a", Generation: 1, Turn: uint32(turn)}
		err := s.History(1, rec, func(e *dtspb.HistoryEvent) bool {
			got = append(got, e.GetEventId())
			return true
		})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("history as of turn %d: %v, events (-want +got):\n%s", turn, err, diff)
		}
	}
}

package store_test

import (
	"math"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

func TestEndsAreInTheirOrder(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem(), "data")
	const failed, completed = dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED, dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED
	type end struct {
		At     store.Cursor
		Status dtspb.OrchestrationStatus
	}
	all := []end{
		{store.Cursor{Created: 0, ID: "z"}, failed},
		{store.Cursor{Created: 5, ID: "a"}, completed},
		{store.Cursor{Created: 5, ID: "b"}, failed},
		{store.Cursor{Created: 255, ID: "a"}, completed},
		{store.Cursor{Created: 256, ID: "a"}, failed},
	}
	for _, e := range all {
		save(t, s, 1, engine.Write{Op: engine.PutCompleted, ID: e.At.ID, At: e.At.Created, Instance: &record.Instance{Status: e.Status}})
	}
	for name, tc := range map[string]struct {
		from, to int64
		behind   store.Cursor
		limit    int
		want     []end
	}{
		"all":             {0, math.MaxInt64, store.Cursor{}, 9, all},
		"from is within":  {5, math.MaxInt64, store.Cursor{}, 9, all[1:]},
		"to is not":       {0, 5, store.Cursor{}, 9, all[:1]},
		"before any time": {-9, -5, store.Cursor{}, 9, nil},
		"a page":          {0, math.MaxInt64, store.Cursor{}, 2, all[:2]},
		"behind one":      {0, math.MaxInt64, all[1].At, 9, all[2:]},
		"behind the end":  {0, math.MaxInt64, all[4].At, 9, nil},
		"behind and from": {255, math.MaxInt64, all[0].At, 9, all[3:]},
	} {
		var got []end
		err := s.Ended(1, tc.from, tc.to, tc.behind, func(at store.Cursor, status dtspb.OrchestrationStatus) (bool, error) {
			got = append(got, end{at, status})
			return len(got) < tc.limit, nil
		})
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestInboxIsDeletedBeyondATurn(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem(), "data")
	save(t, s, 1, everything("a")...)
	save(t, s, 1,
		engine.Write{Op: engine.PutMessage, ID: "a", Gen: 8, Turn: 2, Slot: 1, Event: message("another execution")},
		engine.Write{Op: engine.DeleteInbox, ID: "a", Gen: 7, Turn: 1},
		engine.Write{Op: engine.PutMessage, ID: "a", Gen: 7, Turn: 2, Slot: 1, Event: message("new")},
	)
	in, err := s.Instance(1, "a")
	if err != nil || len(in.History) != 3 || len(in.Inbox) != 1 || in.Inbox[0].Event.GetEventRaised().GetName() != "new" {
		t.Errorf("got %+v, %v", in, err)
	}
	other := 0
	err = s.History(1, &record.Instance{Id: "a", Generation: 8, Turn: 9}, func(*dtspb.HistoryEvent) bool { other++; return true })
	if err != nil || other != 1 {
		t.Errorf("another execution has %d events, %v, want 1", other, err)
	}
}

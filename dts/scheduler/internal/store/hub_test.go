package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

func TestDeletedHubLeavesNothing(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	s := open(t, fs, "data")
	number := func(name string) uint32 {
		t.Helper()
		hub, err := s.Hub(name, true, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return hub.GetNumber()
	}
	one, two := number("one"), number("two")
	save(t, s, one, everything("a")...)
	save(t, s, two, everything("a")...)
	for range 2 {
		if err := s.DeleteHub(t.Context(), "two"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Submit(two, everything("b"), func() { t.Error("a write about it is told of") }).Wait(t.Context()); !errors.Is(err, store.ErrHubGone) {
		t.Errorf("a late write: got %v, want ErrHubGone", err)
	}
	for range 2 {
		if left := mustRead(t, s, two); len(left.Instances)+len(left.Ready)+len(left.Tasks)+len(left.Timers)+len(left.Ended) != 0 {
			t.Errorf("left: %+v", left)
		}
		if other := mustRead(t, s, one); len(other.Instances) != 1 || len(other.Tasks) != 1 {
			t.Errorf("another hub has %+v", other)
		}
		closeStore(t, s)
		s = open(t, fs, "data")
	}
	if again := number("two"); again == two || again == one {
		t.Errorf("the new hub has number %d, one has %d, the deleted one had %d", again, one, two)
	}
}

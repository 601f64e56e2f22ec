package hub_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
)

func newContext() (context.Context, context.CancelFunc) {
	return context.WithCancel(context.Background())
}

func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }

// TestNothingIsToldThatACutCouldUndo holds the disk up behind a decision: whoever
// is told of it, be it by a refusal or by having nothing to do, is told after it
// is on disk.
func TestNothingIsToldThatACutCouldUndo(t *testing.T) {
	for name, tc := range map[string]struct {
		before  []engine.Command // on disk
		unsaved engine.Command
		ask     func(context.Context, *hub.Hub) error
		want    error
	}{
		"a start that is refused": {
			unsaved: start("a"),
			ask:     func(ctx context.Context, h *hub.Hub) error { return h.Do(ctx, start("a")) },
			want:    engine.ErrExists,
		},
		"an event to one that has ended": {
			before:  []engine.Command{start("a")},
			unsaved: engine.Terminate{ID: "a"},
			ask:     func(ctx context.Context, h *hub.Hub) error { return h.Do(ctx, engine.Raise{ID: "a", Name: "e"}) },
		},
		"an event to one that is gone": {
			before:  []engine.Command{start("a"), engine.Terminate{ID: "a"}},
			unsaved: engine.Purge{ID: "a", Deleted: new(int)},
			ask:     func(ctx context.Context, h *hub.Hub) error { return h.Do(ctx, engine.Raise{ID: "a", Name: "e"}) },
			want:    engine.ErrNotFound,
		},
		"a purge of what is gone": {
			before:  []engine.Command{start("a"), engine.Terminate{ID: "a"}},
			unsaved: engine.Purge{ID: "a", Deleted: new(int)},
			ask: func(ctx context.Context, h *hub.Hub) error {
				return h.Do(ctx, engine.Purge{ID: "a", Deleted: new(int)})
			},
		},
		"a purge that finds nothing": {
			before:  []engine.Command{start("a"), engine.Terminate{ID: "a"}},
			unsaved: engine.Purge{ID: "a", Deleted: new(int)},
			ask: func(ctx context.Context, h *hub.Hub) error {
				_, _, err := h.PurgeWhere(ctx, hub.Query{}, false, 0)
				return err
			},
		},
		"a state": {
			unsaved: start("a"),
			ask: func(ctx context.Context, h *hub.Hub) error {
				_, err := h.State(ctx, "a", false)
				return err
			},
		},
		"the state of one that is gone": {
			before:  []engine.Command{start("a"), engine.Terminate{ID: "a"}},
			unsaved: engine.Purge{ID: "a", Deleted: new(int)},
			ask: func(ctx context.Context, h *hub.Hub) error {
				_, err := h.State(ctx, "a", false)
				return err
			},
		},
		"a page of instances": {
			unsaved: start("a"),
			ask: func(ctx context.Context, h *hub.Hub) error {
				_, _, err := h.Query(ctx, hub.Query{Limit: 1})
				return err
			},
		},
		"an end that is waited for": {
			before:  []engine.Command{start("a")},
			unsaved: engine.Terminate{ID: "a"},
			ask: func(ctx context.Context, h *hub.Hub) error {
				_, err := h.Wait(ctx, "a", false, false)
				return err
			},
		},
		"a repeated answer": {
			unsaved: start("a"),
			ask:     func(ctx context.Context, h *hub.Hub) error { return h.Settle(ctx) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				for _, c := range tc.before {
					w.do(c)
				}
				w.disk.hold()
				go func() { _ = w.hub.Do(t.Context(), tc.unsaved) }()
				synctest.Wait()
				told := make(chan error, 1)
				go func() { told <- tc.ask(t.Context(), w.hub) }()
				synctest.Wait()
				select {
				case err := <-told:
					t.Fatalf("told %v before it was on disk", err)
				default:
				}
				w.disk.resume()
				if err := <-told; !errors.Is(err, tc.want) {
					t.Errorf("got %v, want %v", err, tc.want)
				}
				synctest.Wait()
			})
		})
	}
}

// TestWorkIsHandedOutWhenItIsOnDisk: a worker could do, and have acknowledged,
// what a power cut undoes.
func TestWorkIsHandedOutWhenItIsOnDisk(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := w.worker()
		defer s.Close()
		w.disk.hold()
		go func() { _ = w.hub.Do(t.Context(), start("a")) }()
		if item := w.next(s); item != nil {
			t.Fatalf("handed out before it was on disk: %v", item)
		}
		w.disk.resume()
		item := w.turn(s)
		w.disk.hold()
		go func() { _ = w.answer(item, schedule(1, "t")) }()
		if item := w.next(s); item != nil {
			t.Fatalf("handed out before it was on disk: %v", item)
		}
		w.disk.resume()
		if item := w.next(s); item.GetActivityRequest().GetName() != "t" {
			t.Errorf("got %v, want the activity", item)
		}
	})
}

// TestWorkTellsOfNothingThatACutCouldUndo: an item that is queued already can meet
// a decision behind it that is on its way to the disk.
func TestWorkTellsOfNothingThatACutCouldUndo(t *testing.T) {
	event := func(n string) *dtspb.EntityOperationSignaledEvent {
		return &dtspb.EntityOperationSignaledEvent{RequestId: n, Operation: "op"}
	}
	for name, tc := range map[string]struct{ saved, unsaved engine.Command }{
		"a turn":            {start("a"), engine.Raise{ID: "a", Name: "e"}},
		"an entity's batch": {engine.Signal{ID: "@e@a", Event: event("1")}, engine.Signal{ID: "@e@a", Event: event("2")}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				s := w.worker()
				defer s.Close()
				w.do(tc.saved)
				w.disk.hold()
				go func() { _ = w.hub.Do(t.Context(), tc.unsaved) }()
				if item := w.next(s); item != nil {
					t.Fatalf("handed out before it was on disk: %v", item)
				}
				w.disk.resume()
				if item := w.next(s); len(item.GetOrchestratorRequest().GetNewEvents())+len(item.GetEntityRequestV2().GetOperationRequests()) < 2 {
					t.Errorf("got %v, want all of it", item)
				}
			})
		})
	}
}

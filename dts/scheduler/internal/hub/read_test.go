package hub_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
)

// wait waits for an instance in the background.
func (w *world) wait(ctx context.Context, id string, started bool) <-chan waited {
	done := make(chan waited, 1)
	go func() {
		begin := time.Now()
		s, err := w.hub.Wait(ctx, id, started, true)
		done <- waited{s, err, time.Since(begin)}
	}()
	synctest.Wait()
	return done
}

type waited struct {
	state *dtspb.OrchestrationState
	err   error
	took  time.Duration
}

func TestWaitForAnInstance(t *testing.T) {
	for name, tc := range map[string]struct {
		started  bool
		deadline time.Duration
		meantime func(w *world)
		want     string // status, "nothing" or an error
		took     time.Duration
	}{
		"that ends": {
			meantime: func(w *world) { w.do(start("a")); time.Sleep(time.Minute); w.do(engine.Terminate{ID: "a"}) },
			want:     "TERMINATED", took: time.Minute,
		},
		"that starts": {
			started: true,
			meantime: func(w *world) {
				w.do(start("a"))
				s := w.worker()
				defer s.Close()
				item := w.turn(s)
				time.Sleep(5 * time.Second) // pending until the turn commits
				if err := w.answer(item); err != nil {
					w.t.Error(err)
				}
			},
			want: "RUNNING", took: 5 * time.Second,
		},
		"that comes later": {
			meantime: func(w *world) {
				time.Sleep(20 * time.Second)
				w.do(start("a"))
				time.Sleep(time.Hour)
				w.do(engine.Terminate{ID: "a"})
			},
			want: "TERMINATED", took: time.Hour + 20*time.Second,
		},
		"that comes later, until the deadline": {
			deadline: 40 * time.Second,
			meantime: func(w *world) { time.Sleep(35 * time.Second); w.do(start("a")) },
			want:     "context deadline exceeded", took: 40 * time.Second,
		},
		"that never comes":                  {meantime: func(*world) {}, want: "nothing", took: 30 * time.Second},
		"that never comes, with a deadline": {deadline: time.Minute, meantime: func(*world) {}, want: "context deadline exceeded", took: time.Minute},
		"that is purged": {
			meantime: func(w *world) {
				w.do(start("a"))
				w.do(engine.Terminate{ID: "a"})
				w.do(engine.Purge{ID: "a", Deleted: new(int)})
			},
			want: "nothing or TERMINATED",
		},
		"that is replaced": {
			meantime: func(w *world) {
				w.do(start("a"))
				time.Sleep(time.Minute)
				w.do(replace("a", "other"))
				time.Sleep(time.Minute)
				w.do(engine.Terminate{ID: "a"})
			},
			want: "TERMINATED", took: 2 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tc.deadline > 0 {
					ctx, cancel = context.WithTimeout(ctx, tc.deadline)
					defer cancel()
				}
				done := w.wait(ctx, "a", tc.started)
				tc.meantime(w)
				got := <-done
				outcome := "nothing"
				switch {
				case got.err != nil:
					outcome = got.err.Error()
				case got.state != nil:
					outcome = got.state.GetOrchestrationStatus().String()[len("ORCHESTRATION_STATUS_"):]
				}
				if tc.want == "nothing or TERMINATED" && (outcome == "nothing" || outcome == "TERMINATED") {
					outcome = tc.want
				}
				if outcome != tc.want || got.took != tc.took {
					t.Errorf("got %s after %v, want %s after %v", outcome, got.took, tc.want, tc.took)
				}
				if n := w.hub.InMemory(); outcome != "RUNNING" && n > 1 {
					t.Errorf("%d instances are in memory", n)
				}
			})
		})
	}
}

func TestWaitEndsWithItsCaller(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.do(start("a"))
		ctx, cancel := context.WithCancelCause(t.Context())
		done := w.wait(ctx, "a", false)
		why := errors.New("why")
		cancel(why)
		if got := <-done; !errors.Is(got.err, why) {
			t.Errorf("got %v, want %v", got.err, why)
		}
		w.do(engine.Terminate{ID: "a"})
		if got := <-w.wait(t.Context(), "a", false); got.state == nil || got.took != 0 {
			t.Errorf("one that has ended: got %+v", got)
		}
	})
}

func TestPurgeByFilter(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		begin := time.Now()
		for i := range 6 {
			w.do(start(fmt.Sprint(i)))
			if i != 3 {
				w.do(engine.Terminate{ID: fmt.Sprint(i)})
			}
			time.Sleep(time.Second)
		}
		ids := func() (got []string) {
			page, _, err := w.hub.Query(t.Context(), hub.Query{Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page {
				got = append(got, s.GetInstanceId())
			}
			return got
		}
		for _, tc := range []struct {
			q    hub.Query
			want int
			left []string
		}{
			{hub.Query{To: time.Unix(0, 0)}, 0, []string{"0", "1", "2", "3", "4", "5"}},
			{hub.Query{Statuses: []dtspb.OrchestrationStatus{completed}}, 0, []string{"0", "1", "2", "3", "4", "5"}},
			{hub.Query{To: begin.Add(time.Second)}, 1, []string{"1", "2", "3", "4", "5"}},
			{hub.Query{From: begin.Add(5 * time.Second)}, 1, []string{"1", "2", "3", "4"}},
			{hub.Query{Prefix: "2"}, 1, []string{"1", "3", "4"}},
			{hub.Query{}, 2, []string{"3"}},
			{hub.Query{}, 0, []string{"3"}},
		} {
			n, complete, err := w.hub.PurgeWhere(t.Context(), tc.q, false, 0)
			if err != nil || n != tc.want || !complete {
				t.Errorf("%+v: deleted %d, %v, %v, want %d", tc.q, n, complete, err, tc.want)
			}
			if diff := cmp.Diff(tc.left, ids()); diff != "" {
				t.Errorf("%+v (-want +left):\n%s", tc.q, diff)
			}
		}
	})
}

func TestPagesSurviveWhatIsDeletedMeanwhile(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for i := range 10 {
			w.do(start(fmt.Sprint(i)))
		}
		var got []string
		q := hub.Query{Limit: 3}
		for {
			page, next, err := w.hub.Query(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page {
				got = append(got, s.GetInstanceId())
				w.do(engine.Terminate{ID: s.GetInstanceId()})
				w.do(engine.Purge{ID: s.GetInstanceId(), Deleted: new(int)})
			}
			w.do(start(fmt.Sprint("new ", len(got)))) // behind all others
			if q.Behind = next; next.ID == "" || len(got) > 20 {
				break
			}
		}
		if diff := cmp.Diff([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, got[:10]); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
	})
}

// TestPageThatLooksForLongIsShort: a rare status in a large hub is found page by
// page, each of which takes about as long as it may.
func TestPageThatLooksForLongIsShort(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for i := range 2000 {
			w.do(start(fmt.Sprintf("%04d", i)))
		}
		w.do(engine.Terminate{ID: "1999"})
		w.reopen() // so that reads are of the disk
		w.disk.reads.Store(int64(20 * time.Millisecond))
		q := hub.Query{Statuses: []dtspb.OrchestrationStatus{terminated}, Limit: 100}
		var got []string
		pages := 0
		for {
			began := time.Now()
			page, next, err := w.hub.Query(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			// It looks at the clock once in 64 instances.
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("a page took %v", took)
			}
			pages++
			for _, s := range page {
				got = append(got, s.GetInstanceId())
			}
			if q.Behind = next; next.ID == "" {
				break
			}
		}
		if diff := cmp.Diff([]string{"1999"}, got); diff != "" || pages < 3 {
			t.Errorf("%d pages (-want +got):\n%s", pages, diff)
		}
	})
}

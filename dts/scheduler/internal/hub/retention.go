package hub

import (
	"context"
	"errors"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// Ages say how long ended instances are kept, by the status that they ended
// with. What is not in it is kept for ever.
type Ages map[dtspb.OrchestrationStatus]time.Duration

func (a Ages) shortest() time.Duration {
	shortest := time.Duration(0)
	for _, age := range a {
		if shortest == 0 || age < shortest {
			shortest = age
		}
	}
	return shortest
}

const (
	// A slice of a sweep ends after so many rows or purges, whichever is first, so
	// that no iterator stands for long; what follows is a rest.
	sliceRows   = 10_000
	slicePurges = 200
	// A sweep rests so many times as long as it works, and leaves the machine to
	// the living.
	restFactor = 4
	// The next sweep comes when the next instance is too old, but not sooner than a
	// hundredth of the shortest age within these bounds: one sweep then serves many.
	minPause = time.Second
	maxPause = time.Minute
	// A wall clock that is set forward, and what could not be purged, are seen to
	// within this time.
	lookAgain = time.Hour
)

// retire purges what has ended long ago until ctx ends. The order of ends on disk
// has what is too old in front, so a sweep reads little that it does not purge.
func (h *Hub) retire(ctx context.Context) error {
	if len(h.opts.Keep) == 0 {
		return nil
	}
	pause := min(max(h.opts.Keep.shortest()/100, minPause), maxPause)
	alarm := time.NewTimer(pause)
	defer alarm.Stop()
	for {
		select {
		case <-alarm.C:
		case <-ctx.Done():
			return nil
		}
		next, err := h.sweep(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		alarm.Reset(min(max(time.Until(next), pause), lookAgain))
	}
}

// sweep purges all that is too old now, and returns when there may be more.
func (h *Hub) sweep(ctx context.Context) (next time.Time, err error) {
	now := time.Now()
	s := slice{hub: h, now: now, next: now.Add(h.opts.Keep.shortest())}
	for {
		began := time.Now()
		done, err := s.run(ctx)
		if done || err != nil {
			return s.next, err
		}
		rest := time.NewTimer(restFactor * time.Since(began))
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
			return now, context.Cause(ctx)
		}
	}
}

// slice is a sweep on its way through the order of ends.
type slice struct {
	hub    *Hub
	now    time.Time
	behind store.Cursor
	next   time.Time // when the first that is not too old yet will be
}

// run goes on where the slice before ended, and tells whether the sweep is done.
func (s *slice) run(ctx context.Context) (done bool, err error) {
	done = true
	rows, purges := 0, 0
	to := s.now.UnixNano() + 1
	err = s.hub.opts.Store.Ended(s.hub.number, 0, to, s.behind, func(c store.Cursor, status dtspb.OrchestrationStatus) (bool, error) {
		if rows == sliceRows || purges == slicePurges {
			done = false
			return false, context.Cause(ctx)
		}
		rows++
		s.behind = c
		ended := time.Unix(0, c.Created)
		if ended.Add(s.hub.opts.Keep.shortest()).After(s.now) { // nor is any behind it too old
			s.wait(ended.Add(s.hub.opts.Keep.shortest()))
			return false, nil
		}
		age, bounded := s.hub.opts.Keep[status]
		switch {
		case !bounded:
			return true, nil
		case ended.Add(age).After(s.now):
			s.wait(ended.Add(age))
			return true, nil
		}
		purges++
		return true, s.purge(ctx, c)
	})
	return done, err
}

func (s *slice) wait(until time.Time) {
	if until.Before(s.next) {
		s.next = until
	}
}

// errKept ends a purge of what is not the same any more.
var errKept = errors.New("instance is not what it was")

func (s *slice) purge(ctx context.Context, c store.Cursor) error {
	h := s.hub
	_, err := h.decide(ctx, engine.Purge{ID: c.ID, Deleted: new(int)}, func() error {
		// Under the lock of the instance, which may have been started anew since.
		rec, err := h.opts.Store.Record(h.number, c.ID)
		if err == nil && (rec.GetCompleted() != c.Created || !engine.Terminal(rec.GetStatus())) {
			err = errKept
		}
		return err
	})
	switch {
	case err == nil:
		h.opts.Meter.Retired(1)
		return nil
	case errors.Is(err, errKept):
		return nil
	case errors.Is(err, store.ErrDamaged):
		h.opts.Log.Error("instance is not purged", "instance", c.ID, "error", err)
		return nil // the others can be
	default:
		return err
	}
}

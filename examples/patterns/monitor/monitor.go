// Package monitor watches an orchestration until it has ended, and raises the
// alarm when it has not in time.
package monitor

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
)

// Watched is what is watched, until when, and the pause before the next look.
type Watched struct {
	Instance string        `json:"instance"`
	Until    time.Time     `json:"until"`
	Pause    time.Duration `json:"pause,omitempty"` // for the monitor itself
}

// Seen is what a look has found.
type Seen struct {
	Status string `json:"status"`
	Ended  bool   `json:"ended"`
}

// The monitor, its eye and its voice.
var (
	Watch = durable.OrchestratorNamed[Watched, Seen]("watch-instance")
	Look  = durable.ActivityNamed[string, Seen]("look-at-instance")
	Alarm = durable.ActivityNamed[Watched, durable.None]("raise-alarm")
)

// Functions binds the handles to the code below.
func Functions() []durable.Definition {
	return []durable.Definition{Watch.With(watch), Look.With(look), Alarm.With(alarm)}
}

// The pause doubles from the shortest to the longest. A history has so many looks,
// then the next round begins with an empty one.
const (
	shortest, longest = time.Minute, time.Hour
	looks             = 50
)

func watch(ctx *durable.Context, w Watched) (Seen, error) {
	w.Pause = cmp.Or(w.Pause, shortest)
	for range looks {
		seen, err := Look.Call(ctx, w.Instance, durable.Retry(durable.RetryPolicy{Attempts: -1, Factor: 2, Max: longest}))
		if err != nil || seen.Ended {
			return seen, err
		}
		ctx.SetStatus(seen)
		left := w.Until.Sub(ctx.Now())
		if left <= 0 {
			_, err := Alarm.Call(ctx, w)
			return seen, err
		}
		ctx.Sleep(min(w.Pause, left))
		w.Pause = min(2*w.Pause, longest)
	}
	return Seen{}, durable.ContinueAsNew(ctx, w)
}

// look is where you ask whatever you watch.
func look(ctx context.Context, id string) (Seen, error) {
	in, err := framework.ClientFrom(ctx).Instance(ctx, id)
	if errors.Is(err, dts.ErrNotFound) {
		return Seen{}, durable.Permanent(err)
	}
	if err != nil {
		return Seen{}, err
	}
	return Seen{in.Status.String(), in.Status.Terminal()}, nil
}

func alarm(ctx context.Context, w Watched) (durable.None, error) {
	slog.WarnContext(ctx, "not done in time", "instance", w.Instance, "until", w.Until)
	return durable.None{}, nil
}

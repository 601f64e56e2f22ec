package durabletest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
	"github.com/funchost/funchost/triggers"
)

var (
	greet = durable.NewOrchestrator("greet", func(_ *durable.Context, name string) (string, error) { return "Hello " + name, nil })
	tick  = durable.NewOrchestrator("tick", func(_ *durable.Context, t durable.Tick) (time.Time, error) { return t.Due, nil })
	see   = durable.NewOrchestrator("see", func(_ *durable.Context, e durable.CloudEvent[string]) (string, error) {
		return e.ID + " " + e.Subject + " " + e.Extensions["tone"] + " " + e.Data, nil
	})
)

func newApp() *framework.App {
	return framework.New("app", framework.Set("listen", "none"), framework.Set("management-api", "false")).Add(greet, see).On(
		triggers.HTTP("POST /api/greet", greet, triggers.Wait(time.Minute)),
		triggers.HTTP("POST /api/greet/later", greet),
		triggers.CloudEvents("/events", triggers.Match(see, triggers.Type("seen"))),
	)
}

func TestRequestsGoThroughTheRouter(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		if got := e.Post("/api/greet", "Ana"); got.Status != http.StatusBadRequest { // a string is JSON already
			e.Errorf("no JSON: got %v, want 400", got)
		}
		var text string
		e.Post("/api/greet", `"Ana"`).Decode(&text)
		if text != "Hello Ana" {
			e.Errorf("got %q, want the result", text)
		}
		run := durabletest.Instance(e, greet, e.Post("/api/greet/later", new("Ben")).ID())
		if got := run.Result(); got != "Hello Ben" {
			e.Errorf("got %q, want the result", got)
		}
		if got := e.Get("/api/greet"); got.Status != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "POST" {
			e.Errorf("GET: got %v %v, want 405", got, got.Header)
		}
		for range 2 {
			r, err := http.NewRequestWithContext(e.Context(), http.MethodPost, "/api/greet/later", strings.NewReader(`"Ana"`))
			if err != nil {
				e.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", "k-1")
			e.Do(r).ID()
		}
		if got := len(durabletest.Instances(e, greet)); got != 3 {
			e.Errorf("%d instances, want 3", got)
		}
	})
}

func TestEventsGoThroughTheRouter(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		event := durable.CloudEvent[string]{Data: "a comet"}
		event.EventAttributes = durable.EventAttributes{
			ID: "1", Source: "/sky", Type: "seen", Subject: "north", Time: time.Now(), Extensions: map[string]string{"tone": "calm"},
		}
		for range 2 {
			if got := durabletest.SendEvent(e, "/events", event); got.Status != http.StatusAccepted {
				e.Fatalf("got %v, want 202", got)
			}
		}
		event.Type = "heard"
		if got := durabletest.SendEvent(e, "/events", event); got.Status != http.StatusNoContent {
			e.Errorf("got %v, want 204", got)
		}
		runs := durabletest.Instances(e, see)
		if len(runs) != 1 || runs[0].Result() != "1 north calm a comet" {
			e.Errorf("%d instances, the first gives %q", len(runs), runs[0].Result())
		}
	})
}

// In 2026 the clocks of Lisbon go from 01:00 to 02:00 on 29 March, and from 02:00 back
// to 01:00 on 25 October.
func TestSchedulesMeetTheDatesOfTheClockChange(t *testing.T) {
	t.Parallel()
	lisbon, err := time.LoadLocation("Europe/Lisbon")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		day  time.Time
		want []string
	}{
		"an hour less": {time.Date(2026, 3, 28, 12, 0, 0, 0, lisbon), []string{"2026-03-29T02:30:00+01:00", "2026-03-30T01:30:00+01:00"}},
		"an hour more": {time.Date(2026, 10, 24, 12, 0, 0, 0, lisbon), []string{"2026-10-25T01:30:00+01:00", "2026-10-26T01:30:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			durabletest.Run(t, func(e *durabletest.Env) {
				e.SleepUntil(tt.day)
				e.ServeApp(framework.New("clock").Add(tick).On(triggers.Cron("30 1 * * *", tick, triggers.TimeZone("Europe/Lisbon"))))
				e.SleepUntil(tt.day.AddDate(0, 0, 2))
				var due []string
				for _, t := range durabletest.Calls(e, tick) {
					due = append(due, t.Due.Format(time.RFC3339))
				}
				if diff := cmp.Diff(tt.want, due); diff != "" {
					e.Errorf("due (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestTwoHostsShareTheHub(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		app := newApp().On(triggers.Cron("0 * * * *", tick)).Add(tick).Use(func(next durable.Handler) durable.Handler {
			return func(ctx context.Context, c *durable.Call) ([]byte, error) { return next(ctx, c) }
		})
		e.ServeApp(app)
		e.ServeApp(app)
		e.Sleep(150 * time.Minute)
		if got := len(durabletest.Calls(e, tick)); got != 2 {
			e.Errorf("%d ticks, want 2", got)
		}
	})
}

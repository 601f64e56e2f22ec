package durable_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
)

var word = durable.NewEvent[string]("word")

func TestWaitEndsWithTheEventOrTheTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		timeout time.Duration
		raise   time.Duration // after the start; 0 = never
		want    string
		took    time.Duration
	}{
		{"event before the timeout", time.Hour, time.Minute, "hi", time.Minute},
		{"timeout before the event", time.Minute, time.Hour, "timed out", time.Minute},
		{"timeout without an event", 24 * time.Hour, 0, "timed out", 24 * time.Hour},
		{"no timeout", 0, 100 * time.Hour, "hi", 100 * time.Hour},
		{"a timeout that has passed", -time.Second, time.Hour, "timed out", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				wait := durable.NewOrchestrator("wait", func(ctx *durable.Context, timeout time.Duration) (string, error) {
					got, err := word.Wait(ctx, timeout)
					if errors.Is(err, durable.ErrTimeout) {
						return "timed out", nil
					}
					return got, err
				})
				c := serve(t, []durable.Definition{wait})
				began := time.Now()
				i, err := wait.StartNew(t.Context(), c, tt.timeout)
				if err != nil {
					t.Fatal(err)
				}
				if tt.raise > 0 && (tt.timeout == 0 || tt.raise < tt.timeout) {
					time.Sleep(tt.raise)
					if err := word.Raise(t.Context(), c, i.ID, "hi"); err != nil {
						t.Fatal(err)
					}
				}
				got, err := i.Wait(t.Context())
				if got != tt.want || err != nil {
					t.Errorf("got %q, %v, want %q", got, err, tt.want)
				}
				if took := time.Since(began).Round(time.Second); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

func TestEventsAreKeptUntilSomebodyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		late := durable.NewOrchestrator("late", func(ctx *durable.Context, _ durable.None) ([]string, error) {
			ctx.Sleep(time.Hour)
			first, err := word.Wait(ctx, -1) // kept ones count even when the time is up
			if err != nil {
				return nil, err
			}
			second, err := word.Wait(ctx, 0)
			return []string{first, second}, err
		})
		c := serve(t, []durable.Definition{late})
		i, err := late.StartNew(t.Context(), c, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []string{"one", "two"} {
			if err := durable.NewEvent[string]("WORD").Raise(t.Context(), c, i.ID, v); err != nil {
				t.Fatal(err)
			}
		}
		got, err := i.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"one", "two"}, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestGivenUpListenerTakesNoEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("give-up", func(ctx *durable.Context, _ durable.None) (string, error) {
			unwanted := word.Listen(ctx)
			unwanted.Cancel()
			if _, err := unwanted.Get(ctx); !errors.Is(err, durable.ErrCanceled) {
				return "", err
			}
			if _, err := word.Wait(ctx, time.Minute); !errors.Is(err, durable.ErrTimeout) {
				return "", err
			}
			return word.Wait(ctx, 0)
		})
		c := serve(t, []durable.Definition{o})
		i, err := o.StartNew(t.Context(), c, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if err := word.Raise(t.Context(), c, i.ID, "hi"); err != nil {
			t.Fatal(err)
		}
		if got, err := i.Wait(t.Context()); got != "hi" || err != nil {
			t.Errorf("got %q, %v, want hi", got, err)
		}
	})
}

func TestOrchestrationsSendEachOtherEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ping, pong := durable.NewEvent[int]("ping"), durable.NewEvent[int]("pong")
		server := durable.NewOrchestrator("server", func(ctx *durable.Context, client string) (durable.None, error) {
			n, err := ping.Wait(ctx, 0)
			if err != nil {
				return durable.None{}, err
			}
			return durable.None{}, pong.Send(ctx, client, n+1)
		})
		client := durable.NewOrchestrator("client", func(ctx *durable.Context, _ durable.None) (int, error) {
			served := server.Start(ctx, ctx.ID(), durable.ID("server-1"))
			if err := ping.Send(ctx, "server-1", 41); err != nil {
				return 0, err
			}
			n, err := pong.Wait(ctx, time.Hour)
			if err != nil {
				return 0, err
			}
			_, err = served.Get(ctx)
			return n, err
		})
		if got, err := run(t, serve(t, []durable.Definition{server, client}), client, durable.None{}); got != 42 || err != nil {
			t.Errorf("got %d, %v, want 42", got, err)
		}
	})
}

func TestRaiseToNobodyIsNotFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if err := word.Raise(t.Context(), serve(t, nil), "o-7", "hi"); !errors.Is(err, dts.ErrNotFound) {
			t.Errorf("error = %v, want dts.ErrNotFound", err)
		}
	})
}

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/examples/encryption/seal"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const word = "cucumber"

func keys(t *testing.T, ids ...string) *seal.Converter {
	t.Helper()
	for i, id := range ids {
		ids[i] = id + "=" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(id, 32)))
	}
	c, err := seal.Parse(strings.Join(ids, ","))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve runs the app over a client with the keys until stop is called.
func serve(t *testing.T, s *dtstest.Scheduler, with *seal.Converter) (client *dts.Client, stop func()) {
	t.Helper()
	client = s.Connect("default", dts.WithConverter(with))
	ready, ended := make(chan struct{}), make(chan error, 1)
	app := newApp(with).With(
		framework.WithClient(client), framework.WithLogger(slog.New(slog.DiscardHandler)),
		framework.Set("role", "worker"), framework.Set("admin-listen", "none"),
		framework.OnReady(func(framework.Ready) { close(ready) }),
	)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- app.Run(ctx) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	return client, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// everything is all that the hub can tell of an instance.
func everything(t *testing.T, c *dts.Client, id string) string {
	t.Helper()
	in, err := c.Instance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	all := []any{in}
	for event, err := range c.History(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, event)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestHubNeverSeesTheSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		client, stop := serve(t, s, keys(t, "a"))
		defer stop()
		run, err := Keep.StartNew(t.Context(), client, Secret{word})
		if err != nil {
			t.Fatal(err)
		}
		if err := Told.Raise(t.Context(), client, run.ID, "ana"); err != nil {
			t.Fatal(err)
		}
		got, err := run.Wait(t.Context())
		if err != nil || got.Text != "ana: "+word {
			t.Errorf("got %+v, %v, want the secret", got, err)
		}
		for _, plain := range []string{word, "ana", "characters"} {
			if seen := everything(t, s.Client(), run.ID); strings.Contains(seen, plain) {
				t.Errorf("the hub has %q: %s", plain, seen)
			}
		}
	})
}

// The key changes while a secret is kept: a host with both goes on with it.
func TestSecretOutlivesItsKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		client, stop := serve(t, s, keys(t, "a"))
		run, err := Keep.StartNew(t.Context(), client, Secret{word})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		stop()
		client, stop = serve(t, s, keys(t, "b", "a"))
		defer stop()
		if err := Told.Raise(t.Context(), client, run.ID, "ben"); err != nil {
			t.Fatal(err)
		}
		got, err := Keep.Instance(client, run.ID).Wait(t.Context())
		if err != nil || got.Text != "ben: "+word {
			t.Errorf("got %+v, %v, want the secret", got, err)
		}
	})
}

func TestWhatTheHostDidNotEncryptFailsWithASentence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		sender func(t *testing.T, s *dtstest.Scheduler) *dts.Client
		want   string
	}{
		{"plain JSON", func(_ *testing.T, s *dtstest.Scheduler) *dts.Client { return s.Client() }, `event "told": payload is not encrypted`},
		{"with a key that nobody has", func(t *testing.T, s *dtstest.Scheduler) *dts.Client {
			t.Helper()
			return s.Connect("default", dts.WithConverter(keys(t, "z")))
		}, `event "told": payload is encrypted with a key that is not here: "z"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dtstest.Start(t)
				client, stop := serve(t, s, keys(t, "a"))
				defer stop()
				run, err := Keep.StartNew(t.Context(), client, Secret{word})
				if err != nil {
					t.Fatal(err)
				}
				if err := Told.Raise(t.Context(), tt.sender(t, s), run.ID, "eve"); err != nil {
					t.Fatal(err)
				}
				_, err = run.Wait(t.Context())
				if f, ok := errors.AsType[*dts.Failure](err); !ok || !strings.Contains(f.Message, tt.want) {
					t.Errorf("got %v, want a failure with %q", err, tt.want)
				}
			})
		})
	}
}

// An app that makes its own client encrypts with the option alone; so does the
// replay of a history.
func TestOptionReachesReplay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		client, stop := serve(t, s, keys(t, "a"))
		defer stop()
		run, err := Keep.StartNew(t.Context(), client, Secret{word}, durable.ID("s-1"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		var history []dts.HistoryEvent
		for event, err := range client.History(t.Context(), run.ID) {
			if err != nil {
				t.Fatal(err)
			}
			history = append(history, event)
		}
		replayed, err := newApp(keys(t, "a")).Replay(history)
		if err != nil || replayed.Difference != nil || len(replayed.Waits) == 0 {
			t.Errorf("replayed with the key: %+v, %v, want that it waits", replayed, err)
		}
		if blind, err := newApp(keys(t, "b")).Replay(history); err == nil && blind.Difference == nil {
			t.Errorf("replayed without the key: %+v, want a difference", blind)
		}
	})
}

package framework

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/payload"
	"github.com/funchost/funchost/framework/durable"
)

var repeat = durable.NewOrchestrator("repeat", func(_ *durable.Context, s string) (string, error) { return s, nil })

// TestAppKeepsLargePayloads gives the store by option and by setting, which wins.
func TestAppKeepsLargePayloads(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]func(dir string) Option{
		"option": func(dir string) Option { return WithPayloads(dts.Payloads{Store: payload.Folder(dir)}) },
		"setting": func(dir string) Option {
			return func(a *App) {
				WithPayloads(dts.Payloads{Store: payload.Folder("/dev/null")})(a)
				Set(keyPayloads, "file:"+dir)(a)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := dtstest.Start(t, dtstest.Listen())
			runApp(t, New("large", Set(keyScheduler, s.ConnectionString().String()), Set(keyRole, string(RoleWorker)), Set(keyAdminListen, listenNone),
				WithLogger(slog.New(slog.DiscardHandler)), option(dir)).Add(repeat))
			c := s.Connect("default", dts.WithPayloads(dts.Payloads{Store: payload.Folder(dir)}))
			in := strings.Repeat("large ", 1<<20)
			run, err := repeat.StartNew(t.Context(), c, in)
			if err != nil {
				t.Fatal(err)
			}
			if out, err := run.Wait(t.Context()); err != nil || out != in {
				t.Errorf("the result has %d bytes (%v), want %d", len(out), err, len(in))
			}
			if raw, err := s.Client().Instance(t.Context(), run.ID); err != nil || !strings.HasPrefix(string(raw.Output), "file:v1:") {
				t.Errorf("the hub has %.100q (%v), want a token", raw.Output, err)
			}
		})
	}
}

func TestPayloadStoreThatMakesNoSenseIsAUsageError(t *testing.T) {
	t.Parallel()
	err := New("large", Set(keyScheduler, "Endpoint=http://127.0.0.1:1;Authentication=None"), Set(keyPayloads, "AccountKey=canary")).Add(repeat).run(t.Context(), nil, nil, nil)
	if err == nil || !strings.Contains(err.Error(), keyPayloads) || strings.Contains(err.Error(), "canary") {
		t.Errorf("run = %v, want an error that names the setting and not the key", err)
	}
	if _, ok := err.(usageError); !ok { //nolint:errorlint // of this very type
		t.Errorf("run = %T, want a usage error", err)
	}
}

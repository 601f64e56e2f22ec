package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/framework/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLinesAreJSONWhereNobodyReads(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	logger, err := telemetry.NewLogger(&b, telemetry.FormatAuto, "info")
	if err != nil {
		t.Fatal(err)
	}
	logger.Debug("not this one")
	logger.With("host", "orders").Warn("this one", "duration", 1500*time.Millisecond)
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, b.String())
	}
	for key, want := range map[string]any{"level": "warn", "msg": "this one", "host": "orders", "duration": "1.5s"} {
		if line[key] != want {
			t.Errorf("%s = %v, want %v", key, line[key], want)
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, line["time"].(string)); err != nil {
		t.Error(err)
	}
}

func TestConsoleLinesAreForPeople(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	logger, err := telemetry.NewLogger(&b, telemetry.FormatConsole, "debug")
	if err != nil {
		t.Fatal(err)
	}
	logger.Log(t.Context(), slog.LevelInfo, "ready")
	if got := b.String(); !strings.Contains(got, "INFO\tready") {
		t.Errorf("line %q, want INFO and the text", got)
	}
}

func TestUnknownLevelAndFormatAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := telemetry.NewLogger(&bytes.Buffer{}, telemetry.FormatAuto, "loud"); err == nil {
		t.Error("level loud was accepted")
	}
	if _, err := telemetry.NewLogger(&bytes.Buffer{}, "xml", "info"); err == nil {
		t.Error("format xml was accepted")
	}
}

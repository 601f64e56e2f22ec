package cli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func TestDurationsAreLoggedWithTheirUnit(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetErr(&out)
	newConsole(cmd, slog.LevelInfo).logger.Info("ready", "duration", 410*time.Microsecond)
	if !strings.Contains(out.String(), `"duration":"410µs"`) {
		t.Errorf("logged %s, want 410µs as hosts write it", &out)
	}
}

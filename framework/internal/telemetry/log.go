// Package telemetry is where the host's own telemetry is made: today the log.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/mattn/go-isatty"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

// The formats of [NewLogger].
const (
	FormatAuto    = "auto" // console on a terminal, JSON otherwise
	FormatJSON    = "json"
	FormatConsole = "console"
)

// NewLogger returns a logger that writes to w from the given level on. Zap
// does the work; callers see slog only, and this file is the bridge.
func NewLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	from, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
	}
	shape := zap.NewProductionEncoderConfig()
	shape.TimeKey = "time"
	shape.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	shape.EncodeDuration = zapcore.StringDurationEncoder
	var encoder zapcore.Encoder
	switch {
	case format == FormatConsole, format == FormatAuto && terminal(w):
		shape.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		shape.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(shape)
	case format == FormatJSON, format == FormatAuto:
		encoder = zapcore.NewJSONEncoder(shape)
	default:
		return nil, fmt.Errorf("log format %q: want auto, json or console", format)
	}
	// Lines are written at once: a process that is killed loses none.
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), from)
	return slog.New(zapslog.NewHandler(core)), nil
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

package worker

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// logged is a log that a test reads.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) option() Option { return WithLogger(slog.New(slog.NewTextHandler(l, nil))) }

func TestTurnThatTakesLongIsNamedInTheLog(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		takes time.Duration
		want  bool
	}{
		{"a turn that sleeps", slowTurn + time.Second, true},
		{"a turn that takes its time", slowTurn - time.Second, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := NewRegistry()
				if err := r.Orchestrator("o", func(*Context, []byte) ([]byte, error) {
					time.Sleep(test.takes)
					return nil, nil
				}); err != nil {
					t.Fatal(err)
				}
				var log logged
				g := start(t, &fake{}, r, log.option())
				g.connected().items <- turnItemOf("token", &dtspb.OrchestratorRequest{NewEvents: firstTurn("o", "")})
				<-g.answers
				time.Sleep(time.Minute)
				synctest.Wait()
				got := log.String()
				if strings.Contains(got, "orchestrator=o instance=i duration=15s") != test.want || strings.Contains(got, "WARN") != test.want {
					t.Errorf("the log says %q, want a warning: %t", got, test.want)
				}
			})
		})
	}
}

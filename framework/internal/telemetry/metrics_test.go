package telemetry_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/funchost/funchost/framework/internal/telemetry"
)

func TestMetricsAreShownToPrometheus(t *testing.T) {
	t.Parallel()
	m, err := telemetry.NewMetrics()
	if err != nil {
		t.Fatal(err)
	}
	meter := m.Provider().Meter("test")
	starts, err := meter.Int64Counter("funchost.test.starts", metric.WithUnit("{start}"))
	if err != nil {
		t.Fatal(err)
	}
	starts.Add(t.Context(), 3, metric.WithAttributes(attribute.String("hub", "default")))
	took, err := meter.Float64Histogram("funchost.test.took", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	took.Record(t.Context(), 1.5)

	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`funchost_test_starts_total{hub="default"} 3`,
		`funchost_test_took_seconds_bucket{le="2"} 1`,
		"go_goroutines ",
		"process_open_fds ",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("/metrics has no %q:\n%s", want, w.Body)
		}
	}
	if err := m.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

package durable

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
)

func TestRetryWaits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		policy RetryPolicy
		want   []time.Duration // after the first, second, third failure
	}{
		{"a second each time by default", RetryPolicy{}, []time.Duration{time.Second, time.Second, time.Second}},
		{"grow by the factor", RetryPolicy{First: time.Second, Factor: 3}, []time.Duration{time.Second, 3 * time.Second, 9 * time.Second}},
		{"grow up to Max", RetryPolicy{First: time.Minute, Factor: 2, Max: 90 * time.Second}, []time.Duration{time.Minute, 90 * time.Second, 90 * time.Second}},
		{"grow up to an hour by default", RetryPolicy{First: 50 * time.Minute, Factor: 2}, []time.Duration{50 * time.Minute, time.Hour, time.Hour}},
		{"keep a First above the default limit", RetryPolicy{First: 2 * time.Hour}, []time.Duration{2 * time.Hour, 2 * time.Hour}},
		{"do not overflow", RetryPolicy{Factor: math.MaxFloat64, Max: math.MaxInt64}, []time.Duration{time.Second, math.MaxInt64, math.MaxInt64}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := tt.policy.refuse(); err != nil {
				t.Fatalf("refuse() = %v, want nil", err)
			}
			for i, want := range tt.want {
				if got := tt.policy.wait(i + 1); got != want {
					t.Errorf("wait(%d) = %v, want %v", i+1, got, want)
				}
			}
		})
	}
}

func TestRetryGivesUp(t *testing.T) {
	t.Parallel()
	declined := error(&dts.Failure{Message: "declined"})
	permanent := fmt.Errorf("activity: %w", &dts.Failure{Message: "no such card", NonRetriable: true})
	for _, tt := range []struct {
		name     string
		policy   RetryPolicy
		err      error
		failures int
		want     bool
	}{
		{"not before the third attempt by default", RetryPolicy{}, declined, 2, true},
		{"after the third attempt by default", RetryPolicy{}, declined, 3, false},
		{"after Attempts", RetryPolicy{Attempts: 7}, declined, 7, false},
		{"never by number when Attempts is -1", RetryPolicy{Attempts: -1}, declined, math.MaxInt, true},
		{"at once on a permanent failure", RetryPolicy{Attempts: -1}, permanent, 1, false},
		{"when Handle says no", RetryPolicy{Handle: func(err error) bool { return !errors.Is(err, declined) }}, declined, 1, false},
		{"not when Handle says yes", RetryPolicy{Handle: func(err error) bool { return errors.Is(err, declined) }}, declined, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.policy.retries(tt.err, tt.failures); got != tt.want {
				t.Errorf("retries(%v, %d) = %v, want %v", tt.err, tt.failures, got, tt.want)
			}
		})
	}
}

func TestRetryPolicyIsChecked(t *testing.T) {
	t.Parallel()
	for field, p := range map[string]RetryPolicy{
		"Attempts": {Attempts: -2},
		"First":    {First: -1},
		"Factor":   {Factor: math.NaN()},
		"at least": {Factor: 0.5},
		"Max":      {First: 2, Max: 1},
		"Total":    {Total: -1},
	} {
		if err := p.refuse(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%+v: refuse() = %v, want an error with %q in it", p, err, field)
		}
	}
}

func TestPermanentKeepsTextAndCause(t *testing.T) {
	t.Parallel()
	if err := Permanent(nil); err != nil {
		t.Errorf("Permanent(nil) = %v, want nil", err)
	}
	cause := errors.New("no such card")
	err := Permanent(fmt.Errorf("charge: %w", cause))
	if got, want := err.Error(), "charge: no such card"; got != want {
		t.Errorf("text = %q, want %q", got, want)
	}
	if !errors.Is(err, cause) {
		t.Errorf("errors.Is(%v, cause) = false, want true", err)
	}
}

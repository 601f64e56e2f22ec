package durable

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/funchost/funchost/dts"
)

// RetryPolicy says when a failed call is made again. The waits between attempts
// are durable timers and grow: First, First*Factor, First*Factor*Factor, up to
// Max. A failure that is marked permanent ends it at once, see [Permanent].
type RetryPolicy struct {
	// Attempts is how many attempts there are in all, the first included. Zero
	// means 3, -1 no limit.
	Attempts int
	// First is the wait after the first failure. Zero means one second.
	First time.Duration
	// Factor is what each wait is multiplied with to get the next. Zero means 1,
	// the same wait each time; less than 1 is refused.
	Factor float64
	// Max is the longest wait. Zero means one hour.
	Max time.Duration
	// Total is how long after the first attempt the last may begin, by the clock of
	// the orchestration. Zero means no limit.
	Total time.Duration
	// Handle, if set, is asked after each failure that may be retried whether to
	// go on; err is what the call would return. It is part of the orchestrator:
	// replay calls it again, and it must answer the same.
	Handle func(err error) bool
}

// Permanent marks err as one that trying again cannot cure: no [RetryPolicy]
// retries an activity or orchestration that returns it. The text stays, errors.Is
// and errors.As still find err. Permanent of nil is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// NonRetriable is what the worker asks when it records the failure.
func (permanentError) NonRetriable() bool { return true }

// refuse gives the error for a policy that makes no sense.
func (p RetryPolicy) refuse() error {
	switch {
	case p.Attempts < -1:
		return fmt.Errorf("retry policy: Attempts is %d, want at least -1", p.Attempts)
	case p.First < 0 || p.Max < 0 || p.Total < 0:
		return errors.New("retry policy: First, Max and Total must not be negative")
	case p.Factor != 0 && !(p.Factor >= 1): // turned round, so that NaN is refused
		return fmt.Errorf("retry policy: Factor is %v, want at least 1", p.Factor)
	case p.Max != 0 && p.Max < p.First:
		return fmt.Errorf("retry policy: Max is %v, less than First, %v", p.Max, p.First)
	}
	return nil
}

// follow waits for the attempt of what that is under way and, as long as the policy
// allows, for those after it.
func (p RetryPolicy) follow(ctx *Context, what string, try attempt, again func() attempt) ([]byte, error) {
	began := ctx.Now()
	for failures := 1; ; failures++ {
		result, err := try.await(ctx)
		if err == nil {
			return result, nil
		}
		wait := p.wait(failures)
		if !p.retries(explain(what, err), failures) || p.late(ctx.Now().Add(wait).Sub(began)) {
			return nil, err
		}
		ctx.Sleep(wait)
		try = again()
	}
}

func (p RetryPolicy) retries(err error, failures int) bool {
	if f, ok := errors.AsType[*dts.Failure](err); ok && f.NonRetriable {
		return false
	}
	attempts := p.Attempts
	if attempts == 0 {
		attempts = 3
	}
	if attempts > 0 && failures >= attempts {
		return false
	}
	return p.Handle == nil || p.Handle(err)
}

// late reports whether an attempt this long after the first is one too late.
func (p RetryPolicy) late(since time.Duration) bool { return p.Total > 0 && since > p.Total }

// wait is the time between the given number of failures and the next attempt.
func (p RetryPolicy) wait(failures int) time.Duration {
	first, factor, limit := p.First, p.Factor, p.Max
	if first == 0 {
		first = time.Second
	}
	if factor == 0 {
		factor = 1
	}
	if limit == 0 {
		limit = max(time.Hour, first)
	}
	// Compared in floating point, where a product too large for a Duration is
	// still large.
	if wait := float64(first) * math.Pow(factor, float64(failures-1)); wait < float64(limit) {
		return time.Duration(wait)
	}
	return limit
}

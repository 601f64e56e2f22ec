package worker

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// FailureTimeout is the type of the failure of an activity that was given up
// because its time was over.
const FailureTimeout = "ActivityTimeout"

// tagTimeout says on an activity how long it may run, as time.Duration writes it.
// The protocol has no field for that; workers of other SDKs pass tags over.
const tagTimeout = "funchost.timeout"

// withTimeout adds the limit to tags, which stay as they are.
func withTimeout(tags map[string]string, limit time.Duration) map[string]string {
	if limit <= 0 {
		return tags
	}
	tags = maps.Clone(tags)
	if tags == nil {
		tags = make(map[string]string, 1)
	}
	tags[tagTimeout] = limit.String()
	return tags
}

// limit returns the context for an activity, which ends when the time in its tags
// is over. What is not a duration was not written by us and limits nothing.
func limit(ctx context.Context, tags map[string]string) (context.Context, context.CancelFunc) {
	if text := tags[tagTimeout]; text != "" { // most have none, and an error costs more than the rest
		if d, err := time.ParseDuration(text); err == nil && d > 0 {
			return context.WithTimeout(ctx, d)
		}
	}
	return ctx, func() {}
}

// timedOut makes a failure of f if the activity failed after its time was over. What
// it says then is mostly that its context ended, in many words.
func timedOut(ctx context.Context, tags map[string]string, f *dtspb.TaskFailureDetails) *dtspb.TaskFailureDetails {
	if f == nil || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return f
	}
	return &dtspb.TaskFailureDetails{
		ErrorType:      FailureTimeout,
		ErrorMessage:   "timed out after " + tags[tagTimeout],
		InnerFailure:   f,
		IsNonRetriable: f.GetIsNonRetriable(),
	}
}

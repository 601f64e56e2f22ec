package engine

import (
	"fmt"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// Limits in bytes of what is kept beside a payload. With them a work item without
// past events always fits what an SDK receives by default, 4 MiB.
const (
	// MaxName is that of a name, a version and an id that a caller makes up.
	MaxName = 1024
	// MaxTags is that of all tags of one thing.
	MaxTags = 64 << 10
	// MaxTrace is that of a trace context.
	MaxTrace = 16 << 10
)

// CheckName says whether a name is too long; what says whose it is.
func CheckName(what, name string) error { return within(what, len(name), MaxName) }

// CheckTags says whether tags are too large.
func CheckTags(tags map[string]string) error {
	if len(tags) == 0 {
		return nil
	}
	size := 0
	for k, v := range tags {
		size += len(k) + len(v)
	}
	return within("sum of the tags", size, MaxTags)
}

// CheckTrace says whether a trace context is too large.
func CheckTrace(t *dtspb.TraceContext) error {
	return within("trace context", len(t.GetTraceParent())+len(t.GetTraceState().GetValue())+len(t.GetSpanID()), MaxTrace)
}

func within(what string, size, limit int) error {
	if size > limit {
		return fmt.Errorf("%s has %d bytes, the limit is %d", what, size, limit)
	}
	return nil
}

// beyond makes the first of errs a failure.
func beyond(errs ...error) *dtspb.TaskFailureDetails {
	for _, err := range errs {
		if err != nil {
			return failure(PayloadTooLarge, err.Error())
		}
	}
	return nil
}

// checkChildTags looks at the tags that a child would have with those it inherits.
func checkChildTags(parent, own map[string]string) error {
	if len(own) == 0 {
		return nil // the parent's were checked
	}
	return CheckTags(childTags(parent, own))
}

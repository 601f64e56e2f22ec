package worker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestTimeoutTravelsAsATag(t *testing.T) {
	t.Parallel()
	given := map[string]string{"team": "sales"}
	if diff := cmp.Diff(map[string]string{"team": "sales", "funchost.timeout": "1m30s"}, withTimeout(given, 90*time.Second)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"funchost.timeout": "1s"}, withTimeout(nil, time.Second)); diff != "" {
		t.Errorf("tags of an activity without others (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"team": "sales"}, given); diff != "" {
		t.Errorf("the given tags were changed (-want +got):\n%s", diff)
	}
}

func TestTagThatIsNoTimeoutLimitsNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "soon", "-1s", "0s"} {
		ctx, cancel := limit(t.Context(), map[string]string{tagTimeout: text})
		if deadline, ok := ctx.Deadline(); ok {
			t.Errorf("tag %q: deadline %v, want none", text, deadline)
		}
		cancel()
	}
}

func TestFailureIsATimeoutOnlyAfterTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tags := map[string]string{tagTimeout: "1m"}
		ctx, cancel := limit(t.Context(), tags)
		defer cancel()
		failure := &dtspb.TaskFailureDetails{ErrorType: "T", ErrorMessage: "no", IsNonRetriable: true}
		if got := timedOut(ctx, tags, failure); got != failure {
			t.Errorf("before: %v, want the failure as it is", got)
		}
		time.Sleep(2 * time.Minute)
		if got := timedOut(ctx, tags, failure); got.GetErrorType() != FailureTimeout || got.GetInnerFailure() != failure || !got.GetIsNonRetriable() {
			t.Errorf("after: %v, want a timeout around it", got)
		}
		if got := timedOut(ctx, tags, nil); got != nil {
			t.Errorf("a late success: %v, want no failure", got)
		}
	})
}

package replay

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// drawing says what it drew, two numbers before and one after an activity.
var drawing = returns(func(t *Turn, _ string) string {
	r := t.Rand()
	first := fmt.Sprint(r.Uint64(), " ", r.IntN(1000))
	await(t.Activity("work", []byte(first), nil, nil))
	return fmt.Sprint(first, " ", t.Rand().Uint64())
})

func TestRandIsTheSameInEachReplay(t *testing.T) {
	t.Parallel()
	past := history{turn(0), begun(""), taskScheduled(0, "work")}
	now := history{turn(1), taskCompleted(0, "x")}
	want := cold(t, drawing, past, now)
	if got := cold(t, drawing, slices.Concat(past, now), nil); !slices.Equal(got, want) {
		t.Errorf("replay drew %q, want %q", got, want)
	}

	// A rewind repeats the same history with another execution id.
	restarted := begun("")
	restarted.GetExecutionStarted().OrchestrationInstance.ExecutionId = wrapperspb.String("after the rewind")
	past[1] = restarted
	if got := cold(t, drawing, past, now); !slices.Equal(got, want) {
		t.Errorf("after a rewind it drew %q, want %q", got, want)
	}
}

func TestRandDiffersBetweenExecutions(t *testing.T) {
	t.Parallel()
	other := begun("")
	other.GetExecutionStarted().OrchestrationInstance.InstanceId = "j"
	drawn := make(map[string]string)
	for name, events := range map[string]history{
		"the first":                {turn(0), begun("")},
		"a later round":            {turn(1), begun("")},
		"of another instance":      {turn(0), other},
		"of another, later":        {turn(1), other},
		"of one that began at 2:0": {turn(2), begun("")},
	} {
		got := cold(t, drawing, nil, events)[0]
		if same, ok := drawn[got]; ok {
			t.Errorf("execution %s draws what %s does: %q", name, same, got)
		}
		drawn[got] = name
	}
}

func TestRandOfAnotherGoroutineFailsTheInstance(t *testing.T) {
	t.Parallel()
	if goroutine() == 0 {
		t.Skip("goroutines cannot be told apart here")
	}
	owner := &nobody{}
	x := New(only(returns(func(t *Turn, _ string) string {
		r := t.Rand()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			r.Uint64()
		}()
		<-gone
		return ""
	})), owner, "i", "e")
	defer x.Close()
	x.Apply(history{turn(0), begun("")}, false)
	if f := owner.failure; f.GetErrorType() != typeTrespass {
		t.Errorf("failure = %v, want a %s", f, typeTrespass)
	}
	if got := x.Actions()[0].GetCompleteOrchestration().GetOrchestrationStatus(); got != dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED {
		t.Errorf("the instance ends as %v, want failed", got)
	}
}

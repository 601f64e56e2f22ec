package worker

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestAnswerThatIsTooLargeGoesInParts(t *testing.T) {
	t.Parallel()
	answer := &dtspb.OrchestratorResponse{InstanceId: "i", CompletionToken: "token", CustomStatus: text("status")}
	for i := range int32(21) {
		answer.Actions = append(answer.Actions, &dtspb.OrchestratorAction{
			Id: i,
			OrchestratorActionType: &dtspb.OrchestratorAction_ScheduleTask{ScheduleTask: &dtspb.ScheduleTaskAction{
				Name: "a", Input: wrapperspb.String(strings.Repeat("x", 1<<20)),
			}},
		})
	}
	parts := split(answer)
	if len(parts) != 7 {
		t.Fatalf("got %d parts, want 7 of 3 actions", len(parts))
	}
	next := int32(0)
	for i, p := range parts {
		if n := proto.Size(p); n > maxAnswer {
			t.Errorf("part %d has %d bytes, the limit is %d", i, n, maxAnswer)
		}
		if p.GetInstanceId() != "i" || p.GetCompletionToken() != "token" || p.GetChunkIndex().GetValue() != int32(i) || p.GetIsPartial() != (i < 6) {
			t.Errorf("part %d is for %s with %s, index %v, partial %t", i, p.GetInstanceId(), p.GetCompletionToken(), p.GetChunkIndex(), p.GetIsPartial())
		}
		if first := i == 0; (p.GetCustomStatus() != nil) != first || (p.GetNumEventsProcessed() == nil) != first {
			t.Errorf("part %d has status %v and %v processed events; the first has the status, the others zero", i, p.GetCustomStatus(), p.GetNumEventsProcessed())
		}
		for _, a := range p.GetActions() {
			if a.GetId() != next {
				t.Fatalf("part %d has action %d, want %d", i, a.GetId(), next)
			}
			next++
		}
	}
}

func TestAnswerThatFitsGoesWhole(t *testing.T) {
	t.Parallel()
	answer := &dtspb.OrchestratorResponse{InstanceId: "i"}
	if parts := split(answer); len(parts) != 1 || parts[0] != answer || answer.GetChunkIndex() != nil {
		t.Errorf("got parts %v, want the answer itself", parts)
	}
}

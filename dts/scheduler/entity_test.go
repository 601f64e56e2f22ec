package scheduler_test

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

// counter answers entity batches as a worker would whose entity adds up the
// operations' inputs in unary: state "xx" and input "x" make "xxx".
func counter(t *testing.T, stub dtsgrpc.TaskHubSidecarServiceClient, item *dtspb.WorkItem) {
	t.Helper()
	r := item.GetEntityRequestV2()
	result := &dtspb.EntityBatchResult{CompletionToken: item.GetCompletionToken()}
	state := r.GetEntityState().GetValue()
	for _, op := range r.GetOperationRequests() {
		state += op.GetEntityOperationSignaled().GetInput().GetValue()
		result.Results = append(result.Results, &dtspb.OperationResult{ResultType: &dtspb.OperationResult_Success{Success: &dtspb.OperationResultSuccess{}}})
	}
	result.EntityState = wrapperspb.String(state)
	if _, err := stub.CompleteEntityTask(t.Context(), result); err != nil {
		t.Error(err)
	}
}

func TestSignalsChangeAnEntityInOrderAndSurviveACrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		stub := dtsgrpc.NewTaskHubSidecarServiceClient(s.Client().Conn())
		signal := func(input string, at *timestamppb.Timestamp) {
			t.Helper()
			if _, err := stub.SignalEntity(t.Context(), &dtspb.SignalEntityRequest{InstanceId: "@Counter@a", Name: "add", Input: wrapperspb.String(input), ScheduledTime: at}); err != nil {
				t.Fatal(err)
			}
		}
		signal("1", nil)
		signal("4", timestamppb.New(time.Now().Add(time.Hour)))
		signal("2", nil)
		s.Crash()
		signal("3", nil)

		state := func() string {
			t.Helper()
			got, err := stub.GetEntity(t.Context(), &dtspb.GetEntityRequest{InstanceId: "@counter@a", IncludeState: true})
			if err != nil {
				t.Fatal(err)
			}
			return got.GetEntity().GetSerializedState().GetValue()
		}
		if got := state(); got != "" {
			t.Errorf("state before any operation: got %q, want none", got)
		}
		stream, err := stub.GetWorkItems(t.Context(), &dtspb.GetWorkItemsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		next := func() *dtspb.WorkItem {
			t.Helper()
			for {
				item, err := stream.Recv()
				if err != nil {
					t.Fatal(err)
				}
				if item.GetHealthPing() == nil {
					return item
				}
			}
		}
		counter(t, stub, next())
		if got := state(); got != "123" {
			t.Errorf("state: got %q, want 123", got)
		}
		begin := time.Now()
		counter(t, stub, next())
		if got := state(); got != "1234" {
			t.Errorf("state after the delayed signal: got %q, want 1234", got)
		}
		if waited := time.Since(begin); waited > time.Hour || waited < 59*time.Minute {
			t.Errorf("the delayed signal came after %v, want an hour", waited)
		}
	})
}

package rpc_test

import (
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtsgrpc"
	"github.com/funchost/funchost/dts/internal/dtspb"
)

// TestEveryMethodIsServedOrSaysWhatIs holds the sentences against the contract.
func TestEveryMethodIsServedOrSaysWhatIs(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		served := map[string]bool{"Ping": true, "GetMetrics": true, "BeginWorkerDrain": true}
		for _, m := range dtsgrpc.BackendService_ServiceDesc.Methods {
			if served[m.MethodName] {
				continue
			}
			err := w.conn.Invoke(t.Context(), "/"+dtsgrpc.BackendService_ServiceDesc.ServiceName+"/"+m.MethodName, &emptypb.Empty{}, &emptypb.Empty{})
			wantError(t, m.MethodName, err, codes.Unimplemented, "of TaskHubSidecarService")
		}
		for _, s := range dtsgrpc.BackendService_ServiceDesc.Streams {
			stream, err := w.conn.NewStream(t.Context(), &s, "/"+dtsgrpc.BackendService_ServiceDesc.ServiceName+"/"+s.StreamName)
			must(t, err)
			must(t, stream.SendMsg(&emptypb.Empty{}))
			must(t, stream.CloseSend())
			wantError(t, s.StreamName, stream.RecvMsg(&emptypb.Empty{}), codes.Unimplemented, "of TaskHubSidecarService")
		}
	})
}

// fill gives a hub something of each kind.
func (w *world) fill(hub string) {
	w.t.Helper()
	ctx := w.ctx(hub)
	for id, at := range map[string]time.Time{"now": {}, "later": time.Now().Add(time.Hour)} {
		_, err := w.StartInstance(ctx, &dtspb.CreateInstanceRequest{InstanceId: id, Name: "orc", ScheduledStartTimestamp: timestamppb.New(at)})
		must(w.t, err)
	}
	_, err := w.SignalEntity(ctx, &dtspb.SignalEntityRequest{InstanceId: "@counter@1", Name: "add"})
	must(w.t, err)
}

// size is how many instances and work items a hub has.
func (w *world) size(hub string) int {
	w.t.Helper()
	r, err := w.QueryInstances(w.ctx(hub), &dtspb.QueryInstancesRequest{})
	must(w.t, err)
	m, err := w.backend.GetMetrics(w.ctx(hub), &dtspb.GetMetricsRequest{})
	must(w.t, err)
	n := m.GetMetrics()
	return len(r.GetOrchestrationState()) + int(n.GetOrchestratorWorkItems().GetPending()+n.GetEntityWorkItems().GetPending())
}

func TestDeletedHubIsEmpty(t *testing.T) {
	overBoth(t, func(t *testing.T, w *world) {
		w.fill("one")
		w.fill("two")
		if w.size("one") != 4 {
			t.Fatalf("hub one has %d, want 4", w.size("one"))
		}
		for range 2 { // the second time there is nothing
			_, err := w.DeleteTaskHub(w.ctx("one"), &dtspb.DeleteTaskHubRequest{})
			must(t, err)
		}
		if w.size("one") != 0 || w.size("two") != 4 {
			t.Errorf("hub one has %d, hub two has %d, want 0 and 4", w.size("one"), w.size("two"))
		}
		w.fill("one")
		for _, again := range []bool{false, true} {
			_, err := w.CreateTaskHub(w.ctx("one"), &dtspb.CreateTaskHubRequest{RecreateIfExists: again})
			must(t, err)
			if want := map[bool]int{false: 4, true: 0}[again]; w.size("one") != want {
				t.Errorf("recreate is %v: hub one has %d, want %d", again, w.size("one"), want)
			}
		}
		_, err := w.CreateTaskHub(w.ctx("a_b"), &dtspb.CreateTaskHubRequest{})
		wantError(t, "a hub with an impossible name", err, codes.NotFound, "Task hub not found: a_b")
		_, err = w.DeleteTaskHub(w.ctx("a_b"), &dtspb.DeleteTaskHubRequest{})
		must(t, err)
	})
}

// TestDeletedHubLetsGoOfItsCallers: streams and waits end, and what is answered
// late changes nothing in a hub of the same name.
func TestDeletedHubLetsGoOfItsCallers(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		ctx := w.ctx("one")
		w.fill("one")
		k := w.workerOf(ctx, &dtspb.GetWorkItemsRequest{})
		item := k.next()
		waits := make(chan error, 1)
		go func() {
			_, err := w.WaitForInstanceCompletion(ctx, &dtspb.GetInstanceRequest{InstanceId: "later"})
			waits <- err
		}()
		synctest.Wait()
		_, err := w.DeleteTaskHub(ctx, &dtspb.DeleteTaskHubRequest{})
		must(t, err)
		for err == nil {
			_, err = k.stream.Recv()
		}
		wantError(t, "the stream", err, codes.NotFound, "Task hub not found")
		wantError(t, "the wait", <-waits, codes.NotFound, "Task hub not found")
		_, err = w.CompleteOrchestratorTask(ctx, &dtspb.OrchestratorResponse{CompletionToken: item.GetCompletionToken(), Actions: fail(1)})
		wantError(t, "the late answer", err, codes.NotFound, "not found")
		if w.size("one") != 0 {
			t.Errorf("the new hub has %d", w.size("one"))
		}
	})
}

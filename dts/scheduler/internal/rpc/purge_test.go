package rpc_test

import (
	"testing"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// TestEntitiesArePurgedByTheirID, with or without the flag that tells them apart;
// one that has something to do is not.
func TestEntitiesArePurgedByTheirID(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		k := w.worker(&dtspb.GetWorkItemsRequest{})
		for _, id := range []string{"@Counter@idle", "@counter@busy"} {
			_, err := w.SignalEntity(w.ctx(""), &dtspb.SignalEntityRequest{InstanceId: id, Name: "add"})
			must(t, err)
			_, err = w.CompleteEntityTask(w.ctx(""), &dtspb.EntityBatchResult{
				CompletionToken: k.next().GetCompletionToken(), EntityState: text("1"), Results: []*dtspb.OperationResult{{}},
			})
			must(t, err)
		}
		_, err := w.SignalEntity(w.ctx(""), &dtspb.SignalEntityRequest{InstanceId: "@counter@busy", Name: "add", ScheduledTime: stamp(time.Now().Add(time.Hour))})
		must(t, err)
		for _, want := range []int32{1, 0} {
			r, err := w.PurgeInstances(w.ctx(""), &dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_InstanceBatch{
				InstanceBatch: &dtspb.InstanceBatch{InstanceIds: []string{"@COUNTER@idle", "@counter@busy", "@counter@none", "@no"}},
			}})
			if err != nil || r.GetDeletedInstanceCount() != want {
				t.Errorf("purge: got %v, %v, want %d", r, err, want)
			}
		}
		for id, want := range map[string]bool{"@counter@idle": false, "@counter@busy": true} {
			r, err := w.GetEntity(w.ctx(""), &dtspb.GetEntityRequest{InstanceId: id})
			if err != nil || r.GetExists() != want {
				t.Errorf("%s: got %v, %v, want it there: %v", id, r, err, want)
			}
		}
	})
}

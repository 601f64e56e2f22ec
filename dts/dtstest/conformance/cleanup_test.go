package conformance

import (
	"context"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// cleanUp ends and removes what the scenario has left in the hub of the address. A
// scheduler that cannot do it fails no scenario thereby.
func (w *world) cleanUp() {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), "taskhub", w.at.hub), patience)
	defer cancel()
	ids := w.made
	page, err := w.QueryInstances(ctx, &dtspb.QueryInstancesRequest{Query: &dtspb.InstanceQuery{InstanceIdPrefix: text(w.tag), MaxInstanceCount: 400}})
	w.note(err)
	for _, s := range page.GetOrchestrationState() {
		if strings.HasPrefix(s.GetInstanceId(), w.tag) { // whatever the filter did
			ids = append(ids, s.GetInstanceId())
		}
	}
	_, err = w.SkipGracefulOrchestrationTerminations(ctx, skip(ids...))
	w.note(err)
	w.note(w.settle(ctx))
	for _, e := range w.left(ctx) {
		ids = append(ids, e.GetInstanceId())
	}
	_, err = w.PurgeInstances(ctx, purgeBatch(ids...))
	w.note(err)
}

func (w *world) note(err error) {
	if err != nil {
		w.Logf("clean up: %v", err)
	}
}

// left are the entities of the scenario.
func (w *world) left(ctx context.Context) (mine []*dtspb.EntityMetadata) {
	r, err := w.QueryEntities(ctx, &dtspb.QueryEntitiesRequest{Query: &dtspb.EntityQuery{InstanceIdStartsWith: text("@" + w.ent), IncludeTransient: true}})
	w.note(err)
	for _, e := range r.GetEntities() {
		if strings.HasPrefix(e.GetInstanceId(), "@"+w.ent) {
			mine = append(mine, e)
		}
	}
	return mine
}

// settle runs the operations that wait, since an entity that has some cannot be
// purged. They leave no state.
func (w *world) settle(ctx context.Context) error {
	waiting := func() bool {
		for _, e := range w.left(ctx) {
			if e.GetBacklogQueueSize() > 0 {
				return true
			}
		}
		return false
	}
	if !waiting() {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := w.GetWorkItems(ctx, &dtspb.GetWorkItemsRequest{WorkItemFilters: &dtspb.WorkItemFilters{Entities: []*dtspb.EntityFilter{{Name: w.ent}}}})
	for err == nil && waiting() {
		var item *dtspb.WorkItem
		if item, err = stream.Recv(); item.GetEntityRequestV2() != nil {
			b := &batch{w: w, token: item.GetCompletionToken(), EntityRequest: item.GetEntityRequestV2()}
			r := b.response("")
			r.EntityState = nil
			_, err = w.CompleteEntityTask(ctx, r)
		}
	}
	return err
}

package conformance

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// listed returns the ids of this scenario that ListInstanceIds lists.
func (w *world) listed(r *dtspb.ListInstanceIdsRequest) (ids []string) {
	w.Helper()
	r.LastInstanceKey = text("") // as clients send it with the first call
	for range 1000 {
		page := call(w, w.ListInstanceIds, r)
		for _, id := range page.GetInstanceIds() {
			if name, mine := strings.CutPrefix(id, w.tag); mine {
				ids = append(ids, name)
			}
		}
		if page.GetLastInstanceKey() == nil {
			return ids
		}
		if r.GetPageSize() > 0 && len(page.GetInstanceIds()) > int(r.GetPageSize()) {
			w.Errorf("a page of %d, asked for were %d", len(page.GetInstanceIds()), r.GetPageSize())
		}
		r.LastInstanceKey = page.GetLastInstanceKey()
	}
	w.Fatal("pages without end")
	return nil
}

var listScenarios = []scenario{
	{
		name: "ended-ones-in-the-order-of-their-ends",
		rule: "`ListInstanceIds` lists what has ended, in the order of the ends, page by page; the first call has an empty key and the last page none",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			for _, name := range []string{"a", "b", "c", "live"} {
				w.start(name)
			}
			begin := w.state(w.id("a")).GetCreatedTimestamp()
			for _, name := range []string{"c", "a", "b"} {
				k.finish(w.id(name), "")
			}
			w.wantSame("pages of one", []string{"c", "a", "b"}, w.listed(&dtspb.ListInstanceIdsRequest{CompletedTimeFrom: begin, PageSize: 1}))
			w.wantSame("one page", []string{"c", "a", "b"}, w.listed(&dtspb.ListInstanceIdsRequest{CompletedTimeFrom: begin}))
		},
	},
	{
		name: "by-status-and-time-of-the-end",
		rule: "`ListInstanceIds` lists the statuses that it is asked for, ended from its first time, included, and before its second",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			var at []*timestamppb.Timestamp
			for i, last := range []*dtspb.OrchestratorAction{complete(1, ""), fail(1, "E"), complete(1, "")} {
				id := w.start(fmt.Sprint(i))
				k.turnOf(id).answer(last)
				at = append(at, w.state(id).GetCompletedTimestamp())
			}
			w.wantSame("completed", []string{"0", "2"}, w.listed(&dtspb.ListInstanceIdsRequest{CompletedTimeFrom: at[0], RuntimeStatus: []dtspb.OrchestrationStatus{completed}}))
			w.wantSame("between", []string{"0", "1"}, w.listed(&dtspb.ListInstanceIdsRequest{CompletedTimeFrom: at[0], CompletedTimeTo: at[2]}))
			w.wantSame("from", []string{"1", "2"}, w.listed(&dtspb.ListInstanceIdsRequest{CompletedTimeFrom: at[1]}))
		},
	},
	{
		name: "one-that-lives-again-is-not-listed",
		rule: "An instance that was restarted is not listed until it has ended again, and then once",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			begin := w.state(id).GetCreatedTimestamp()
			k.finish(id, "")
			call(w, w.RestartInstance, &dtspb.RestartInstanceRequest{InstanceId: id})
			w.wantSame("while it runs", []string(nil), w.listed(&dtspb.ListInstanceIdsRequest{CompletedTimeFrom: begin}))
			k.finish(id, "")
			w.wantSame("when it has ended", []string{"a"}, slices.Clip(w.listed(&dtspb.ListInstanceIdsRequest{CompletedTimeFrom: begin})))
		},
	},
}

package conformance

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// entities returns the keys that a query finds, page by page.
func (w *world) entities(q *dtspb.EntityQuery) (pages [][]string) {
	w.Helper()
	for range 50 {
		r := call(w, w.QueryEntities, &dtspb.QueryEntitiesRequest{Query: q})
		var page []string
		for _, e := range r.GetEntities() {
			page = append(page, strings.TrimPrefix(e.GetInstanceId(), w.entity("")))
			if (e.GetSerializedState() != nil) != q.GetIncludeState() {
				w.Errorf("asked for states: %t, got %v", q.GetIncludeState(), e)
			}
		}
		pages = append(pages, page)
		if r.GetContinuationToken() == nil {
			return pages
		}
		q.ContinuationToken = r.GetContinuationToken()
	}
	w.Fatal("pages without end")
	return nil
}

var entityQueryScenarios = []scenario{
	{
		name: "a-query-by-prefix",
		rule: "`QueryEntities` finds entities by the beginning of their ids, in pages, with states if asked for",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			for _, key := range []string{"b", "a", "c"} {
				w.signal(key, "")
				k.batch().answer("state")
			}
			sorted := func(q *dtspb.EntityQuery) []string {
				return slices.Sorted(slices.Values(slices.Concat(w.entities(q)...)))
			}
			w.wantSame("all", []string{"a", "b", "c"}, sorted(&dtspb.EntityQuery{InstanceIdStartsWith: text("@" + w.ent), IncludeState: true}))
			w.wantSame("one", []string{"a"}, sorted(&dtspb.EntityQuery{InstanceIdStartsWith: text(w.entity("a"))}))
			pages := w.entities(&dtspb.EntityQuery{InstanceIdStartsWith: text("@" + w.ent), PageSize: number(2)})
			if len(pages[0]) != 2 || len(slices.Concat(pages...)) != 3 {
				w.Errorf("pages are %v", pages)
			}
		},
	},
	{
		name: "a-query-by-time-of-change",
		rule: "`QueryEntities` finds entities by the time of their last change, from the first included",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			var at []*timestamppb.Timestamp
			for _, key := range []string{"b", "a", "c"} {
				w.signal(key, "")
				k.batch().answer("state")
				at = append(at, w.entityOf(key).GetLastModifiedTime())
			}
			prefix := text("@" + w.ent)
			w.wantSame("from", [][]string{{"a", "c"}}, w.entities(&dtspb.EntityQuery{InstanceIdStartsWith: prefix, LastModifiedFrom: at[1]}))
			before := stamp(at[1].AsTime().Add(-time.Nanosecond))
			w.wantSame("to", [][]string{{"b"}}, w.entities(&dtspb.EntityQuery{InstanceIdStartsWith: prefix, LastModifiedTo: before}))
		},
	},
	{
		name: "a-query-for-transient-ones",
		rule: "`QueryEntities` finds entities without a state, which are locked or have messages, only if it is asked for transient ones",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.exists(k, "a", "c")
			k.lose()
			w.signal("b", "waits")
			w.signal("d", "waits")
			prefix := text("@" + w.ent)
			w.wantSame("with a state", [][]string{{"a", "c"}}, w.entities(&dtspb.EntityQuery{InstanceIdStartsWith: prefix}))
			w.wantSame("transient ones", [][]string{{"a", "b", "c", "d"}}, w.entities(&dtspb.EntityQuery{InstanceIdStartsWith: prefix, IncludeTransient: true}))
			pages := w.entities(&dtspb.EntityQuery{InstanceIdStartsWith: prefix, IncludeTransient: true, PageSize: number(1)})
			w.wantSame("one by one", []string{"a", "b", "c", "d"}, slices.Concat(pages...))
			k = w.worker()
			k.batch().answer("state")
			k.batch().answer("state")
		},
	},
	{
		name: "cleaning-finds-nothing-to-do",
		rule: "`CleanEntityStorage` answers 0 and 0: empty entities go by themselves, and locks end with their owners",
		from: documented,
		run: func(w *world) {
			r := call(w, w.CleanEntityStorage, &dtspb.CleanEntityStorageRequest{RemoveEmptyEntities: true, ReleaseOrphanedLocks: true})
			if r.GetEmptyEntitiesRemoved() != 0 || r.GetOrphanedLocksReleased() != 0 || r.GetContinuationToken() != nil {
				w.Errorf("got %v", r)
			}
		},
	},
	{
		name: "large-states-make-short-pages",
		rule: "A page of entities with large states comes short, with a token, so that a client that receives 4 MiB gets it",
		from: decided,
		run: func(w *world) {
			k, want := w.worker(), []string{"0", "1", "2", "3", "4", "5"}
			for _, key := range want {
				w.signal(key, "")
				k.batch().answer(strings.Repeat("x", maxPayload))
			}
			q := &dtspb.EntityQuery{InstanceIdStartsWith: text("@" + w.ent), IncludeState: true}
			r := call(w, w.QueryEntities, &dtspb.QueryEntitiesRequest{Query: q})
			if n := proto.Size(r); n > 4<<20 || len(r.GetEntities()) < 2 {
				w.Errorf("a page of %d has %d bytes", len(r.GetEntities()), n)
			}
			w.wantSame("all", want, slices.Sorted(slices.Values(slices.Concat(w.entities(q)...))))
		},
	},
}

package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func purgeOf(id string) *dtspb.PurgeInstancesRequest {
	return &dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_InstanceId{InstanceId: id}}
}

func purgeBatch(ids ...string) *dtspb.PurgeInstancesRequest {
	return &dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_InstanceBatch{InstanceBatch: &dtspb.InstanceBatch{InstanceIds: ids}}}
}

// purged purges and checks how many that were.
func (w *world) purged(want int32, r *dtspb.PurgeInstancesRequest) {
	w.Helper()
	if got := call(w, w.PurgeInstances, r); got.GetDeletedInstanceCount() != want || !got.GetIsComplete().GetValue() {
		w.Errorf("purge %v: got %v, want %d and complete", r, got, want)
	}
}

var purgeScenarios = []scenario{
	{
		name: "an-ended-one-is-gone",
		rule: "A purge removes an instance that has ended, counts it and says that it is complete; its history is gone, and its id is free",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.finish(id, "out")
			w.purged(1, purgeOf(id))
			w.wantGone(id)
			if events, _, err := w.tryHistory(&dtspb.StreamInstanceHistoryRequest{InstanceId: id}); err == nil && len(events) > 0 {
				w.Errorf("its history is %v", events)
			}
			w.purged(0, purgeOf(id))
			w.wantStatus(w.start("a", replacing()), pending)
		},
	},
	{
		name: "live-and-unknown-ones-count-nothing",
		rule: "A purge leaves live instances, and neither they nor unknown ids are an error",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			w.purged(0, purgeOf(id))
			k.turn().answer()
			w.purged(0, purgeOf(id))
			w.wantStatus(id, running)
			w.purged(0, purgeOf(w.id("nobody")))
		},
	},
	{
		name: "a-batch-names-at-most-500",
		rule: "A batch purges what has ended among up to 500 ids; with 501 it is `INVALID_ARGUMENT` and nothing is done",
		from: documented,
		run: func(w *world) {
			k, id, live := w.worker(), w.start("a"), w.start("live")
			k.finish(id, "")
			ids := []string{id, live}
			for i := range 498 {
				ids = append(ids, w.id(fmt.Sprint(i)))
			}
			refused(w, codes.InvalidArgument, "500", w.PurgeInstances, purgeBatch(append(ids, id)...))
			w.wantStatus(id, completed)
			w.purged(1, purgeBatch(ids...))
			w.wantGone(id)
			w.wantStatus(live, pending)
		},
	},
	{
		name: "recursive-takes-children-along",
		rule: "A recursive purge removes the children that have ended, and theirs, and counts them; another leaves them",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			for _, name := range []string{"x", "y"} {
				id, middle, leaf := w.start(name), w.id(name+name), w.id(name+name+name)
				k.turnOf(id).answer(child(1, w.orc, middle))
				k.turnOf(middle).answer(child(1, w.orc, leaf))
				k.finish(leaf, "")
				k.finish(middle, "")
				k.finish(id, "")
			}
			r := purgeOf(w.id("x"))
			r.Recursive = true
			w.purged(3, r)
			w.wantGone(w.id("xxx"))
			w.purged(1, purgeOf(w.id("y")))
			w.wantStatus(w.id("yyy"), completed)
		},
	},
	{
		name: "a-filter-names-statuses-and-times",
		rule: "A filter purges what has ended with one of its statuses and was created from its first time, included, to its second; without statuses all that has ended",
		from: documented,
		run: func(w *world) {
			w.ownHub()
			k := w.worker()
			var created []*timestamppb.Timestamp
			for _, name := range []string{"a", "b", "c"} {
				id := w.start(name)
				k.turnOf(id).answer(map[bool]*dtspb.OrchestratorAction{true: fail(1, "E"), false: complete(1, "")}[name == "b"])
				created = append(created, w.state(id).GetCreatedTimestamp())
			}
			live := w.start("live")
			filter := func(f *dtspb.PurgeInstanceFilter) *dtspb.PurgeInstancesRequest {
				return &dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_PurgeInstanceFilter{PurgeInstanceFilter: f}}
			}
			w.purged(0, filter(&dtspb.PurgeInstanceFilter{RuntimeStatus: []dtspb.OrchestrationStatus{terminated, running, pending}}))
			w.purged(1, filter(&dtspb.PurgeInstanceFilter{RuntimeStatus: []dtspb.OrchestrationStatus{failed}}))
			w.wantGone(w.id("b"))
			w.purged(1, filter(&dtspb.PurgeInstanceFilter{CreatedTimeFrom: created[0], CreatedTimeTo: created[1]}))
			w.wantGone(w.id("a"))
			w.purged(1, filter(&dtspb.PurgeInstanceFilter{}))
			w.wantStatus(live, pending)
		},
	},
	{
		name: "the-end-of-a-filters-time-is-not-included",
		rule: "What was created exactly at the end of a filter's time is kept, by a purge as by a query",
		from: decided,
		run: func(w *world) {
			w.ownHub()
			k, id := w.worker(), w.start("a")
			k.finish(id, "")
			at := w.state(id).GetCreatedTimestamp()
			w.purged(0, &dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_PurgeInstanceFilter{
				PurgeInstanceFilter: &dtspb.PurgeInstanceFilter{CreatedTimeTo: at},
			}})
			if r := call(w, w.QueryInstances, &dtspb.QueryInstancesRequest{Query: &dtspb.InstanceQuery{CreatedTimeTo: at}}); len(r.GetOrchestrationState()) != 0 {
				w.Errorf("the query found %v", r)
			}
		},
	},
	{
		name: "a-filter-whose-time-is-over-says-so",
		rule: "A purge by filter stops when its `timeout` is over and says that it is not complete",
		from: decided,
		run: func(w *world) {
			w.ownHub()
			k, id := w.worker(), w.start("a")
			k.finish(id, "")
			r := call(w, w.PurgeInstances, &dtspb.PurgeInstancesRequest{Request: &dtspb.PurgeInstancesRequest_PurgeInstanceFilter{
				PurgeInstanceFilter: &dtspb.PurgeInstanceFilter{Timeout: durationpb.New(1)},
			}})
			if r.GetIsComplete() == nil || r.GetIsComplete().GetValue() {
				w.Errorf("got %v", r)
			}
			w.wantStatus(id, completed)
		},
	},
	{
		name: "an-entity-goes-by-its-id",
		rule: "The id of an entity purges the entity, whatever `isOrchestration` says",
		from: decided,
		run: func(w *world) {
			k := w.worker()
			for _, flag := range []bool{false, true} {
				call(w, w.SignalEntity, &dtspb.SignalEntityRequest{InstanceId: w.entity("a"), Name: "op"})
				k.batch().answer("state")
				r := purgeOf(w.entity("a"))
				r.IsOrchestration = flag
				w.purged(1, r)
				if got := w.entityOf("a"); got != nil {
					w.Errorf("it is still there: %v", got)
				}
			}
		},
	},
}

// query returns the ids that a query finds, page by page.
func (w *world) query(q *dtspb.InstanceQuery) (pages [][]string) {
	w.Helper()
	for range 50 {
		r := call(w, w.QueryInstances, &dtspb.QueryInstancesRequest{Query: q})
		var page []string
		for _, s := range r.GetOrchestrationState() {
			page = append(page, strings.TrimPrefix(s.GetInstanceId(), w.tag))
		}
		pages = append(pages, page)
		if r.GetContinuationToken() == nil {
			return pages
		}
		if r.GetContinuationToken().GetValue() == "" {
			w.Error("an empty token, which some clients follow for ever")
		}
		q.ContinuationToken = r.GetContinuationToken()
	}
	w.Fatal("pages without end")
	return nil
}

// found is query without the pages.
func (w *world) found(q *dtspb.InstanceQuery) []string {
	w.Helper()
	return slices.Concat(w.query(q)...)
}

var queryScenarios = []scenario{
	{
		name: "by-prefix-in-any-case-but-its-own",
		rule: "A query by prefix finds the ids that begin with it, case counts, in the order of creation",
		from: documented,
		run: func(w *world) {
			for _, name := range []string{"b", "Ax", "a", "ax"} {
				w.start(name)
			}
			w.wantSame("all", []string{"b", "Ax", "a", "ax"}, w.found(&dtspb.InstanceQuery{InstanceIdPrefix: text(w.tag)}))
			w.wantSame("a", []string{"a", "ax"}, w.found(&dtspb.InstanceQuery{InstanceIdPrefix: text(w.id("a"))}))
		},
	},
	{
		name: "by-status",
		rule: "A query finds the statuses that it names, and all if it names none",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			k.finish(w.start("done"), "")
			k.turnOf(w.start("failed")).answer(fail(1, "E"))
			k.turnOf(w.start("runs")).answer()
			w.start("waits")
			for want, statuses := range map[string][]dtspb.OrchestrationStatus{
				"done failed": {completed, failed}, "runs": {running}, "waits": {pending}, "": {suspended}, "done failed runs waits": nil,
			} {
				q := &dtspb.InstanceQuery{InstanceIdPrefix: text(w.tag), RuntimeStatus: statuses}
				w.wantSame(fmt.Sprint(statuses), want, strings.Join(w.found(q), " "))
			}
		},
	},
	{
		name: "by-time-of-creation",
		rule: "A query by time finds what was created from its first time, included, and before its second",
		from: documented,
		run: func(w *world) {
			var at []*timestamppb.Timestamp
			for i := range 3 {
				at = append(at, w.state(w.start(fmt.Sprint(i))).GetCreatedTimestamp())
			}
			prefix := text(w.tag)
			w.wantSame("from", []string{"1", "2"}, w.found(&dtspb.InstanceQuery{InstanceIdPrefix: prefix, CreatedTimeFrom: at[1]}))
			later := stamp(at[1].AsTime().Add(-time.Nanosecond))
			w.wantSame("to", []string{"0"}, w.found(&dtspb.InstanceQuery{InstanceIdPrefix: prefix, CreatedTimeTo: later}))
			w.wantSame("between", []string{"0", "1"}, w.found(&dtspb.InstanceQuery{InstanceIdPrefix: prefix, CreatedTimeFrom: at[0], CreatedTimeTo: at[2]}))
		},
	},
	{
		name: "in-pages",
		rule: "Pages have as many instances as asked for, and the last has no token; the token of a page is not empty",
		from: documented,
		run: func(w *world) {
			for i := range 7 {
				w.start(fmt.Sprint(i))
			}
			q := func(n int32) *dtspb.InstanceQuery {
				return &dtspb.InstanceQuery{InstanceIdPrefix: text(w.tag), MaxInstanceCount: n}
			}
			if pages := w.query(q(3)); len(pages[0]) != 3 || len(slices.Concat(pages...)) != 7 {
				w.Errorf("pages of three are %v", pages)
			}
			all := []string{"0", "1", "2", "3", "4", "5", "6"}
			w.wantSame("pages of one", all, w.found(q(1)))
			w.wantSame("the default", all, w.found(q(0)))
			w.wantSame("as many as Python asks for", all, w.found(q(1<<31-1)))
		},
	},
	{
		name: "large-payloads-make-short-pages",
		rule: "A page of instances with large payloads comes short, with a token, so that a client that receives 4 MiB gets it",
		from: decided,
		run: func(w *world) {
			var want []string
			for i := range 6 {
				want = append(want, fmt.Sprint(i))
				w.start(fmt.Sprint(i), input(strings.Repeat("x", maxPayload)))
			}
			q := &dtspb.InstanceQuery{InstanceIdPrefix: text(w.tag), FetchInputsAndOutputs: true}
			r := call(w, w.QueryInstances, &dtspb.QueryInstancesRequest{Query: q})
			if n := proto.Size(r); n > 4<<20 || len(r.GetOrchestrationState()) < 2 {
				w.Errorf("a page of %d has %d bytes", len(r.GetOrchestrationState()), n)
			}
			w.wantSame("all", want, w.found(q))
		},
	},
	{
		name: "a-token-outlives-what-it-names",
		rule: "A token stays good when instances are started and purged: nothing is shown twice or left out",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			for i := range 4 {
				k.finish(w.start(fmt.Sprint(i)), "")
			}
			q := &dtspb.InstanceQuery{InstanceIdPrefix: text(w.tag), MaxInstanceCount: 2}
			q.ContinuationToken = call(w, w.QueryInstances, &dtspb.QueryInstancesRequest{Query: q}).GetContinuationToken()
			w.purged(2, purgeBatch(w.id("0"), w.id("1")))
			w.start("4")
			w.wantSame("the rest", []string{"2", "3", "4"}, w.found(q))
		},
	},
	{
		name: "payloads-come-when-they-are-asked-for",
		rule: "A query shows input, output and failure if `fetchInputsAndOutputs` is set, and neither input nor output if not",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", input("in"))
			k.turnOf(id).answer(fail(1, "E"))
			q := &dtspb.InstanceQuery{InstanceIdPrefix: text(w.tag)}
			one := func() *dtspb.OrchestrationState {
				r := call(w, w.QueryInstances, &dtspb.QueryInstancesRequest{Query: q})
				if len(r.GetOrchestrationState()) != 1 {
					w.Fatalf("got %v", r)
				}
				return r.GetOrchestrationState()[0]
			}
			if s := one(); s.GetInput() != nil || s.GetOutput() != nil {
				w.Errorf("got %v", s)
			}
			q.FetchInputsAndOutputs = true
			w.wantSame("with payloads", w.state(id), one())
		},
	},
	{
		name: "entities-are-not-found",
		rule: "Entities are in no query for instances",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			call(w, w.SignalEntity, &dtspb.SignalEntityRequest{InstanceId: w.entity("a"), Name: "op"})
			k.batch().answer("state")
			w.wantSame("found", []string(nil), w.found(&dtspb.InstanceQuery{InstanceIdPrefix: text("@" + w.ent)}))
		},
	},
	{
		name: "a-foreign-token-is-refused",
		rule: "A token that is none is `INVALID_ARGUMENT`",
		from: decided,
		run: func(w *world) {
			refused(w, codes.InvalidArgument, "token", w.QueryInstances, &dtspb.QueryInstancesRequest{Query: &dtspb.InstanceQuery{ContinuationToken: text("!")}})
			refused(w, codes.InvalidArgument, "token", w.ListInstanceIds, &dtspb.ListInstanceIdsRequest{LastInstanceKey: text("!")})
		},
	},
}

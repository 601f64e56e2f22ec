package conformance

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// only wants orchestrations of one name and of some versions.
func (w *world) only(versions ...string) *dtspb.GetWorkItemsRequest {
	return &dtspb.GetWorkItemsRequest{WorkItemFilters: &dtspb.WorkItemFilters{
		Orchestrations: []*dtspb.OrchestrationFilter{{Name: w.orc, Versions: versions}},
	}}
}

var dispatchScenarios = []scenario{
	{
		name: "a-stream-is-heard-of-at-once",
		rule: "The first message of a stream is a `HealthPing` without a token, at once",
		from: decided,
		run: func(w *world) {
			k := w.worker()
			item, ok := <-k.items
			if !ok || item.GetHealthPing() == nil || item.GetCompletionToken() != "" {
				w.Errorf("got %v, %v", item, k.ended)
			}
		},
	},
	{
		name: "a-window-bounds-what-a-worker-holds",
		rule: "A worker holds at most as many work items of a kind as its window says; an answer makes room",
		from: documented,
		run: func(w *world) {
			request := &dtspb.GetWorkItemsRequest{
				WorkItemFilters: w.filters(), MaxConcurrentOrchestrationWorkItems: 1, MaxConcurrentActivityWorkItems: 1, MaxConcurrentEntityWorkItems: 1,
			}
			k := w.workerWith(request)
			w.start("a")
			w.start("b")
			one := k.turn()
			other := w.workerWith(request)
			two := other.turn() // had it been at the first, it would not come here
			one.answer(schedule(1, w.act), schedule(2, w.act))
			two.answer()
			if x, y := k.activity(), other.activity(); x.GetTaskId() == y.GetTaskId() {
				w.Errorf("activity %d is at two workers", x.GetTaskId())
			}
			w.start("c")
			w.start("d")
			k.turn()
			other.turn()
			k.wantEmpty()
			other.wantEmpty()
		},
	},
	{
		name: "a-window-of-zero-is-the-default",
		rule: "A maximum of 0 is a default, not none, for each of the three kinds, as JavaScript sends it",
		from: documented,
		run: func(w *world) {
			k := w.worker() // has no maxima
			w.start("a")
			k.turn().answer(schedule(1, w.act), signal(2, w.entity("e"), guid(1), ""))
			k.activity()
			k.batch()
		},
	},
	{
		name: "a-filter-names-what-a-worker-wants",
		rule: "A worker with filters gets nothing but the names in them; what nobody wants waits, Pending, and fails never",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			other := w.start("other", named(w.name("other")))
			for i := range 3 {
				id := w.start(fmt.Sprint(i))
				if t := k.turn(); t.GetInstanceId() != id {
					w.Errorf("got a turn of %s", t.GetInstanceId())
				}
			}
			w.wantStatus(other, pending)
			if t := w.worker(w.name("other")).turn(); t.GetInstanceId() != other {
				w.Errorf("a worker that wants it gets %s", t.GetInstanceId())
			}
		},
	},
	{
		name: "an-empty-category-wants-nothing",
		rule: "With filters, a kind without an entry is not wanted at all",
		from: documented,
		run: func(w *world) {
			turns := w.workerWith(w.only())
			activities := w.workerWith(&dtspb.GetWorkItemsRequest{WorkItemFilters: &dtspb.WorkItemFilters{Activities: []*dtspb.ActivityFilter{{Name: w.act}}}})
			w.start("a")
			turns.turn().answer(schedule(1, w.act), signal(2, w.entity("e"), guid(1), ""))
			activities.activity().answer("done")
			turns.turn().answer(complete(3, ""))
			turns.wantEmpty()
			activities.wantEmpty()
			w.worker().batch()
		},
	},
	{
		name: "without-filters-everything-is-wanted",
		rule: "A worker without filters gets work of all kinds and names",
		from: documented,
		run: func(w *world) {
			w.ownHub()
			k := w.workerWith(&dtspb.GetWorkItemsRequest{})
			w.start("a", named("whatever"), version("7"))
			k.turn().answer(schedule(1, "something"), signal(2, "@somebody@x", guid(1), ""))
			k.activity()
			k.batch()
		},
	},
	{
		name: "a-filter-names-versions",
		rule: "A filter with versions wants exactly those, and an orchestration without a version has the empty one; without versions it wants any",
		from: documented,
		run: func(w *world) {
			one, two := w.start("1", version("1")), w.start("2", version("2"))
			none := w.start("none")
			if t := w.workerWith(w.only("2", "3")).turn(); t.GetInstanceId() != two {
				w.Errorf("version 2 gets %s", t.GetInstanceId())
			}
			if t := w.workerWith(w.only("")).turn(); t.GetInstanceId() != none {
				w.Errorf("no version gets %s", t.GetInstanceId())
			}
			w.wantStatus(one, pending)
			if t := w.workerWith(w.only()).turnOf(one); t.GetInstanceId() != one {
				w.Errorf("any version gets %s", t.GetInstanceId())
			}
		},
	},
	{
		name: "an-activity-has-its-orchestrations-version",
		rule: "An activity without a version is matched by that of its orchestration, one with a version, the empty one too, by its own",
		from: documented,
		run: func(w *world) {
			of := func(version string) *worker {
				return w.workerWith(&dtspb.GetWorkItemsRequest{WorkItemFilters: &dtspb.WorkItemFilters{Activities: []*dtspb.ActivityFilter{{Name: w.act, Versions: []string{version}}}}})
			}
			w.start("a", version("2"))
			own, empty := schedule(2, w.act), schedule(3, w.act)
			own.GetScheduleTask().Version, empty.GetScheduleTask().Version = text("3"), text("")
			w.workerWith(w.only()).turn().answer(schedule(1, w.act), own, empty)
			for version, want := range map[string]int32{"2": 1, "3": 2, "": 3} {
				if got := of(version).activity().GetTaskId(); got != want {
					w.Errorf("version %q gets activity %d, want %d", version, got, want)
				}
			}
		},
	},
	{
		name: "what-is-not-wanted-holds-up-nothing",
		rule: "Work is handed out in the order in which it became ready, and what a worker does not want is passed over",
		from: decided,
		run: func(w *world) {
			var want []string
			for i := range 6 {
				name := w.orc
				if i%2 == 0 {
					name = w.name("unwanted")
				}
				if id := w.start(fmt.Sprint(i), named(name)); i%2 == 1 {
					want = append(want, id)
				}
			}
			k := w.worker()
			var got []string
			for range want {
				got = append(got, k.turn().GetInstanceId())
			}
			w.wantSame("order", want, got)
		},
	},
	{
		name: "a-draining-worker-gets-no-more",
		rule: "After `BeginWorkerDrain` the streams of the caller's `workerid` get nothing more, stay open, and what they hold may be answered",
		from: documented,
		run: func(w *world) {
			mine := w.name("worker")
			k := w.workerWith(&dtspb.GetWorkItemsRequest{WorkItemFilters: w.filters()}, "workerid", mine)
			w.start("a")
			k.turn().answer(schedule(1, w.act))
			a := k.activity()
			w.drain(mine, true)
			w.drain(mine, true) // as often as one likes
			a.answer("done")
			other := w.worker()
			w.wantKinds("turn at another", other.turn().news(), "taskCompleted")
			k.wantEmpty()
		},
	},
	{
		name: "what-a-drained-worker-leaves-goes-on",
		rule: "What a draining worker has not answered is handed to another when its stream ends",
		from: documented,
		run: func(w *world) {
			mine := w.name("worker")
			k := w.workerWith(&dtspb.GetWorkItemsRequest{WorkItemFilters: w.filters()}, "workerid", mine)
			id := w.start("a")
			k.turn()
			w.drain(mine, true)
			other := w.worker()
			fence := w.start("fence")
			if t := other.turn(); t.GetInstanceId() != fence {
				w.Errorf("another got %s", t.GetInstanceId())
			}
			k.lose()
			other.turnOf(id)
		},
	},
	{
		name: "draining-nobody-is-no-error",
		rule: "`BeginWorkerDrain` of a worker that is not connected succeeds and says so",
		from: documented,
		run:  func(w *world) { w.drain(w.name("nobody"), false) },
	},
}

// drain begins to drain a worker.
func (w *world) drain(worker string, want bool) {
	w.Helper()
	r, err := w.backend.BeginWorkerDrain(withHeader(w.ctx, "workerid", worker), &dtspb.BeginWorkerDrainRequest{DrainTimeout: durationpb.New(patience)})
	w.wantCode(err, codes.OK, "")
	if r.GetWorkerFound() != want {
		w.Errorf("worker is found: %t, want %t", r.GetWorkerFound(), want)
	}
}

package conformance

import (
	"fmt"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// wantMetrics checks the backlog of the hub: pending and active of turns,
// activities and entities, and how many workers there are.
func (w *world) wantMetrics(what, want string) {
	w.Helper()
	m := call(w, w.backend.GetMetrics, &dtspb.GetMetricsRequest{}).GetMetrics()
	of := func(i *dtspb.WorkItemMetrics) string { return fmt.Sprintf("%d/%d", i.GetPending(), i.GetActive()) }
	got := fmt.Sprintf("%s %s %s by %d", of(m.GetOrchestratorWorkItems()), of(m.GetActivityWorkItems()), of(m.GetEntityWorkItems()), m.GetConnectedWorkers().GetCount())
	if got != want {
		w.Errorf("%s: pending/active of turns, activities, entities and workers are %q, want %q", what, got, want)
	}
}

var metricsScenarios = []scenario{
	{
		name: "what-waits-and-what-is-at-workers",
		rule: "`GetMetrics` counts for each kind what waits for a worker and what a worker has",
		from: documented,
		run: func(w *world) {
			w.ownHub()
			w.wantMetrics("empty", "0/0 0/0 0/0 by 0")
			w.start("a")
			w.start("b")
			w.signal("e", "")
			w.wantMetrics("started", "2/0 0/0 1/0 by 0")
			k := w.workerWith(&dtspb.GetWorkItemsRequest{
				MaxConcurrentOrchestrationWorkItems: 1, MaxConcurrentActivityWorkItems: 1, MaxConcurrentEntityWorkItems: 1,
			})
			t, b := k.turn(), k.batch()
			w.wantMetrics("at a worker", "1/1 0/0 0/1 by 1")
			b.answer("state")
			t.answer(schedule(1, w.act), schedule(2, w.act))
			k.activity()
			k.turn()
			w.wantMetrics("activities", "0/1 1/1 0/0 by 1")
		},
	},
	{
		name: "an-instance-counts-once",
		rule: "`GetMetrics` counts instances and entities, not their messages",
		from: documented,
		run: func(w *world) {
			w.ownHub()
			id := w.start("a")
			for range 3 {
				w.raise(id, "e", "")
				w.signal("e", "")
			}
			w.wantMetrics("with messages", "1/0 0/0 1/0 by 0")
		},
	},
	{
		name: "what-waits-for-its-time-is-no-backlog",
		rule: "Timers, starts and signals for a time in the future, and instances that wait for events, are not counted",
		from: documented,
		run: func(w *world) {
			w.ownHub()
			k := w.worker()
			w.start("a")
			t := k.turn()
			tomorrow := t.now().Add(24 * time.Hour)
			t.answer(timer(1, tomorrow))
			w.start("b", due(tomorrow))
			call(w, w.SignalEntity, &dtspb.SignalEntityRequest{InstanceId: w.entity("e"), Name: "op", ScheduledTime: stamp(tomorrow)})
			w.wantMetrics("tomorrow's", "0/0 0/0 0/0 by 1")
		},
	},
	{
		name: "what-nobody-wants-is-backlog",
		rule: "Work that no connected worker wants is pending: it is what workers are to be started for",
		from: documented,
		run: func(w *world) {
			w.ownHub()
			k := w.worker()
			w.start("a")
			w.start("other", named(w.name("other")))
			k.turn()
			w.wantMetrics("with another", "1/1 0/0 0/0 by 1")
		},
	},
	{
		name: "workers-count-by-their-id",
		rule: "Streams with the same `workerid` are one worker, streams without one are one each",
		from: decided,
		run: func(w *world) {
			w.ownHub()
			for i := range 2 {
				for _, headers := range [][]string{{"workerid", "one"}, nil} {
					k := w.workerWith(&dtspb.GetWorkItemsRequest{MaxConcurrentOrchestrationWorkItems: 1}, headers...)
					w.start(fmt.Sprint(i, len(headers)))
					k.turn() // it is connected
				}
			}
		},
	},
}

package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// guid makes the ids that workers send with requests, which .NET parses.
func guid(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

// isGUID is what .NET parses as one.
var isGUID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// signal sends an operation with an input to an entity of the scenario.
func (w *world) signal(key, input string) {
	w.Helper()
	call(w, w.SignalEntity, &dtspb.SignalEntityRequest{InstanceId: w.entity(key), Name: "op", Input: text(input)})
}

// entityOf returns an entity with its state, nil if it does not exist.
func (w *world) entityOf(key string) *dtspb.EntityMetadata {
	w.Helper()
	r := call(w, w.GetEntity, &dtspb.GetEntityRequest{InstanceId: w.entity(key), IncludeState: true})
	if r.GetExists() != (r.GetEntity() != nil) {
		w.Errorf("entity %q: exists is %t with %v", key, r.GetExists(), r.GetEntity())
	}
	return r.GetEntity()
}

// takeOperations collects the operations of an entity until there are n, in batches that it
// answers with what it has so far as the state.
func (k *worker) takeOperations(n int) (inputs []string) {
	k.w.Helper()
	for len(inputs) < n {
		b := k.batch()
		inputs = append(inputs, b.operations()...)
		b.answer(strings.Join(inputs, " "))
	}
	return inputs
}

var entityScenarios = []scenario{
	{
		name: "a-signal-runs-an-operation",
		rule: "A signal comes in a V2 work item as `EntityOperationSignaled` with its operation, input and a request id, behind no state; the answer makes the state",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			call(w, w.SignalEntity, &dtspb.SignalEntityRequest{InstanceId: w.entity("a"), Name: "Add", Input: text("1"), RequestId: guid(1)})
			b := k.batch()
			if b.GetInstanceId() != w.entity("a") || b.GetEntityState() != nil || len(b.GetOperationRequests()) != 1 {
				w.Fatalf("got %v", b)
			}
			got := b.GetOperationRequests()[0].GetEntityOperationSignaled()
			if got.GetOperation() != "Add" || got.GetInput().GetValue() != "1" || got.GetRequestId() != guid(1) {
				w.Errorf("got %v", got)
			}
			b.answer("one")
			e := w.entityOf("a")
			if e.GetInstanceId() != w.entity("a") || e.GetSerializedState().GetValue() != "one" || e.GetLastModifiedTime() == nil || e.GetLockedBy() != nil {
				w.Errorf("got %v", e)
			}
			w.signal("a", "2")
			w.wantSame("state at the worker", text("one"), k.batch().GetEntityState())
		},
	},
	{
		name: "the-execution-id-stays",
		rule: "A batch has an execution id of 32 hexadecimal digits, the same until the entity is deleted",
		from: decided,
		run: func(w *world) {
			k := w.worker()
			w.signal("a", "1")
			b := k.batch()
			b.answer("state")
			w.signal("a", "2")
			if again := k.batch(); !madeID.MatchString(b.GetExecutionId()) || again.GetExecutionId() != b.GetExecutionId() {
				w.Errorf("execution ids are %q and %q", b.GetExecutionId(), again.GetExecutionId())
			}
		},
	},
	{
		name: "signals-run-in-order",
		rule: "Signals of one sender run in their order, each once",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			var want []string
			for i := range 20 {
				w.signal("a", fmt.Sprint(i))
				want = append(want, fmt.Sprint(i))
			}
			w.wantSame("operations", want, k.takeOperations(20))
			w.wantSame("backlog", int32(0), w.entityOf("a").GetBacklogQueueSize())
		},
	},
	{
		name: "names-are-in-lower-case-and-keys-are-not",
		rule: "Names of entities come in any case and are kept in lower case, keys as they are",
		from: decided,
		run: func(w *world) {
			k := w.worker()
			call(w, w.SignalEntity, &dtspb.SignalEntityRequest{InstanceId: "@" + strings.ToUpper(w.ent) + "@Key", Name: "op"})
			b := k.batch()
			if b.GetInstanceId() != w.entity("Key") {
				w.Errorf("the batch is of %q", b.GetInstanceId())
			}
			b.answer("state")
			if w.entityOf("Key") == nil || w.entityOf("key") != nil {
				w.Error("keys differ by case")
			}
		},
	},
	{
		name: "keys-are-any-text",
		rule: "Keys of entities may have special characters",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			for _, key := range []string{"a@b", "a/b c", "a:b.c+d", "ключ", "%2F"} {
				w.signal(key, key)
				b := k.batch()
				if b.GetInstanceId() != w.entity(key) {
					w.Errorf("%q: the batch is of %q", key, b.GetInstanceId())
				}
				b.answer(key)
				w.wantSame(key, text(key), w.entityOf(key).GetSerializedState())
			}
		},
	},
	{
		name: "an-id-has-at-most-100-characters",
		rule: "An entity's id of more than 100 characters is `INVALID_ARGUMENT`, as is one that is not of the form `@name@key`",
		from: documented,
		run: func(w *world) {
			longest := strings.Repeat("x", 100-len(w.entity("")))
			w.signal(longest, "")
			for _, id := range []string{w.entity(longest + "x"), "counter", "@counter", "", "@@key"} {
				refused(w, codes.InvalidArgument, "", w.SignalEntity, &dtspb.SignalEntityRequest{InstanceId: id, Name: "op"})
				refused(w, codes.InvalidArgument, "", w.GetEntity, &dtspb.GetEntityRequest{InstanceId: id})
			}
			w.worker().batch().answer("state")
		},
	},
	{
		name: "without-a-state-it-does-not-exist",
		rule: "An entity without a state does not exist, though it has messages; one that deletes its state is gone, and can come again",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			for range 2 {
				w.signal("a", "make")
				if e := w.entityOf("a"); e != nil {
					w.Errorf("before its first operation it is %v", e)
				}
				b := k.batch()
				if b.GetEntityState() != nil {
					w.Errorf("its state is %v", b.GetEntityState())
				}
				b.answer("state")
				w.wantSame("state", text("state"), w.entityOf("a").GetSerializedState())
				w.signal("a", "delete")
				b = k.batch()
				r := b.response("")
				r.EntityState = nil
				call(w, w.CompleteEntityTask, r)
				if e := w.entityOf("a"); e != nil {
					w.Errorf("after it has deleted its state it is %v", e)
				}
			}
		},
	},
	{
		name: "the-state-comes-when-it-is-asked-for",
		rule: "`GetEntity` shows the state only if it is asked for; an empty state is one",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.signal("a", "")
			k.batch().answer("")
			w.wantSame("with state", text(""), w.entityOf("a").GetSerializedState())
			r := call(w, w.GetEntity, &dtspb.GetEntityRequest{InstanceId: w.entity("a")})
			if !r.GetExists() || r.GetEntity().GetSerializedState() != nil {
				w.Errorf("without state: got %v", r)
			}
		},
	},
	{
		name: "a-delayed-signal-runs-at-its-time",
		rule: "A signal for a time in the future runs then, not before, and once",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			at := w.now().Add(300 * time.Millisecond)
			call(w, w.SignalEntity, &dtspb.SignalEntityRequest{InstanceId: w.entity("a"), Name: "op", Input: text("late"), ScheduledTime: stamp(at)})
			w.signal("a", "now")
			ran := k.takeOperations(2)
			if changed := w.entityOf("a").GetLastModifiedTime().AsTime(); changed.Before(at) {
				w.Errorf("it ran at %v, %v before its time", changed, at.Sub(changed))
			}
			if slices.Sort(ran); !slices.Equal(ran, []string{"late", "now"}) {
				w.Errorf("operations are %v", ran)
			}
			w.signal("a", "fence")
			w.wantSame("next batch", []string{"fence"}, k.batch().operations())
		},
	},
	{
		name: "a-delayed-signal-is-nothing-yet",
		rule: "Until its time a delayed signal neither makes the entity exist nor counts as its backlog",
		from: documented,
		run: func(w *world) {
			w.ownHub()
			k := w.worker()
			tomorrow := stamp(w.now().AddDate(0, 0, 1))
			call(w, w.SignalEntity, &dtspb.SignalEntityRequest{InstanceId: w.entity("a"), Name: "op", ScheduledTime: tomorrow})
			if e := w.entityOf("a"); e != nil {
				w.Errorf("it exists: %v", e)
			}
			w.signal("a", "now")
			b := k.batch()
			w.wantSame("operations", []string{"now"}, b.operations())
			b.answer("state")
			w.wantSame("backlog", int32(0), w.entityOf("a").GetBacklogQueueSize())
		},
	},
	{
		name: "an-orchestration-signals",
		rule: "A signal of an orchestration reaches the entity, and its history has `EntityOperationSignaled` with the id of the action; nothing comes back",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(signal(5, w.entity("a"), guid(7), "in"))
			b := k.batch()
			s := b.GetOperationRequests()[0].GetEntityOperationSignaled()
			if s.GetRequestId() != guid(7) || s.GetInput().GetValue() != "in" {
				w.Errorf("got %v", s)
			}
			b.answer("state")
			events := w.wantHistory(id, "orchestratorStarted", "executionStarted", "entityOperationSignaled")
			if e := events[2]; e.GetEventId() != 5 || e.GetEntityOperationSignaled().GetTargetInstanceId().GetValue() != w.entity("a") {
				w.Errorf("got %v", e)
			}
			w.raise(id, "fence", "")
			w.wantKinds("next turn", k.turn().news(), "eventRaised")
		},
	},
	{
		name: "a-call-says-who-asks",
		rule: "A call comes as `EntityOperationCalled` with the ids of the orchestration and its execution, whatever the worker left out",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			t.answer(ask(5, w.entity("a"), guid(7), "in"))
			got := k.batch().GetOperationRequests()[0].GetEntityOperationCalled()
			if got.GetRequestId() != guid(7) || got.GetInput().GetValue() != "in" || got.GetOperation() != "op" ||
				got.GetParentInstanceId().GetValue() != id || got.GetParentExecutionId().GetValue() != t.GetExecutionId().GetValue() {
				w.Errorf("got %v", got)
			}
		},
	},
	{
		name: "a-call-is-answered",
		rule: "The result of a call comes as `EntityOperationCompleted` with the request id, once, also when the worker leaves out `operationInfos`",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(ask(5, w.entity("a"), guid(7), "in"))
			b := k.batch()
			r := b.response("state")
			out := "out"
			r.Results[0] = succeeded(&out)
			call(w, w.CompleteEntityTask, r)
			t := k.turn()
			w.wantKinds("turn", t.news(), "entityOperationCompleted")
			w.wantSame("event", &dtspb.EntityOperationCompletedEvent{RequestId: guid(7), Output: text("out")}, t.news()[0].GetEntityOperationCompleted())
			t.answer(complete(6, ""))
			w.wantHistory(id, "orchestratorStarted", "executionStarted", "entityOperationCalled", "orchestratorStarted", "entityOperationCompleted", "executionCompleted")
		},
	},
	{
		name: "a-failed-call-keeps-its-failure",
		rule: "An operation that failed comes as `EntityOperationFailed` with its failure as it was; the other operations of the batch count",
		from: documented,
		run: func(w *world) {
			k, _ := w.worker(), w.start("a")
			k.turn().answer(ask(1, w.entity("a"), guid(1), "bad"), ask(2, w.entity("a"), guid(2), "good"))
			var asked []string
			var fails []*dtspb.EntityOperationFailedEvent
			var done []*dtspb.EntityOperationCompletedEvent
			for len(asked) < 2 {
				b := k.batch()
				r := b.response("good")
				for i, op := range b.operations() {
					if asked = append(asked, op); op == "bad" {
						r.Results[i] = broke(failure())
					}
				}
				call(w, w.CompleteEntityTask, r)
			}
			for len(fails)+len(done) < 2 {
				t := k.turn()
				fails = append(fails, all(t.news(), (*dtspb.HistoryEvent).GetEntityOperationFailed)...)
				done = append(done, all(t.news(), (*dtspb.HistoryEvent).GetEntityOperationCompleted)...)
				t.answer()
			}
			w.wantSame("failed", []*dtspb.EntityOperationFailedEvent{{RequestId: guid(1), FailureDetails: failure()}}, fails)
			w.wantSame("completed", []*dtspb.EntityOperationCompletedEvent{{RequestId: guid(2)}}, done)
			w.wantSame("state", text("good"), w.entityOf("a").GetSerializedState())
		},
	},
	{
		name: "an-answer-for-an-ended-caller-is-dropped",
		rule: "The answer of a call whose orchestration has ended, or continued as new, reaches nobody",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(ask(1, w.entity("a"), guid(1), ""), continueAsNew(2, ""))
			next := k.turn()
			k.batch().answer("state")
			next.answer()
			w.raise(id, "fence", "")
			w.wantKinds("turn of the next execution", k.turn().news(), "eventRaised")
		},
	},
}

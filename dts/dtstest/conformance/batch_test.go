package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func sendSignal(id int32, entity, input string, at *timestamppb.Timestamp) *dtspb.OperationAction {
	return &dtspb.OperationAction{Id: id, OperationActionType: &dtspb.OperationAction_SendSignal{
		SendSignal: &dtspb.SendSignalAction{InstanceId: entity, Name: "op", Input: text(input), ScheduledTime: at},
	}}
}

func startNew(id int32, start *dtspb.StartNewOrchestrationAction) *dtspb.OperationAction {
	return &dtspb.OperationAction{Id: id, OperationActionType: &dtspb.OperationAction_StartNewOrchestration{StartNewOrchestration: start}}
}

var batchScenarios = []scenario{
	{
		name: "one-batch-of-an-entity-at-a-time",
		rule: "An entity has one work item at a time: what arrives meanwhile is in the next, in one batch, and counts as its backlog",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.signal("a", "1")
			k.batch().answer("1")
			w.signal("a", "2")
			b := k.batch()
			w.signal("a", "3")
			w.signal("a", "4")
			w.signal("fence", "")
			if other := k.batch(); other.GetInstanceId() != w.entity("fence") {
				w.Errorf("another batch of the entity is out: %v", other)
			}
			if n := w.entityOf("a").GetBacklogQueueSize(); n < 2 {
				w.Errorf("backlog is %d", n)
			}
			b.answer("1 2")
			b = k.batch()
			w.wantSame("next batch", []string{"3", "4"}, b.operations())
			w.wantSame("its state", text("1 2"), b.GetEntityState())
		},
	},
	{
		name: "operations-without-a-result-come-again",
		rule: "With fewer results than operations, the operations behind come again, in front of what has arrived since",
		from: documented,
		run: func(w *world) {
			for _, op := range []string{"1", "2", "3"} {
				w.signal("a", op)
			}
			k := w.worker()
			b := k.batch()
			w.wantSame("operations", []string{"1", "2", "3"}, b.operations())
			w.signal("a", "4")
			r := b.response("1")
			r.Results = r.GetResults()[:1]
			call(w, w.CompleteEntityTask, r)
			b = k.batch()
			w.wantSame("next batch", []string{"2", "3", "4"}, b.operations())
			w.wantSame("its state", text("1"), b.GetEntityState())
		},
	},
	{
		name: "a-failed-batch-changes-nothing",
		rule: "An answer with `failureDetails` changes no state, answers no call and sends nothing; the batch comes again",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			k.turn().answer(ask(1, w.entity("a"), guid(1), "in"))
			b := k.batch()
			r := b.response("wrong")
			r.FailureDetails, r.Actions = failure(), []*dtspb.OperationAction{sendSignal(1, w.entity("b"), "wrong", nil)}
			call(w, w.CompleteEntityTask, r)
			again := k.batch()
			if again.GetInstanceId() != w.entity("a") || again.GetEntityState() != nil || again.token == b.token {
				w.Errorf("got %v", again)
			}
			w.wantSame("operations", []string{"in"}, again.operations())
			again.answer("right")
			w.wantKinds("turn", k.turnOf(id).news(), "entityOperationCompleted")
			w.wantSame("state", text("right"), w.entityOf("a").GetSerializedState())
			k.wantEmpty()
		},
	},
	{
		name: "a-worker-that-lacks-the-state-gets-it",
		rule: "An answer with `requiresState` changes nothing, and the batch comes again with the state and another token",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.signal("a", "1")
			k.batch().answer("state")
			w.signal("a", "2")
			b := k.batch()
			r := b.response("wrong")
			r.RequiresState = true
			call(w, w.CompleteEntityTask, r)
			again := k.batch()
			w.wantSame("state", text("state"), again.GetEntityState())
			w.wantSame("operations", []string{"2"}, again.operations())
			if again.token == b.token {
				w.Errorf("the token is the same, %q", b.token)
			}
		},
	},
	{
		name: "entities-signal-each-other",
		rule: "A signal of an entity reaches another with a request id that is a GUID; one for a time in the future waits for it",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			at := w.now().Add(250 * time.Millisecond)
			w.signal("a", "")
			k.batch().answer("state", sendSignal(1, w.entity("b"), "late", stamp(at)), sendSignal(2, w.entity("b"), "now", nil))
			var ran []string
			for len(ran) < 2 { // in one batch on a machine that is very slow
				b := k.batch()
				ran = append(ran, b.operations()...)
				for _, e := range b.GetOperationRequests() {
					if id := e.GetEntityOperationSignaled().GetRequestId(); !isGUID.MatchString(id) {
						w.Errorf("the request id is %q", id)
					}
				}
				b.answer("state")
			}
			w.wantSame("operations", []string{"now", "late"}, ran)
			if changed := w.entityOf("b").GetLastModifiedTime().AsTime(); changed.Before(at) {
				w.Errorf("it ran at %v, %v before its time", changed, at.Sub(changed))
			}
		},
	},
	{
		name: "an-entity-starts-orchestrations",
		rule: "An orchestration that an entity starts has the name, version, input and id that it says, an id that is made if it says none, and no parent",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			w.signal("a", "")
			k.batch().answer("state",
				startNew(1, &dtspb.StartNewOrchestrationAction{InstanceId: w.id("a"), Name: w.orc, Version: text("2"), Input: text("in")}),
				startNew(2, &dtspb.StartNewOrchestrationAction{Name: w.orc}))
			var ids []string
			for range 2 {
				t := k.turn()
				s := first(w, t.news(), (*dtspb.HistoryEvent).GetExecutionStarted)
				if s.GetParentInstance() != nil || w.state(t.GetInstanceId()).GetParentInstanceId() != nil {
					w.Errorf("it has a parent: %v", s)
				}
				if t.GetInstanceId() == w.id("a") && (s.GetVersion().GetValue() != "2" || s.GetInput().GetValue() != "in") {
					w.Errorf("got %v", s)
				}
				ids = append(ids, t.GetInstanceId())
			}
			i := slices.IndexFunc(ids, madeID.MatchString)
			if i < 0 || ids[1-i] != w.id("a") {
				w.Fatalf("ids are %v", ids)
			}
			w.made = append(w.made, ids[i])
		},
	},
	{
		name: "a-start-may-be-for-later",
		rule: "An orchestration that an entity starts for a time in the future begins then",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			at := w.now().Add(250 * time.Millisecond)
			tomorrow := stamp(at.AddDate(0, 0, 1))
			w.signal("a", "")
			k.batch().answer("state",
				startNew(1, &dtspb.StartNewOrchestrationAction{InstanceId: w.id("tomorrow"), Name: w.orc, ScheduledTime: tomorrow}),
				startNew(2, &dtspb.StartNewOrchestrationAction{InstanceId: w.id("soon"), Name: w.orc, ScheduledTime: stamp(at)}))
			w.wantSame("scheduled", tomorrow, w.state(w.id("tomorrow")).GetScheduledStartTimestamp())
			if t := k.turn(); t.GetInstanceId() != w.id("soon") || t.now().Before(at) {
				w.Errorf("%s began at %v, %v before its time", t.GetInstanceId(), t.now(), at.Sub(t.now()))
			}
		},
	},
	{
		name: "a-second-start-is-dropped",
		rule: "An orchestration that an entity starts under an id that is taken is not started, and the batch counts",
		from: decided,
		run: func(w *world) {
			k := w.worker()
			id := w.start("a", named(w.name("other")), input("first"))
			w.signal("a", "")
			k.batch().answer("state", startNew(1, &dtspb.StartNewOrchestrationAction{InstanceId: id, Name: w.orc, Input: text("second")}))
			w.wantSame("input", text("first"), w.state(id).GetInput())
			w.wantSame("state", text("state"), w.entityOf("a").GetSerializedState())
		},
	},
	{
		name: "a-state-that-is-too-large-fails-the-batch",
		rule: "A state above the limit is taken and fails the operations of the batch with `PayloadTooLarge`; the state stays as it was",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			w.signal("a", "")
			k.batch().answer("before")
			k.turn().answer(ask(1, w.entity("a"), guid(1), ""))
			k.batch().answer(strings.Repeat("x", maxPayload+1))
			f := first(w, k.turnOf(id).news(), (*dtspb.HistoryEvent).GetEntityOperationFailed)
			if f.GetFailureDetails().GetErrorType() != "PayloadTooLarge" || f.GetRequestId() != guid(1) {
				w.Errorf("got %v", f)
			}
			w.wantSame("state", text("before"), w.entityOf("a").GetSerializedState())
		},
	},
	{
		name: "large-operations-come-in-several-batches",
		rule: "Operations that are large come in several batches, in order, each small enough for a worker that receives 4 MiB",
		from: decided,
		run: func(w *world) {
			var want, got []string
			for i := range 6 {
				want = append(want, fmt.Sprint(i))
				w.signal("a", fmt.Sprint(i)+strings.Repeat("x", 900<<10))
			}
			for k := w.worker(); len(got) < len(want); {
				b := k.batch()
				if n := proto.Size(b.EntityRequest); n > 4<<20 {
					w.Errorf("a batch has %d bytes", n)
				}
				for _, op := range b.operations() {
					got = append(got, op[:1])
				}
				b.answer("state")
			}
			w.wantSame("operations", want, got)
		},
	},
	{
		name: "an-answer-without-results-is-an-abandon",
		rule: "An answer without a result for any operation, and without a failure, changes nothing, and the batch comes again after a while",
		from: decided,
		run: func(w *world) {
			w.signal("a", "1")
			k := w.worker()
			b := k.batch()
			r := b.response("wrong")
			r.Results = nil
			call(w, w.CompleteEntityTask, r)
			w.signal("fence", "")
			if first := k.batch(); first.GetInstanceId() != w.entity("fence") {
				w.Fatalf("it came at once: %v", first)
			}
			again := k.batch()
			w.wantSame("operations", []string{"1"}, again.operations())
			if again.GetEntityState() != nil || again.token == b.token {
				w.Errorf("got %v", again)
			}
			again.answer("right")
			w.wantSame("state", text("right"), w.entityOf("a").GetSerializedState())
		},
	},
}

package conformance

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// noHub is a name that no hub has; ours could not have it, for the underscores.
const noHub = "there_is_no_such_hub"

var hubScenarios = []scenario{
	{
		name: "hello-is-answered",
		rule: "`Hello` of a hub that is there is answered, as is `Ping`",
		from: documented,
		run: func(w *world) {
			call(w, w.Hello, &emptypb.Empty{})
			call(w, w.backend.Ping, &dtspb.PingRequest{})
		},
	},
	{
		name: "an-unknown-hub-is-not-found",
		rule: "A call to a hub that is not there is `NOT_FOUND`, with `Task hub not found:` and its name",
		from: documented,
		run: func(w *world) {
			w.enter(noHub)
			refused(w, codes.NotFound, "Task hub not found: "+noHub, w.StartInstance, &dtspb.CreateInstanceRequest{Name: w.orc})
			w.worker().wantEnd(codes.NotFound, "Task hub not found: "+noHub)
		},
	},
	{
		name: "hello-tells-of-an-unknown-hub",
		rule: "`Hello` and `GetMetrics` of a hub that is not there are `NOT_FOUND`, so that a wrong name shows when a worker starts",
		from: decided,
		run: func(w *world) {
			w.enter(noHub)
			refused(w, codes.NotFound, noHub, w.Hello, &emptypb.Empty{})
			refused(w, codes.NotFound, noHub, w.backend.GetMetrics, &dtspb.GetMetricsRequest{})
		},
	},
	{
		name: "the-header-of-functions-names-the-hub",
		rule: "The header `durable-taskhub` names the hub where `taskhub` does not",
		from: decided,
		run: func(w *world) {
			_, err := w.Hello(metadata.AppendToOutgoingContext(w.Context(), "durable-taskhub", noHub), &emptypb.Empty{})
			w.wantCode(err, codes.NotFound, noHub)
		},
	},
	{
		name: "without-a-header-it-is-the-default",
		rule: "A caller that names no hub is in `default`",
		from: decided,
		run: func(w *world) {
			w.enter("default")
			if _, err := w.Hello(w.ctx, &emptypb.Empty{}); err != nil {
				w.forbidden("there is no hub named default", err)
			}
			id := w.start("a")
			r, err := w.GetInstance(w.Context(), &dtspb.GetInstanceRequest{InstanceId: id})
			if err != nil || !r.GetExists() {
				w.Errorf("got %v, %v, want the instance", r, err)
			}
			call(w, w.SkipGracefulOrchestrationTerminations, skip(id))
			call(w, w.PurgeInstances, purgeOf(id))
		},
	},
	{
		name: "hubs-know-nothing-of-each-other",
		rule: "Ids, work and completion tokens of a hub are nothing to another",
		from: documented,
		run: func(w *world) {
			one, two := w.newHub("one"), w.newHub("two")
			w.enter(one)
			id := w.start("a", input("one"))
			ours := w.worker()
			w.enter(two)
			w.wantGone(id)
			w.start("a", input("two"))
			theirs := w.worker().turn()
			if got := first(w, theirs.news(), (*dtspb.HistoryEvent).GetExecutionStarted).GetInput().GetValue(); got != "two" {
				w.Errorf("hub two handed out %q", got)
			}
			mine := ours.turn()
			mine.tooLate() // to the other hub
			w.enter(one)
			mine.answer(complete(1, "in one"))
			w.wantStatus(id, completed)
			w.enter(two)
			w.wantStatus(id, pending)
		},
	},
	{
		name: "creating-keeps-what-is-there",
		rule: "`CreateTaskHub` leaves a hub that is there as it is, and empties it with `recreateIfExists`",
		from: documented,
		run: func(w *world) {
			w.ownHub()
			id := w.start("a")
			call(w, w.CreateTaskHub, &dtspb.CreateTaskHubRequest{})
			w.wantStatus(id, pending)
			call(w, w.CreateTaskHub, &dtspb.CreateTaskHubRequest{RecreateIfExists: true})
			w.wantGone(id)
		},
	},
	{
		name: "deleting-removes-all",
		rule: "`DeleteTaskHub` removes the hub with all that is in it",
		from: documented,
		run: func(w *world) {
			w.ownHub()
			id := w.start("a")
			call(w, w.DeleteTaskHub, &dtspb.DeleteTaskHubRequest{})
			call(w, w.CreateTaskHub, &dtspb.CreateTaskHubRequest{})
			w.wantGone(id)
		},
	},
	{
		name: "deleting-nothing-is-no-error",
		rule: "`DeleteTaskHub` of a hub that is not there succeeds",
		from: decided,
		run: func(w *world) {
			w.ownHub()
			call(w, w.DeleteTaskHub, &dtspb.DeleteTaskHubRequest{})
			call(w, w.DeleteTaskHub, &dtspb.DeleteTaskHubRequest{})
		},
	},
	{
		name: "deleting-ends-streams-and-waits",
		rule: "Streams and waits in a hub that is deleted end with `NOT_FOUND`",
		from: decided,
		run: func(w *world) {
			w.ownHub()
			k, id := w.worker(), w.start("a")
			k.turn()
			waiting := make(chan error, 1)
			go func() {
				_, err := w.WaitForInstanceCompletion(w.ctx, &dtspb.GetInstanceRequest{InstanceId: id})
				waiting <- err
			}()
			call(w, w.DeleteTaskHub, &dtspb.DeleteTaskHubRequest{})
			k.wantEnd(codes.NotFound, "Task hub not found")
			// A wait that came later is in the hub that was made anew, and finds nothing.
			call(w, w.CreateTaskHub, &dtspb.CreateTaskHubRequest{})
			w.start("a")
			k = w.worker()
			k.finish(id, "")
			if err := <-waiting; err != nil {
				w.wantCode(err, codes.NotFound, "Task hub not found")
			}
		},
	},
}

// skip ends instances without their workers.
func skip(ids ...string) *dtspb.SkipGracefulOrchestrationTerminationsRequest {
	return &dtspb.SkipGracefulOrchestrationTerminationsRequest{InstanceBatch: &dtspb.InstanceBatch{InstanceIds: ids}, Reason: text("skipped")}
}

package conformance

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// waiting waits for an instance on the side.
func (w *world) waiting(wait method[*dtspb.GetInstanceRequest, *dtspb.GetInstanceResponse], id string) <-chan *dtspb.OrchestrationState {
	found := make(chan *dtspb.OrchestrationState, 1)
	go func() {
		r, err := wait(w.ctx, &dtspb.GetInstanceRequest{InstanceId: id, GetInputsAndOutputs: true})
		if err != nil || !r.GetExists() {
			w.Errorf("wait for %s: got %v, %v", id, r, err)
		}
		found <- r.GetOrchestrationState()
	}()
	return found
}

var readScenarios = []scenario{
	{
		name: "an-unknown-id-does-not-exist",
		rule: "`GetInstance` of an unknown id is no error, and `exists` is false",
		from: documented,
		run:  func(w *world) { w.wantGone(w.id("nobody")) },
	},
	{
		name: "an-entity-is-no-instance",
		rule: "`GetInstance` of an entity's id says that it does not exist",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			call(w, w.SignalEntity, &dtspb.SignalEntityRequest{InstanceId: w.entity("a"), Name: "op"})
			k.batch().answer("state")
			w.wantGone(w.entity("a"))
		},
	},
	{
		name: "payloads-come-when-they-are-asked-for",
		rule: "Input and output are absent unless the request asks for them",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a", input("in"))
			k.finish(id, "out")
			s := call(w, w.GetInstance, &dtspb.GetInstanceRequest{InstanceId: id}).GetOrchestrationState()
			if s.GetOrchestrationStatus() != completed || s.GetInput() != nil || s.GetOutput() != nil {
				w.Errorf("got %v", s)
			}
			if s := w.state(id); s.GetInput().GetValue() != "in" || s.GetOutput().GetValue() != "out" {
				w.Errorf("got %v", s)
			}
		},
	},
	{
		name: "the-custom-status-comes-always",
		rule: "The custom status is shown whether payloads are asked for or not",
		from: decided,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			r := t.response()
			r.CustomStatus = text("half")
			call(w, w.CompleteOrchestratorTask, r)
			s := call(w, w.GetInstance, &dtspb.GetInstanceRequest{InstanceId: id}).GetOrchestrationState()
			if s.GetCustomStatus().GetValue() != "half" {
				w.Errorf("got %v", s)
			}
		},
	},
	{
		name: "pending-until-the-first-turn-is-committed",
		rule: "An instance is Pending while a worker has its first turn, and Running when that is committed; a wait for the start ends then",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			t := k.turn()
			begun := w.waiting(w.WaitForInstanceStart, id)
			w.wantStatus(id, pending)
			ctx, cancel := context.WithTimeout(w.ctx, 50*time.Millisecond)
			defer cancel()
			_, err := w.WaitForInstanceStart(ctx, &dtspb.GetInstanceRequest{InstanceId: id})
			w.wantCode(err, codes.DeadlineExceeded, "")
			t.answer()
			if s := <-begun; s.GetOrchestrationStatus() != running {
				w.Errorf("the wait ended with %v", s)
			}
			w.wantStatus(id, running)
		},
	},
	{
		name: "a-wait-ends-with-the-instance",
		rule: "A wait for completion ends with the instance, with its output and the time of its end; one for an instance that has ended returns at once",
		from: documented,
		run: func(w *world) {
			k, id := w.worker(), w.start("a")
			end := w.waiting(w.WaitForInstanceCompletion, id)
			k.finish(id, "out")
			for range 2 {
				if s := <-end; s.GetOrchestrationStatus() != completed || s.GetOutput().GetValue() != "out" || s.GetCompletedTimestamp() == nil {
					w.Errorf("got %v", s)
				}
				end = w.waiting(w.WaitForInstanceCompletion, id)
			}
			<-end
		},
	},
	{
		name: "a-wait-has-its-callers-deadline",
		rule: "A wait whose deadline passes is `DEADLINE_EXCEEDED`",
		from: documented,
		run: func(w *world) {
			id := w.start("a")
			for _, wait := range []method[*dtspb.GetInstanceRequest, *dtspb.GetInstanceResponse]{w.WaitForInstanceStart, w.WaitForInstanceCompletion} {
				ctx, cancel := context.WithTimeout(w.ctx, 50*time.Millisecond)
				_, err := wait(ctx, &dtspb.GetInstanceRequest{InstanceId: id})
				w.wantCode(err, codes.DeadlineExceeded, "")
				cancel()
			}
		},
	},
	{
		name: "an-unknown-id-is-waited-for",
		rule: "A wait for an id that is not there yet goes on until it is",
		from: decided,
		run: func(w *world) {
			end := w.waiting(w.WaitForInstanceCompletion, w.id("a"))
			ctx, cancel := context.WithTimeout(w.ctx, 50*time.Millisecond)
			defer cancel()
			_, err := w.WaitForInstanceStart(ctx, &dtspb.GetInstanceRequest{InstanceId: w.id("a")})
			w.wantCode(err, codes.DeadlineExceeded, "")
			k, id := w.worker(), w.start("a")
			k.finish(id, "out")
			if s := <-end; s.GetOutput().GetValue() != "out" {
				w.Errorf("got %v", s)
			}
		},
	},
}

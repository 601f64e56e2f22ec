package hub_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/hub"
)

// TestWhatIsIdleCountsWithAllItsBytes: only histories counted, so that inputs,
// events, states and operations could take any memory.
func TestWhatIsIdleCountsWithAllItsBytes(t *testing.T) {
	const size = 100_000
	payload := wrapperspb.String(strings.Repeat("x", size))
	input := &dtspb.CreateInstanceRequest{InstanceId: "a", Name: "orc", Input: payload}
	signal := engine.Signal{ID: "@e@a", Event: &dtspb.EntityOperationSignaledEvent{Operation: "op", Input: payload}}
	for name, tc := range map[string]struct {
		cmds []engine.Command
		want int64
	}{
		"the input of one that is pending": {[]engine.Command{engine.Start{Request: input}}, size},
		"events that wait":                 {[]engine.Command{start("a"), engine.Raise{ID: "a", Name: "e", Input: payload}, engine.Raise{ID: "a", Name: "e", Input: payload}}, 2 * size},
		"operations that wait":             {[]engine.Command{signal, signal, signal}, 3 * size},
		"one that has ended":               {[]engine.Command{engine.Start{Request: input}, engine.Terminate{ID: "a"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				for _, cmd := range tc.cmds {
					w.do(cmd)
				}
				if got := w.hub.IdleBytes(); got < tc.want || got > tc.want+1000 {
					t.Errorf("got %d bytes, want %d or a little more", got, tc.want)
				}
			})
		})
	}
}

func TestAStateCountsAsIdle(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.do(engine.Signal{ID: "@e@a", Event: &dtspb.EntityOperationSignaledEvent{Operation: "op"}})
		item := w.next(w.worker())
		if got := w.hub.IdleBytes(); got != 0 {
			t.Errorf("got %d bytes while the batch is at a worker, want 0", got)
		}
		l, _ := w.hub.Queue.Find(item.GetCompletionToken())
		const size = 100_000
		err := w.hub.CompleteEntity(t.Context(), l, &dtspb.EntityBatchResult{
			EntityState: wrapperspb.String(strings.Repeat("x", size)), Results: []*dtspb.OperationResult{{}},
		})
		if got := w.hub.IdleBytes(); got != size || err != nil {
			t.Errorf("got %d bytes, %v; want %d", got, err, size)
		}
	})
}

func TestWhatIsIdleHasABound(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		input := wrapperspb.String(strings.Repeat("x", 1<<20))
		const instances = hub.MaxIdleBytes>>20 + 10
		for i := range instances {
			w.do(engine.Start{Request: &dtspb.CreateInstanceRequest{InstanceId: fmt.Sprint(i), Name: "orc", Input: input}})
		}
		if got := w.hub.IdleBytes(); got > hub.MaxIdleBytes || got < hub.MaxIdleBytes/2 {
			t.Errorf("%d bytes are idle, want at most %d and not much less", got, hub.MaxIdleBytes)
		}
		if n := w.hub.InMemory(); n >= instances {
			t.Errorf("all %d instances are in memory", n)
		}
	})
}

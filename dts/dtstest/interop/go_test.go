package interop

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
)

// work runs our own worker, the Go side of each scenario, until the test ends.
func work(t *testing.T, sched *dtstest.Scheduler) {
	t.Helper()
	r := worker.NewRegistry()
	var mended sync.Map // instances whose next attempt succeeds
	err := errors.Join(
		addEntities(r),
		r.Activity("go-greet", func(_ context.Context, input []byte) ([]byte, error) {
			var name string
			if err := json.Unmarshal(input, &name); err != nil {
				return nil, err
			}
			return json.Marshal("Hello, " + name + ", from go")
		}),
		r.Orchestrator("go-echo", func(_ *worker.Context, input []byte) ([]byte, error) { return input, nil }),
		r.Orchestrator("go-fail", func(*worker.Context, []byte) ([]byte, error) { return nil, errors.New("no stock") }),
		r.Orchestrator("go-approval", func(c *worker.Context, _ []byte) ([]byte, error) {
			c.SetStatus([]byte(`{"waits":"decision"}`))
			return c.Event("decision").Await()
		}),
		r.Orchestrator("go-spin", func(c *worker.Context, input []byte) ([]byte, error) {
			n, err := strconv.Atoi(string(input))
			if err != nil {
				return nil, err
			}
			if n > 0 {
				return nil, c.ContinueAsNew(strconv.AppendInt(nil, int64(n-1), 10), worker.ContinueOptions{})
			}
			return []byte(`"done"`), nil
		}),
		r.Orchestrator("go-żółw", func(c *worker.Context, _ []byte) ([]byte, error) {
			c.SetStatus([]byte(`"czeka na ćmę"`))
			return c.Event("ćma").Await()
		}),
		r.Orchestrator("go-mend", func(c *worker.Context, input []byte) ([]byte, error) {
			return c.Activity("go-mend", input, worker.ActivityOptions{}).Await()
		}),
		r.Activity("go-mend", func(ctx context.Context, input []byte) ([]byte, error) {
			info, _ := worker.ActivityInfoFrom(ctx)
			if _, again := mended.LoadOrStore(info.InstanceID, true); !again {
				return nil, errors.New("no stock")
			}
			return input, nil
		}),
		r.Orchestrator("go-keeper", func(c *worker.Context, input []byte) ([]byte, error) {
			var child string
			if err := json.Unmarshal(input, &child); err != nil {
				return nil, err
			}
			return c.Orchestration("go-approval", nil, worker.OrchestrationOptions{ID: child}).Await()
		}),
		r.Orchestrator("go-call", func(c *worker.Context, input []byte) ([]byte, error) {
			var to struct {
				Activity string
				Input    json.RawMessage
			}
			if err := json.Unmarshal(input, &to); err != nil {
				return nil, err
			}
			return c.Activity(to.Activity, to.Input, worker.ActivityOptions{}).Await()
		}),
		r.Orchestrator("go-delegate", func(c *worker.Context, input []byte) ([]byte, error) {
			var to struct {
				Orchestrator string
				Input        json.RawMessage
			}
			if err := json.Unmarshal(input, &to); err != nil {
				return nil, err
			}
			return c.Orchestration(to.Orchestrator, to.Input, worker.OrchestrationOptions{}).Await()
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.New(sched.Client(), r, worker.WithDrain(0)).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
}

package interop

import (
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

// TestWorkOfAKilledWorkerIsDoneByAnother kills a worker process while it holds an
// activity, and one that holds a turn.
func TestWorkOfAKilledWorkerIsDoneByAnother(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		for orchestrator, held := range map[string]string{"holdActivity": "activity", "holdTurn": "turn"} {
			t.Run(held, func(t *testing.T) {
				s.scenario(t)
				c, ctx := sched.Client(), inTime(t)
				doomed := s.start(t, sched, "default", "worker")
				id, err := c.Start(ctx, dts.StartRequest{Name: s.name + "-" + orchestrator})
				if err != nil {
					t.Fatal(err)
				}
				var report struct{ Holding string }
				if err := doomed.next(ctx, &report); err != nil || report.Holding != held {
					t.Fatalf("worker reports %+v, error %v", report, err)
				}
				doomed.kill()
				s.start(t, sched, "default", "worker", "release")
				if in, err := c.Wait(ctx, id); err != nil || string(in.Output) != `"released"` {
					t.Errorf("instance is %+v, error %v", in, err)
				}
			})
		}
	})
}

// TestCrowdOutlivesAWorker lets two worker processes share many orchestrations
// and kills one of them in the middle.
func TestCrowdOutlivesAWorker(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		s.scenario(t)
		c, ctx := sched.Client(), inTime(t)
		doomed := s.start(t, sched, "default", "worker")
		s.start(t, sched, "default", "worker")
		connected(ctx, t, c, 2)
		var ids []string
		for range 60 {
			id, err := c.Start(ctx, dts.StartRequest{Name: s.name + "-chain", Input: []byte(`"Ana"`)})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		for i, id := range ids {
			in, err := c.Wait(ctx, id)
			if err != nil || string(in.Output) != `"Hello, Ana, from `+s.name+`"` {
				t.Fatalf("instance is %+v, error %v", in, err)
			}
			if i == 0 {
				doomed.kill()
				connected(ctx, t, c, 1)
			}
		}
		if backlog, err := c.Backlog(ctx); err != nil || backlog != (dts.Backlog{Workers: 1}) {
			t.Errorf("what is left is %+v, error %v", backlog, err)
		}
	})
}

// TestForeignWorkerOutlivesTheScheduler cuts the power of the scheduler while an
// orchestration waits: the worker comes back by itself and finishes it.
func TestForeignWorkerOutlivesTheScheduler(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		s.scenario(t)
		c, ctx := sched.Client(), inTime(t)
		s.start(t, sched, "default", "worker")
		id, err := c.Start(ctx, dts.StartRequest{Name: s.name + "-approval", Input: []byte(`3600`)})
		if err != nil {
			t.Fatal(err)
		}
		until(ctx, t, c, id, waitsForDecision)
		sched.Crash()
		if err := c.Raise(ctx, id, "decision", []byte(`"yes"`)); err != nil {
			t.Fatal(err)
		}
		if in, err := c.Wait(ctx, id); err != nil || string(in.Output) != `"yes"` {
			t.Errorf("instance is %+v, error %v", in, err)
		}
		ask(t, c, s.name+"-sequence", []string{"Ana"}, `["Hello, Ana, from `+s.name+`"]`)
	})
}

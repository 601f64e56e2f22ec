package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

func (s sdk) counter(key string) dts.EntityID {
	return dts.EntityID{Name: s.name + "-counter", Key: key}
}

// TestForeignEntity lets one worker process per SDK run entities that our client
// signals, and orchestrations that use them.
func TestForeignEntity(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		if s.has(entities) {
			s.start(t, sched, "default", "worker")
		}
		c := sched.Client()
		run := func(name string, test func(ctx context.Context, t *testing.T, key string)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.scenario(t, entities)
				test(inTime(t), t, name)
			})
		}
		run("operations-in-order", func(ctx context.Context, t *testing.T, key string) {
			for range 30 {
				signal(ctx, t, c, s.counter(key), "add", "1")
			}
			ask(t, c, s.name+"-ask", operand{Entity: s.name + "-counter", Key: key, Operation: "get"}, `30`)
		})
		run("failure-leaves-no-trace", func(ctx context.Context, t *testing.T, key string) {
			signal(ctx, t, c, s.counter(key), "add", "1")
			signal(ctx, t, c, s.counter(key), "refuse", `"nobody hears of this"`)
			in := start(t, c, s.name+"-ask", operand{Entity: s.name + "-counter", Key: key, Operation: "refuse", Input: json.RawMessage(`"no stock"`)})
			if in.Status != dts.StatusFailed || in.Failure == nil || !strings.Contains(in.Failure.Message, "no stock") {
				t.Errorf("the caller is %+v with failure %v", in, in.Failure)
			}
			ask(t, c, s.name+"-ask", operand{Entity: s.name + "-counter", Key: key, Operation: "get"}, `1`)
			// The signal of an operation that failed would come before this.
			ask(t, c, s.name+"-ask", operand{Entity: s.name + "-counter", Key: "trace", Operation: "get"}, `0`)
		})
		run("unknown-operation", func(_ context.Context, t *testing.T, key string) {
			in := start(t, c, s.name+"-ask", operand{Entity: s.name + "-counter", Key: key, Operation: "sing"})
			if in.Status != dts.StatusFailed || in.Failure == nil || !strings.Contains(in.Failure.Message, "sing") {
				t.Errorf("the caller is %+v with failure %v", in, in.Failure)
			}
		})
		run("signals-another", func(ctx context.Context, t *testing.T, key string) {
			signal(ctx, t, c, s.counter(key), "give", fmt.Sprintf(`{"entity":"%s-counter","key":"given","amount":7}`, s.name))
			untilState(ctx, t, c, s.counter("given"), "7")
		})
		run("starts-an-orchestration", func(ctx context.Context, t *testing.T, key string) {
			signal(ctx, t, c, s.counter(key), "begin", fmt.Sprintf(`{"orchestrator":"%s-echo","id":"begun","input":[7]}`, s.name))
			until(ctx, t, c, "begun", func(in *dts.Instance) bool { return string(in.Output) == `[7]` })
		})
		run("deletes-itself", func(ctx context.Context, t *testing.T, key string) {
			signal(ctx, t, c, s.counter(key), "add", "1")
			untilState(ctx, t, c, s.counter(key), "1")
			signal(ctx, t, c, s.counter(key), "delete", "")
			untilState(ctx, t, c, s.counter(key), "")
		})
		run("signal-at-a-time", func(ctx context.Context, t *testing.T, key string) {
			began := time.Now()
			ask(t, c, s.name+"-remind", operand{Entity: s.name + "-counter", Key: key, Amount: 3}, `true`)
			if e, err := c.Entity(ctx, s.counter(key)); !errors.Is(err, dts.ErrNotFound) && time.Since(began) < time.Second {
				t.Errorf("before its time the signal has made %+v, error %v", e, err)
			}
			untilState(ctx, t, c, s.counter(key), "3")
			if took := time.Since(began); took < time.Second {
				t.Errorf("a signal in a second came after %v", took)
			}
		})
		run("orchestrations-take-turns", func(ctx context.Context, t *testing.T, key string) {
			var ids []string
			for _, keys := range [][]string{{key + "-a", key + "-b"}, {key + "-b", key + "-a"}} {
				input, err := json.Marshal(operand{Entity: s.name + "-counter", Keys: keys})
				if err != nil {
					t.Fatal(err)
				}
				id, err := c.Start(ctx, dts.StartRequest{Name: s.name + "-guard", Input: input})
				if err != nil {
					t.Fatal(err)
				}
				if len(ids) == 0 {
					until(ctx, t, c, id, waitsForDecision)
				}
				ids = append(ids, id)
			}
			second := until(ctx, t, c, ids[1], func(in *dts.Instance) bool { return in.Status == dts.StatusRunning })
			if waitsForDecision(second) {
				t.Error("both orchestrations hold the locks")
			}
			for _, id := range ids {
				until(ctx, t, c, id, waitsForDecision)
				if err := c.Raise(ctx, id, "decision", []byte(`1`)); err != nil {
					t.Fatal(err)
				}
				if in, err := c.Wait(ctx, id); err != nil || in.Status != dts.StatusCompleted {
					t.Errorf("with the locks it is %+v, error %v", in, err)
				}
			}
		})
		run("lock-is-released-when-its-owner-ends", func(ctx context.Context, t *testing.T, key string) {
			input, err := json.Marshal(operand{Entity: s.name + "-counter", Keys: []string{key, key + "-too"}})
			if err != nil {
				t.Fatal(err)
			}
			id, err := c.Start(ctx, dts.StartRequest{Name: s.name + "-guard", Input: input})
			if err != nil {
				t.Fatal(err)
			}
			until(ctx, t, c, id, waitsForDecision)
			signal(ctx, t, c, s.counter(key), "add", "1")
			if e, err := c.Entity(ctx, s.counter(key)); !errors.Is(err, dts.ErrNotFound) {
				t.Errorf("a locked entity has worked for others: %+v, error %v", e, err)
			}
			if err := c.Terminate(ctx, id, "by mistake"); err != nil {
				t.Fatal(err)
			}
			untilState(ctx, t, c, s.counter(key), "1")
		})
	})
}

// TestEntitiesAcrossLanguages lets orchestrators of each language signal, call and
// lock entities of each. The transfers of all languages lock the same two entities
// at the same time, in both orders.
//
//nolint:tparallel // the group ends before what has come of it is looked at
func TestEntitiesAcrossLanguages(t *testing.T) {
	t.Parallel()
	sched, languages := babel(t)
	c := sched.Client()
	t.Run("pairs", func(t *testing.T) {
		for _, caller := range languages {
			for _, owner := range languages {
				t.Run(caller.name+"-uses-"+owner.name, func(t *testing.T) {
					t.Parallel()
					caller.scenario(t)
					counter := owner.name + "-counter"
					ask(t, c, caller.name+"-visit", operand{Entity: counter, Key: caller.name}, `5`)
					ask(t, c, caller.name+"-ask", operand{Entity: counter, Key: caller.name, Operation: "add", Input: json.RawMessage("-1")}, `4`)
					for i := range 4 {
						o := operand{Entity: counter, From: "a", To: "b", Amount: 1}
						if i%2 == 1 {
							o.From, o.To = o.To, o.From
						}
						if in := start(t, c, caller.name+"-transfer", o); in.Status != dts.StatusCompleted {
							t.Errorf("transfer ended as %v: %v", in.Status, in.Failure)
						}
					}
				})
			}
		}
	})
	ctx := inTime(t)
	for _, owner := range languages {
		for _, key := range []string{"a", "b"} { // as much came as went
			untilState(ctx, t, c, owner.counter(key), "0")
		}
	}
	backlogIs(ctx, t, c, dts.Backlog{Workers: len(languages)})
}

// TestMetricsFollowForeignWork looks at the metrics while work waits, is held, is
// lost with its worker, waits again and is done.
func TestMetricsFollowForeignWork(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		s.scenario(t, entities, filters)
		c, ctx := sched.Client(), inTime(t)
		began := time.Now()
		for _, key := range []string{"a", "b", "c"} {
			signal(ctx, t, c, s.counter(key), "hold", "")
			signal(ctx, t, c, s.counter(key), "add", "1") // one batch per entity, however much it is asked for
		}
		var ids []string
		for range 2 {
			id, err := c.Start(ctx, dts.StartRequest{Name: s.name + "-holdActivity"})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		waiting := dts.Backlog{Orchestrations: dts.Work{Pending: 2}, Entities: dts.Work{Pending: 3}}
		backlogIs(ctx, t, c, waiting)
		for oldest := time.Duration(0); oldest == 0; {
			b, err := c.Backlog(ctx)
			oldest = b.Entities.Oldest
			if age := time.Since(began); err != nil || oldest > age || age > 10*time.Second {
				t.Fatalf("after %v the oldest has waited for %v, error %v", age, oldest, err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}

		doomed := s.start(t, sched, "default", "worker", "filters")
		held := dts.Backlog{Activities: dts.Work{Active: 2}, Entities: dts.Work{Active: 3}, Workers: 1}
		backlogIs(ctx, t, c, held)
		for range 5 { // it does hold them, and not only the scheduler says so
			var report struct{ Holding string }
			if err := doomed.next(ctx, &report); err != nil {
				t.Fatal(err)
			}
		}
		doomed.kill()
		backlogIs(ctx, t, c, dts.Backlog{Activities: dts.Work{Pending: 2}, Entities: dts.Work{Pending: 3}})

		s.start(t, sched, "default", "worker", "filters", "release")
		for _, id := range ids {
			if in, err := c.Wait(ctx, id); err != nil || string(in.Output) != `"released"` {
				t.Errorf("instance is %+v, error %v", in, err)
			}
		}
		for _, key := range []string{"a", "b", "c"} {
			untilState(ctx, t, c, s.counter(key), "1")
		}
		backlogIs(ctx, t, c, dts.Backlog{Workers: 1})
	})
}

// TestForeignEntityOutlivesTheScheduler cuts the power between operations.
func TestForeignEntityOutlivesTheScheduler(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		s.scenario(t, entities)
		c, ctx := sched.Client(), inTime(t)
		s.start(t, sched, "default", "worker")
		signal(ctx, t, c, s.counter("a"), "add", "1")
		untilState(ctx, t, c, s.counter("a"), "1")
		sched.Crash()
		untilState(ctx, t, c, s.counter("a"), "1")
		signal(ctx, t, c, s.counter("a"), "add", "1")
		untilState(ctx, t, c, s.counter("a"), "2")
	})
}

func signal(ctx context.Context, t *testing.T, c *dts.Client, id dts.EntityID, op, input string) {
	t.Helper()
	var payload []byte
	if input != "" {
		payload = []byte(input)
	}
	if err := c.Signal(ctx, id, op, payload); err != nil {
		t.Fatal(err)
	}
}

// untilState waits until an entity has a state, none if it is empty.
func untilState(ctx context.Context, t *testing.T, c *dts.Client, id dts.EntityID, want string) {
	t.Helper()
	for {
		e, err := c.Entity(ctx, id)
		if want == "" && errors.Is(err, dts.ErrNotFound) || want != "" && err == nil && string(e.State) == want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("entity %s stays %+v, error %v, want state %q", id, e, err, want)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

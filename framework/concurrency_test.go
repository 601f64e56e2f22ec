package framework_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
)

// peaks counts how many of each kind were under way at once.
type peaks struct {
	mu        sync.Mutex
	now, most map[string]int
}

func (p *peaks) busy(kind string) {
	p.mu.Lock()
	p.now[kind]++
	p.most[kind] = max(p.most[kind], p.now[kind])
	p.mu.Unlock()
	time.Sleep(time.Second)
	p.mu.Lock()
	p.now[kind]--
	p.mu.Unlock()
}

func TestHostTakesNoMoreAtOnceThanItsSettingsSay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		p := &peaks{now: map[string]int{}, most: map[string]int{}}
		work := durable.NewActivity("work", func(context.Context, durable.None) (durable.None, error) {
			p.busy("activities")
			return durable.None{}, nil
		})
		counter := durable.NewEntity[int]("counter")
		add := durable.NewOperation(counter, "add", func(*int, *durable.EntityContext, durable.None) (durable.None, error) {
			p.busy("entities")
			return durable.None{}, nil
		})
		fan := durable.NewOrchestrator("fan", func(ctx *durable.Context, key string) (durable.None, error) {
			if !ctx.Replaying() {
				p.busy("orchestrations")
			}
			if err := add.Signal(ctx, key, durable.None{}); err != nil {
				return durable.None{}, err
			}
			return work.Call(ctx, durable.None{})
		})
		app := framework.New("test", framework.WithClient(s.Client()),
			framework.Set("role", "worker"), framework.Set("admin-listen", "none"), framework.Set("log-level", "error"),
			framework.Set("max-orchestrations", "4"), framework.Set("max-activities", "3"), framework.Set("max-entities", "2")).Add(work, counter, fan)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- app.Run(ctx) }()
		var ids []string
		for i := range 12 {
			id, err := s.Client().Start(t.Context(), dts.StartRequest{Name: "fan", Input: fmt.Appendf(nil, "%q", fmt.Sprint(i))})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		for _, id := range ids {
			if i, err := s.Client().Wait(t.Context(), id); err != nil || i.Status != dts.StatusCompleted {
				t.Errorf("instance %v: %v", i, err)
			}
		}
		time.Sleep(time.Minute) // nobody waits for the entities
		p.mu.Lock()
		defer p.mu.Unlock()
		if diff := cmp.Diff(map[string]int{"orchestrations": 4, "activities": 3, "entities": 2}, p.most); diff != "" {
			t.Errorf("most at once (-want +got):\n%s", diff)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
